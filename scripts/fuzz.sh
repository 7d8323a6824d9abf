#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time: scripts/fuzz.sh 30s
set -euo pipefail
cd "$(dirname "$0")/.."

fuzztime=${1:-30s}
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "$package"
	done
done
