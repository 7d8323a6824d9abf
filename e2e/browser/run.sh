#!/usr/bin/env bash
# Tests the dashboard in a real Chromium. On Debian and Ubuntu, as root, it installs a
# missing Chromium. The first run installs axe-core, which finds what keeps people out.
set -euo pipefail
cd "$(dirname "$0")"

for tool in go npm; do
	if ! command -v "$tool" >/dev/null; then
		printf 'e2e-browser: %s is missing. Install Go, and Node.js with npm.\n' "$tool" >&2
		exit 1
	fi
done

if ! command -v chromium chromium-browser google-chrome >/dev/null; then
	if ! command -v apt-get >/dev/null || [[ $(id -u) -ne 0 ]]; then
		echo 'e2e-browser: there is no Chromium. Install it: apt-get install chromium, or brew install --cask chromium' >&2
		exit 1
	fi
	echo 'installing chromium for the tests, with apt-get'
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q </dev/null || true # outdated package lists may be enough
	apt-get install -q -y --no-install-recommends chromium </dev/null
fi

if ! cmp -s package-lock.json node_modules/.installed; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cp package-lock.json node_modules/.installed
fi

go test -race -shuffle=on "$@" ./...
