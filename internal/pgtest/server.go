package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options tune a Server. The zero value works.
type Options struct {
	// Settings are configuration parameters, such as max_connections=20, in the
	// form name=value. Their defaults are PostgreSQL's; fsync is on.
	Settings []string
}

// Server is a throw-away PostgreSQL server. Its methods return errors instead of failing the
// test, so that every goroutine can call them. They are not safe for concurrent use.
type Server struct {
	folder   *folder
	binaries string
	settings []string
	process  *process
}

// StopMode is the way in which a server stops.
type StopMode string

// The stop modes.
const (
	// Fast disconnects all clients, writes all data to disk, and stops.
	Fast StopMode = "INT"
	// Immediate stops without writing any data. It is a crash, from which the server
	// recovers at its next start.
	Immediate StopMode = "QUIT"
)

// Start starts a server for one test. The server ends with the test.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	s, err := startServer(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(s.Stop(Immediate), s.folder.remove()); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// startServer starts a server that ends with the process.
func startServer(o Options) (*Server, error) {
	binaries, err := findBinaries()
	if err != nil {
		return nil, err
	}
	folder, err := newFolder()
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, binaries: binaries, settings: o.Settings}
	if err = s.initialize(); err == nil {
		err = s.Start()
	}
	if err != nil {
		return nil, errors.Join(err, folder.remove())
	}
	return s, nil
}

// initialize makes the server's files without fsync: files that a crash of the machine
// damages are thrown away. The running server uses fsync.
func (s *Server) initialize() error {
	cmd := s.folder.command(filepath.Join(s.binaries, "initdb"),
		"-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, output)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.folder.path, "data") }

// URL returns the URL of the server's database "postgres". The URL stays the same after
// Stop and Start.
func (s *Server) URL() string {
	return socketURL(s.folder.path, "postgres")
}

// socketURL returns the URL of a database behind the socket in a folder.
func socketURL(folder, database string) string {
	query := url.Values{"host": {folder}, "user": {"postgres"}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: query.Encode()}).String()
}

// Database returns the URL of a new, empty database, which is dropped when the
// test ends.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	return newDatabase(tb, s.URL())
}

// Start starts a stopped server, and returns when the server accepts connections, after a
// crash when it has recovered. It has no effect on a running server.
func (s *Server) Start() error {
	if s.process != nil {
		return nil
	}
	args := []string{"-D", s.data(), "-k", s.folder.path, "-c", "listen_addresses="}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	p, err := s.folder.supervise(filepath.Join(s.binaries, "postgres"), args...)
	if err != nil {
		return err
	}
	if err := p.ready(s.URL()); err != nil {
		return errors.Join(err, p.stop(string(Immediate)))
	}
	s.process = p
	return nil
}

// Stop stops the server and returns when the server has ended. Committed transactions are
// kept. It has no effect on a stopped server.
func (s *Server) Stop(mode StopMode) error {
	if s.process == nil {
		return nil
	}
	p := s.process
	s.process = nil
	return p.stop(string(mode))
}

// Restart stops the server and starts it again.
func (s *Server) Restart(mode StopMode) error {
	return errors.Join(s.Stop(mode), s.Start())
}

// ready waits until the server accepts connections. The error contains the server's log.
func (p *process) ready(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-p.ended:
			return fmt.Errorf("the server has ended at once: %w\n%s", p.err, p.log())
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w\n%s", err, p.log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// log returns the end of the log of the process.
func (p *process) log() []byte {
	text, _ := os.ReadFile(p.logPath)
	return bytes.TrimSpace(text[max(0, len(text)-4096):])
}
