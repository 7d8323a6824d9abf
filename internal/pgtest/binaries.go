package pgtest

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// binaryFolders are the folders of the server's binaries in packages that do not put them
// on the PATH: Debian, Fedora and the PostgreSQL project's own packages, Alpine, Homebrew on
// both kinds of Mac, Postgres.app.
var binaryFolders = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/libexec/postgresql*",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/local/pgsql/bin",
}

var errNoServer = errors.New(`there is no PostgreSQL server to test with. Install one:
  Debian, Ubuntu   apt-get install postgresql
  Fedora, RHEL     dnf install postgresql-server
  macOS            brew install postgresql@17
or set ` + Env + `=postgres://user:password@host:5432/postgres to a server on which the user may create databases`)

// findBinaries returns the folder with initdb and postgres: the one on the PATH, or else the
// newest one that is installed.
func findBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && isServer(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	var found []string
	for _, pattern := range binaryFolders {
		folders, _ := filepath.Glob(pattern) // the patterns are well-formed
		found = append(found, folders...)
	}
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(majorVersion(b), majorVersion(a)) })
	for _, folder := range found {
		if isServer(folder) {
			return folder, nil
		}
	}
	return "", errNoServer
}

func isServer(folder string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// majorVersion returns the first number in a path, or 0 if there is none.
func majorVersion(path string) int {
	digits := path[len(path)-len(strings.TrimLeftFunc(path, notDigit)):]
	if i := strings.IndexFunc(digits, notDigit); i >= 0 {
		digits = digits[:i]
	}
	n, _ := strconv.Atoi(digits)
	return n
}

func notDigit(r rune) bool { return r < '0' || r > '9' }
