#!/usr/bin/env bash
# Ensures that the tests find a PostgreSQL server: the server of
# AUTOMATION_TEST_POSTGRES, or installed binaries, from which the tests start servers of
# their own. It installs the binaries and PgBouncer on Debian and Ubuntu, if it runs as
# root. The list of folders is the same as in internal/pgtest.
set -euo pipefail
shopt -s nullglob

# found NAME...: succeeds if one folder has all these binaries.
found() {
	local folder name path
	path=$(command -v "$1" || true)
	for folder in ${path:+"$(dirname "$(readlink -f "$path")")"} \
		/usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* \
		/opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin \
		/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin \
		/Applications/Postgres.app/Contents/Versions/*/bin /usr/local/pgsql/bin /usr/sbin; do
		for name in "$@"; do
			[[ -x $folder/$name ]] || continue 2
		done
		return 0
	done
	return 1
}

missing=()
[[ -n ${AUTOMATION_TEST_POSTGRES:-} ]] || found initdb postgres || missing+=(postgresql)
found pgbouncer || missing+=(pgbouncer)
[[ ${#missing[@]} -gt 0 ]] || exit 0

if command -v apt-get >/dev/null && [[ $EUID -eq 0 ]]; then
	echo "installing ${missing[*]} for the tests"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q </dev/null || true # outdated package lists may be enough
	if apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null; then
		exit 0
	fi
	echo "apt-get could not install ${missing[*]}" >&2
fi

if [[ ${missing[0]} == pgbouncer ]]; then
	echo "PgBouncer is not installed (Debian, Ubuntu: apt-get install pgbouncer): the tests that need it are skipped"
	exit 0
fi
cat >&2 <<'TEXT'
There is no PostgreSQL server for the tests. Install one:
  Debian, Ubuntu   sudo apt-get install postgresql
  Fedora, RHEL     sudo dnf install postgresql-server
  macOS            brew install postgresql@17
or set AUTOMATION_TEST_POSTGRES=postgres://user:password@host:5432/postgres to a
server on which the user may create databases.
TEXT
exit 1
