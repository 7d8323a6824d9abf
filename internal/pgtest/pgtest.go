// Package pgtest gives tests a PostgreSQL database of their own.
//
// By default it starts a throw-away server from the installed binaries, one for each test
// binary, with its data in a temporary folder. The server ends together with the process
// that started it, also if that process is killed. If AUTOMATION_TEST_POSTGRES is the URL of
// a running server, the tests use that server instead, create databases with random names
// there, and drop them again.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names the environment variable with the URL of a server to use. Its user
// must be allowed to create databases.
const Env = "AUTOMATION_TEST_POSTGRES"

// timeout bounds one action of pgtest on a server, such as creating a database.
const timeout = time.Minute

// URL returns the URL of a new, empty database, which is dropped when the test ends. All
// tests of the process share one server. If there is no server and none can be started, the
// test fails with a message that names what to install.
func URL(tb testing.TB) string {
	tb.Helper()
	server, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return newDatabase(tb, server())
}

// shared returns a function that returns the URL of the server that the tests of this process
// share. The function keeps a server that was started reachable: if the server were garbage
// collected, its folder would lose its lock, and another process would remove the folder.
var shared = sync.OnceValues(func() (func() string, error) {
	if server := os.Getenv(Env); server != "" {
		return func() string { return server }, nil
	}
	s, err := startServer(Options{})
	if err != nil {
		return nil, err
	}
	return s.URL, nil
})

// newDatabase creates a database on the server, and drops it at the end of the test.
func newDatabase(tb testing.TB, server string) string {
	tb.Helper()
	name := "automation_test_" + strings.ToLower(rand.Text()[:12])
	address, err := url.Parse(server)
	if err != nil || !strings.HasPrefix(address.Scheme, "postgres") {
		tb.Fatalf("%s must be a URL like postgres://user:password@host:5432/postgres", Env)
	}
	// A template that has connections cannot be copied, and template0 never has any.
	if err := execute(server, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		tb.Fatalf("creating a database for the test: %v", err)
	}
	tb.Cleanup(func() {
		if err := execute(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("dropping the test's database: %v", err)
		}
	})
	address.Path = "/" + name
	return address.String()
}

// execute runs a statement on a connection of its own.
func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connecting to the server: %w", err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
