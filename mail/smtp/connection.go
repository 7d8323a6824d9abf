package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	wire "github.com/wneessen/go-mail/smtp"

	"github.com/seed-b636437c/automation"
)

// connection is a connection to the server, ready for a message. One goroutine uses
// it at a time.
type connection struct {
	raw    *timedConn
	client *wire.Client

	used       int // messages begun
	broken     bool
	handedOver bool // the last message was handed over, so its outcome may be unknown
	idleSince  time.Time
}

// connect dials, encrypts and signs in.
func (m *Mailer) connect(ctx context.Context) (*connection, error) {
	dialer := net.Dialer{Timeout: m.opts.Timeout}
	conn, err := dialer.DialContext(ctx, "tcp", m.address)
	if err != nil {
		return nil, err // the error names the address
	}
	c := &connection{raw: &timedConn{Conn: conn, timeout: m.opts.Timeout}}
	defer context.AfterFunc(ctx, c.raw.interrupt)()
	if err := m.greet(c); err != nil {
		c.abort()
		return nil, err
	}
	return c, nil
}

func (m *Mailer) greet(c *connection) error {
	var conn net.Conn = c.raw
	if m.opts.TLS == ImplicitTLS {
		encrypted := tls.Client(conn, m.opts.TLSConfig)
		if err := encrypted.Handshake(); err != nil {
			return fmt.Errorf("TLS: %w", err)
		}
		conn = encrypted
	}
	var err error
	if c.client, err = wire.NewClient(conn, m.host); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if err := c.client.Hello(m.opts.LocalName); err != nil {
		return fmt.Errorf("EHLO: %w", err)
	}
	if err := m.encrypt(c.client); err != nil {
		return fmt.Errorf("STARTTLS: %w", err)
	}
	if err := m.authenticate(c.client); err != nil {
		return fmt.Errorf("AUTH: %w", err)
	}
	return nil
}

func (m *Mailer) encrypt(c *wire.Client) error {
	offered, _ := c.Extension("STARTTLS")
	switch {
	case m.opts.TLS == StartTLS && !offered:
		return errors.New("the server does not offer it")
	case m.opts.TLS == StartTLS, m.opts.TLS == OpportunisticTLS && offered:
		return c.StartTLS(m.opts.TLSConfig)
	}
	return nil
}

// deliver hands over one message. Afterwards the connection is ready for the next
// message, or broken.
func (c *connection) deliver(ctx context.Context, o *outgoing) error {
	c.used++
	c.handedOver = false
	stop := context.AfterFunc(ctx, c.raw.interrupt)
	err := c.transact(ctx, o)
	if err != nil {
		c.settle(err)
	}
	if !stop() {
		// The interruption may come late, and must not hit the next message.
		c.broken = true
	}
	return err
}

// transact is one mail transaction.
func (c *connection) transact(ctx context.Context, o *outgoing) error {
	// Only a message that needs SMTPUTF8 is declared as international: a relay may be
	// unable to pass such a message on.
	c.client.SkipSMTPUTF8(!o.utf8)
	if err := c.client.Mail(o.from); err != nil {
		return fmt.Errorf("MAIL FROM: %w", err)
	}
	if err := c.client.Rcpt(o.to); err != nil {
		return fmt.Errorf("RCPT TO: %w", err)
	}
	w, err := c.client.Data()
	if err != nil {
		return fmt.Errorf("DATA: %w", err)
	}
	if _, err := w.Write(o.data); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	// The server ignores the message until its end is written.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	c.handedOver = true
	return accepted(w.Close())
}

// accepted returns the outcome of a message that was handed over, from the error of
// reading the reply. Without a valid reply the outcome is unknown.
func accepted(err error) error {
	switch code := replyCode(err); {
	case err == nil, code/100 == 2:
		return nil
	case code/100 == 4, code/100 == 5:
		return fmt.Errorf("end of message: %w", err)
	default:
		return fmt.Errorf("end of message, no valid reply: %w: %w", err, automation.ErrOutcomeUnknown)
	}
}

// settle makes the connection ready again after a reply that refused a command. Without a
// valid reply the connection is broken.
func (c *connection) settle(err error) {
	code := replyCode(err)
	c.broken = code < 400 || code == closing || c.client.Reset() != nil
}

// outworn reports whether the connection was gone before the message was handed over. An
// idle connection may be gone.
func (c *connection) outworn() bool { return c.broken && !c.handedOver }

// supportsUTF8 reports whether the server accepts addresses with letters beyond ASCII.
func (c *connection) supportsUTF8() bool {
	ok, _ := c.client.Extension("SMTPUTF8")
	return ok
}

// quit sends QUIT and closes the connection without waiting for the reply.
func (c *connection) quit() {
	// An error is ignored, because the connection is closed in any case.
	_ = c.client.Text.PrintfLine("QUIT")
	c.abort()
}

// abort closes the connection below TLS, because closing TLS would wait for the peer.
func (c *connection) abort() { _ = c.raw.Close() }

// timedConn gives every read and write a time-out, and can be interrupted.
type timedConn struct {
	net.Conn
	timeout time.Duration

	mu          sync.Mutex
	interrupted bool
}

// Read interrupts the connection after an error, so that every later read fails too.
// Otherwise the protocol's error handling would wait for further replies.
func (c *timedConn) Read(p []byte) (int, error) {
	c.extend()
	n, err := c.Conn.Read(p)
	if err != nil {
		c.interrupt()
	}
	return n, err
}

func (c *timedConn) Write(p []byte) (int, error) {
	c.extend()
	return c.Conn.Write(p)
}

// extend gives the next read or write its time-out, unless the connection is interrupted.
// The error of SetDeadline is ignored: the connection is closed then, and the read or
// write fails too.
func (c *timedConn) extend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.interrupted {
		_ = c.SetDeadline(time.Now().Add(c.timeout))
	}
}

// interrupt ends the current read or write, and all later ones.
func (c *timedConn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = true
	_ = c.SetDeadline(time.Unix(1, 0))
}
