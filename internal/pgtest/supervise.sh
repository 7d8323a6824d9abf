# supervise.sh FOLDER COMMAND [ARGUMENT...] runs a server. Each line on standard input is
# the name of a signal for the server. The end of standard input means that the process
# that started the server is gone: supervise.sh then stops the server and removes its
# folder. No other process could do that, so supervise.sh ignores the signals that would
# end it.
trap '' HUP INT TERM
exec 3<&0
folder=$1
shift
"$@" </dev/null 3<&- &
server=$!
(
	while read -r signal <&3; do kill -s "$signal" "$server"; done
	kill -s QUIT "$server"
	exit 9
) &
reader=$!
wait "$server"
status=$?
kill -s KILL "$reader" 2>/dev/null
wait "$reader"
if [ $? = 9 ]; then rm -rf "$folder"; fi
exit "$status"
