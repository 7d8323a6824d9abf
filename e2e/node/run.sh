#!/usr/bin/env bash
# Tests examples/server with Resend's published clients for Node.js and for the command
# line. The first run installs the clients; later runs need no network.
set -euo pipefail
cd "$(dirname "$0")"

for tool in go node npm curl jq; do
	if ! command -v "$tool" >/dev/null; then
		printf 'e2e: %s is missing. Install Go, Node.js 20 or newer with npm, curl and jq.\n' "$tool" >&2
		exit 1
	fi
done

if ! cmp -s package-lock.json node_modules/.installed; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cp package-lock.json node_modules/.installed
fi

work=$(mktemp -d)
(cd ../.. && go build -o "$work/server" ./examples/server)
touch "$work/out"
"$work/server" -addr 127.0.0.1:0 -sample=false -db "$work/automation.db" >"$work/out" 2>"$work/log" &
server=$!

# stop stops the server, and shows its log if a test failed.
stop() {
	local status=$?
	kill "$server" 2>/dev/null || true
	wait "$server" || status=1
	if ((status != 0)); then
		cat "$work/log" >&2
	fi
	rm -rf "$work"
	exit "$status"
}
trap stop EXIT

until grep -q '^export ' "$work/out"; do
	kill -0 "$server" # fails and ends the script if the server has ended
	sleep 0.05
done
source <(grep '^export ' "$work/out")

export HOME=$work RESEND_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1 RESEND_NO_UPDATE_NOTIFIER=1
node --test --test-concurrency=1 --test-reporter=spec ./*.test.mjs
