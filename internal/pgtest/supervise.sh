# supervise.sh FOLDER COMMAND [ARGUMENT...] runs a server. Each line on standard
# input is the name of a signal that it is to get. When standard input ends, the
# process that has started the server is gone: then the server and its folder go
# too. In that case this is all that is left to do it, so no signal may end it.
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
