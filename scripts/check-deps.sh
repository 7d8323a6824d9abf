#!/usr/bin/env bash
# Fails if a package depends on code that its users should not have to link. The root
# package and the packages of observe may depend only on the standard library and the JSON
# Schema library, and the root package not on databases, HTTP or SMTP. No package may depend
# on code for tests, except for the test suites.
set -euo pipefail
cd "$(dirname "$0")/.."

module=$(go list -m)
failed=0

# refuse PACKAGE PATTERN: fails if PACKAGE links a package that matches.
refuse() {
	local found
	if found=$(go list -deps "$1" | grep -E "$2"); then
		printf '%s must not depend on:\n%s\n' "$1" "$found" >&2
		failed=1
	fi
}

modules=$(go list -deps -f '{{with .Module}}{{.Path}}{{end}}' . ./observe/... | sort -u)
if foreign=$(grep -vxE "|$module|github.com/santhosh-tekuri/jsonschema/v5" <<<"$modules"); then
	printf '%s and its packages of observe must not depend on the modules:\n%s\n' "$module" "$foreign" >&2
	failed=1
fi

# The command line tool is part of this module: a dependency of its own would be one of
# every application.
stores=$(go list -deps -f '{{with .Module}}{{.Path}}{{end}}' ./store/postgres ./store/sqlite/sqlitefile | sort -u)
tool=$(go list -deps -f '{{with .Module}}{{.Path}}{{end}}' ./cmd/automation | sort -u)
if foreign=$(grep -vxF "$stores" <<<"$tool"); then
	printf 'cmd/automation must not depend on the modules:\n%s\n' "$foreign" >&2
	failed=1
fi
refuse . '^(database/sql|net/http|net/smtp|os/exec|plugin)(/|$)'

for package in $(go list ./...); do
	case $package in
	*/storetest | */enginetest | */storebench | */inleasetest | */automationtest | */pgtest | */internal/world) ;; # packages for tests
	*) refuse "$package" '^testing(/|$)|^github.com/stretchr/testify|^pgregory.net/rapid' ;;
	esac
done

exit "$failed"
