package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/emersion/go-smtp"
)

// catcher is an SMTP server that prints its messages.
type catcher struct {
	server   *smtp.Server
	listener net.Listener
	served   chan error
	stdout   io.Writer
	folder   string // keeps the messages, if not empty
	n        int
}

// startCatcher starts a catcher at a free port of this machine.
func startCatcher(stdout io.Writer, folder string) (*catcher, error) {
	if folder != "" {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &catcher{listener: listener, served: make(chan error, 1), stdout: stdout, folder: folder}
	c.server = smtp.NewServer(c)
	c.server.Domain = "localhost"
	go func() { c.served <- c.server.Serve(listener) }()
	return c, nil
}

func (c *catcher) stop() {
	c.server.Close()
	<-c.served
}

// NewSession implements smtp.Backend.
func (c *catcher) NewSession(*smtp.Conn) (smtp.Session, error) { return session{c}, nil }

// session receives messages. The program sends one at a time.
type session struct{ *catcher }

func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (session) Reset()                               {}
func (session) Logout() error                        { return nil }

// Data prints a message, and keeps it if there is a folder.
func (s session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.n++
	if s.folder != "" {
		path := filepath.Join(s.folder, fmt.Sprintf("%d.eml", s.n))
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			return err
		}
	}
	return show(s.stdout, raw)
}
