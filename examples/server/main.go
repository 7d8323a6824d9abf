// Command server serves a dashboard and the API of Resend's automations on your own machine.
// It prints emails instead of sending them. A new server has sample flows, and an audience
// that signs up.
//
//	go run ./examples/server
//	open http://localhost:8080
//	curl -H 'Authorization: Bearer re_dev_key' localhost:8080/automations
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/seed-b636437c/automation/mail/archive"
	"github.com/seed-b636437c/automation/mail/template"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// devKey is the API key of a server that only its own machine can reach.
const devKey = "re_dev_key"

// settings are the values of the flags.
type settings struct {
	addr   string
	file   string
	key    string    // empty means devKey
	sample bool      // make sample flows, and simulate an audience
	out    io.Writer // for emails and for the address of the server
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := settings{out: os.Stdout}
	flag.StringVar(&s.addr, "addr", "localhost:8080", "`address` to listen at")
	flag.StringVar(&s.file, "db", "automation.db", "`file` of the SQLite database")
	flag.StringVar(&s.key, "key", "", "API `key` to accept; by default "+devKey+", if only this machine can reach addr")
	flag.BoolVar(&s.sample, "sample", true, "fill an empty database with sample flows, and simulate an audience")
	flag.Parse()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, s settings) error {
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	defer listener.Close() // for an error before serve, which closes it too
	key, err := s.keyAt(listener.Addr())
	if err != nil {
		return err
	}
	store, err := sqlitefile.Open(ctx, s.file)
	if err != nil {
		return err
	}
	defer store.Close()
	links, err := newLinks(listener.Addr(), s.beside(".key"))
	if err != nil {
		return err
	}
	templates, err := template.Open(s.folder(), template.Options{From: "Acme <hello@acme.example>", UnsubscribeURL: links.URL})
	if err != nil {
		return err
	}
	copies, err := s.openCopies(ctx)
	if err != nil {
		return err
	}
	srv, err := newServer(store, newPrinter(s.out, templates, copies), key, slog.Default())
	if err != nil {
		return err
	}
	if err := srv.offer(links); err != nil {
		return err
	}
	if s.sample {
		if srv.audience, err = sample(ctx, srv.runner, templates); err != nil {
			return err
		}
	}
	s.greet(listener.Addr())
	return srv.serve(ctx, listener)
}

// folder returns the folder of the templates, beside the database.
func (s settings) folder() string { return s.beside(".templates") }

// openCopies opens the folder with the copies of emails, beside the database, and removes the
// old ones. A server that runs for months removes them once a day.
func (s settings) openCopies(ctx context.Context) (*archive.Archive, error) {
	copies, err := archive.Open(s.beside(".emails"))
	if err != nil {
		return nil, err
	}
	_, err = copies.Prune(ctx, time.Now().Add(-retention))
	return copies, err
}

// beside returns the path of a file beside the database.
func (s settings) beside(suffix string) string { return strings.TrimSuffix(s.file, ".db") + suffix }

// keyAt returns the key that the server accepts at an address.
func (s settings) keyAt(addr net.Addr) (string, error) {
	if s.key != "" {
		return s.key, nil
	}
	if tcp, ok := addr.(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return "", errors.New("other machines can reach this address: give a -key that cannot be guessed")
	}
	return devKey, nil
}

// greet prints the address of the server. It does not print a key that the user gave.
func (s settings) greet(addr net.Addr) {
	fmt.Fprintf(s.out, "All state is kept in %s, %s and %s. Clients find the server with:\n", s.file, s.folder(), s.beside(".emails"))
	fmt.Fprintf(s.out, "export RESEND_BASE_URL=http://%s", addr)
	if s.key == "" {
		fmt.Fprintf(s.out, " RESEND_API_KEY=%s", devKey)
	}
	fmt.Fprintf(s.out, "\nOpen http://%s in a browser.\n", addr)
}
