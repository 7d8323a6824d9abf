package pgtest_test

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
)

// childEnv is set in a process that a test starts, which starts a server, prints its URL and
// waits to be killed.
const childEnv = "AUTOMATION_PGTEST_CHILD"

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// value returns the single value of a query.
func value[T any](t *testing.T, conn *pgx.Conn, query string) T {
	t.Helper()
	var v T
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&v))
	return v
}

func execute(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), statement)
	require.NoError(t, err)
}

func TestURL_DatabasesShareNothing(t *testing.T) {
	t.Parallel()
	for range 2 {
		execute(t, connect(t, pgtest.URL(t)), "CREATE TABLE taken (n int)")
	}
}

func TestURL_DatabaseIsGoneAfterTheTest(t *testing.T) {
	t.Parallel()
	var address string
	t.Run("a test", func(t *testing.T) { address = pgtest.URL(t) })
	_, err := pgx.Connect(t.Context(), address)
	require.ErrorContains(t, err, "3D000", "there is no such database")
}

func TestServer_KeepsDataThroughStops(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgtest.StopMode{pgtest.Fast, pgtest.Immediate} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := pgtest.Start(t, pgtest.Options{Settings: []string{"max_connections=17"}})
			conn := connect(t, s.URL())
			require.Equal(t, "17", value[string](t, conn, "SHOW max_connections"))
			require.Equal(t, "on", value[string](t, conn, "SHOW fsync"))
			execute(t, conn, "CREATE TABLE kept AS SELECT 42 AS n")

			require.NoError(t, s.Stop(mode))
			require.Error(t, conn.Ping(t.Context()))
			_, err := pgx.Connect(t.Context(), s.URL())
			require.Error(t, err)

			require.NoError(t, s.Start())
			require.Equal(t, 42, value[int](t, connect(t, s.URL()), "SELECT n FROM kept"))
		})
	}
}

func TestServer_EndsWithItsProcess(t *testing.T) {
	t.Parallel()
	if os.Getenv(childEnv) != "" {
		fmt.Println(pgtest.Start(t, pgtest.Options{}).URL())
		select {}
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childEnv+"=1")
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	address, err := url.Parse(line[:len(line)-1])
	require.NoError(t, err)
	folder := address.Query().Get("host")
	conn := connect(t, address.String())

	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())

	require.Eventually(t, func() bool {
		_, err := os.Stat(folder)
		return os.IsNotExist(err)
	}, 30*time.Second, 10*time.Millisecond, "the folder is removed")
	require.Error(t, conn.Ping(t.Context()))
}

func TestBouncer_SharesSessions(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(pgtest.Bouncer(t, pgtest.URL(t)))
	require.NoError(t, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // prepared statements belong to a session
	sessions := map[int]bool{}
	for range 10 {
		conn, err := pgx.ConnectConfig(t.Context(), config)
		require.NoError(t, err)
		sessions[value[int](t, conn, "SELECT pg_backend_pid()")] = true
		require.NoError(t, conn.Close(t.Context()))
	}
	require.LessOrEqual(t, len(sessions), 4)
}
