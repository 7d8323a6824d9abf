package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Bouncer returns the URL of the same database behind a PgBouncer for this test, which pools
// transactions: each transaction of a client may run in another session of the server. The
// test is skipped if PgBouncer is not installed.
func Bouncer(tb testing.TB, database string) string {
	tb.Helper()
	binary, err := findBouncer()
	if err != nil {
		tb.Skip("PgBouncer is not installed: make test INSTALL_PGBOUNCER=1 installs it on Debian and Ubuntu, as root")
	}
	folder, err := newFolder()
	if err != nil {
		tb.Fatal(err)
	}
	url, err := folder.startBouncer(tb, binary, database)
	if err != nil {
		tb.Fatal(errors.Join(err, folder.remove()))
	}
	return url
}

// findBouncer also looks in the folder where Debian puts binaries that only root has on the
// PATH.
func findBouncer() (string, error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		return exec.LookPath("/usr/sbin/pgbouncer")
	}
	return path, nil
}

func (f *folder) startBouncer(tb testing.TB, binary, database string) (string, error) {
	server, err := pgx.ParseConfig(database)
	if err != nil {
		return "", err
	}
	config := filepath.Join(f.path, "pgbouncer.ini")
	if err := os.WriteFile(config, []byte(f.bouncerConfig(server)), 0o644); err != nil {
		return "", err
	}
	p, err := f.supervise(binary, config)
	if err != nil {
		return "", err
	}
	tb.Cleanup(func() {
		if err := errors.Join(p.stop("TERM"), f.remove()); err != nil {
			tb.Error(err)
		}
	})
	url := socketURL(f.path, server.Database)
	return url, p.ready(url)
}

// bouncerConfig accepts every client that can reach the socket, as the user of the server's
// URL. It has few sessions, so that clients must share them.
func (f *folder) bouncerConfig(server *pgx.ConnConfig) string {
	target := fmt.Sprintf("host=%s port=%d user=%s", server.Host, server.Port, server.User)
	if server.Password != "" {
		target += fmt.Sprintf(" password='%s'", strings.ReplaceAll(server.Password, "'", "''"))
	}
	return fmt.Sprintf(`[databases]
* = %s
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = %s
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
`, target, f.path)
}
