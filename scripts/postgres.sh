#!/usr/bin/env bash
# Ensures that the tests find a PostgreSQL server: the server of
# AUTOMATION_TEST_POSTGRES, or installed binaries, from which the tests start servers of
# their own. On Debian and Ubuntu, as root, it installs missing binaries. It installs
# PgBouncer, too, but only with INSTALL_PGBOUNCER=1 or in CI. It prints what it installs
# before it does so. The list of folders is the same as in internal/pgtest.
set -euo pipefail
shopt -s nullglob

root=${AUTOMATION_TEST_ROOT:-} # the test of this script sets it to a folder

# found NAME...: succeeds if one folder has all these binaries.
found() {
	local folder name path
	path=$(command -v "$1" || true)
	for folder in ${path:+"$(dirname "$(readlink -f "$path")")"} \
		"$root"/usr/lib/postgresql/*/bin "$root"/usr/pgsql-*/bin "$root"/usr/libexec/postgresql* \
		"$root"/opt/homebrew/opt/postgresql@*/bin "$root"/usr/local/opt/postgresql@*/bin \
		"$root"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin \
		"$root"/Applications/Postgres.app/Contents/Versions/*/bin "$root"/usr/local/pgsql/bin "$root"/usr/sbin; do
		for name in "$@"; do
			[[ -x $folder/$name ]] || continue 2
		done
		return 0
	done
	return 1
}

missing=()
[[ -n ${AUTOMATION_TEST_POSTGRES:-} ]] || found initdb postgres || missing+=(postgresql)
if ! found pgbouncer; then
	if [[ -n ${INSTALL_PGBOUNCER:-}${CI:-} ]]; then
		missing+=(pgbouncer)
	else
		echo "PgBouncer is not installed, and the tests that need it are skipped: make test INSTALL_PGBOUNCER=1 installs it on Debian and Ubuntu, as root"
	fi
fi
[[ ${#missing[@]} -gt 0 ]] || exit 0

if command -v apt-get >/dev/null && [[ $(id -u) -eq 0 ]]; then
	echo "installing ${missing[*]} for the tests, with apt-get"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q </dev/null || true # outdated package lists may be enough
	if apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null; then
		exit 0
	fi
	echo "apt-get could not install ${missing[*]}" >&2
fi

if [[ ${missing[0]} == pgbouncer ]]; then
	echo "PgBouncer could not be installed, and the tests that need it are skipped"
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
