package smtp_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/smtp"
)

// rendering is a function that is a Renderer.
type rendering func(ctx context.Context, email automation.Email) (mail.Message, error)

func (f rendering) RenderEmail(ctx context.Context, email automation.Email) (mail.Message, error) {
	return f(ctx, email)
}

// hello renders a message for tests that need no particular one.
func hello(_ context.Context, email automation.Email) (mail.Message, error) {
	return mail.Message{From: "Shop <shop@example.com>", To: email.To, Subject: "Hello", Text: "Hi there.\n"}, nil
}

// always renders m.
func always(m mail.Message) rendering {
	return func(context.Context, automation.Email) (mail.Message, error) { return m, nil }
}

func email(key string) automation.Email {
	return automation.Email{IdempotencyKey: key, To: "ada@example.com", TemplateID: "hello", Attempt: 1}
}

// mailerFor returns a Mailer for the server at addr, on this machine. It is closed at the
// end of the test.
func mailerFor(t testing.TB, addr net.Addr, render rendering, opts smtp.Options) *smtp.Mailer {
	t.Helper()
	opts.Port = port(addr)
	if opts.LocalName == "" {
		opts.LocalName = "client.example.com"
	}
	m, err := smtp.New("127.0.0.1", render, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func port(addr net.Addr) int { return addr.(*net.TCPAddr).Port }

// received is a message that an inbox accepted.
type received struct {
	from, to string
	utf8     bool
	data     string
}

// inbox is a real SMTP server that keeps what it accepts.
type inbox struct {
	*server.Server
	addr       net.Addr
	mechanisms map[string]func() sasl.Server

	mu       sync.Mutex
	messages []received
	sessions int
	refuse   func(to string) error
}

// openInbox starts a server on this machine. configure may be nil.
func openInbox(t testing.TB, configure func(*inbox)) *inbox {
	t.Helper()
	b := &inbox{}
	b.Server = server.NewServer(b)
	b.Domain = "mx.example.com"
	b.ErrorLog = log.New(io.Discard, "", 0)
	b.EnableSMTPUTF8 = true
	b.AllowInsecureAuth = true
	if configure != nil {
		configure(b)
	}
	b.serve(t, listen(t))
	return b
}

func (b *inbox) serve(t testing.TB, l net.Listener) {
	b.addr = l.Addr()
	served := make(chan error)
	go func() { served <- b.Serve(l) }()
	t.Cleanup(func() {
		_ = b.Close()
		_ = l.Close() // the server may not have registered the listener yet
		<-served
		_ = b.Close()
	})
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func (b *inbox) NewSession(*server.Conn) (server.Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions++
	return &session{inbox: b, signedIn: len(b.mechanisms) == 0}, nil
}

// got returns the messages that were accepted so far.
func (b *inbox) got() []received {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]received(nil), b.messages...)
}

func (b *inbox) connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions
}

type session struct {
	inbox    *inbox
	signedIn bool
	current  received
}

func (s *session) AuthMechanisms() []string {
	var names []string
	for name := range s.inbox.mechanisms {
		names = append(names, name)
	}
	return names
}

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	return &signIn{s.inbox.mechanisms[mechanism](), s}, nil
}

// signIn records that a mechanism succeeded.
type signIn struct {
	sasl.Server
	s *session
}

func (a *signIn) Next(response []byte) ([]byte, bool, error) {
	challenge, done, err := a.Server.Next(response)
	a.s.signedIn = a.s.signedIn || done && err == nil
	return challenge, done, err
}

func (s *session) Mail(from string, opts *server.MailOptions) error {
	if !s.signedIn {
		return &server.SMTPError{Code: 530, EnhancedCode: server.EnhancedCode{5, 7, 0}, Message: "sign in first"}
	}
	s.current = received{from: from, utf8: opts != nil && opts.UTF8}
	return nil
}

func (s *session) Rcpt(to string, _ *server.RcptOptions) error {
	s.inbox.mu.Lock()
	refuse := s.inbox.refuse
	s.inbox.mu.Unlock()
	if refuse != nil {
		if err := refuse(to); err != nil {
			return err
		}
	}
	s.current.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.current.data = string(data)
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	s.inbox.messages = append(s.inbox.messages, s.current)
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// certificates returns the TLS configuration of a server at 127.0.0.1, and of a client that
// trusts it.
var certificates = sync.OnceValues(func() (serverSide, clientSide *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots}
})

// The actions of a script in place of a reply.
const (
	hang = "hang" // keep the connection open without a reply
	drop = "drop" // close the connection
)

// script is a server whose replies a function chooses.
type script struct {
	// reply answers a verb on the n-th connection, which counts from 1, for the
	// k-th time on that connection. The verbs are those of the protocol,
	// GREETING, and MESSAGE for the end of the data. An empty answer means the usual one.
	reply   func(n, k int, verb string) string
	addr    net.Addr
	hanging chan string // gets the verb at which a connection hangs

	mu       sync.Mutex
	conns    []net.Conn
	lines    []string // all commands, each after the number of its connection
	messages []string // data that was answered with 2xx or not at all
}

var usual = map[string]string{
	"GREETING": "220 mx ready", "EHLO": "250-mx\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES", "HELO": "250 mx",
	"DATA": "354 go on", "MESSAGE": "250 2.0.0 queued", "QUIT": "221 bye", "AUTH": "235 2.7.0 welcome",
}

func runScript(t testing.TB, reply func(n, k int, verb string) string) *script {
	t.Helper()
	l := listen(t)
	s := &script{reply: reply, addr: l.Addr(), hanging: make(chan string, 100)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			wg.Go(func() { s.serve(conn, n) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			_ = c.Close()
		}
		s.mu.Unlock()
		wg.Wait()
	})
	return s
}

// serve ends with the connection, or with a reply of drop.
func (s *script) serve(conn net.Conn, n int) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	times := map[string]int{}
	for verb := "GREETING"; ; {
		times[verb]++
		answer := s.reply(n, times[verb], verb)
		if answer == "" {
			answer = usual[verb]
		}
		switch answer {
		case drop:
			return
		case hang:
			s.hanging <- verb
			_, _ = io.Copy(io.Discard, r)
			return
		case "":
			answer = "250 2.0.0 ok"
		}
		fmt.Fprintf(conn, "%s\r\n", answer)
		if verb == "STARTTLS" && answer[0] == '2' {
			s.hanging <- verb // no handshake here
			_, _ = io.Copy(io.Discard, r)
			return
		}
		var err error
		if verb == "DATA" && answer[0] == '3' {
			verb, err = "MESSAGE", s.message(r)
		} else {
			verb, err = s.command(r, n)
		}
		if err != nil {
			return
		}
	}
}

func (s *script) command(r *bufio.Reader, n int) (verb string, err error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf("%d %s", n, line))
	verb, _, _ = strings.Cut(line, " ")
	return verb, nil
}

func (s *script) message(r *bufio.Reader) error {
	var data strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if line == ".\r\n" {
			break
		}
		data.WriteString(line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, data.String())
	return nil
}

// said returns the commands so far, each after the number of its connection.
func (s *script) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// data returns the messages whose end arrived.
func (s *script) data() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.messages...)
}

// friendly is a script with the usual replies only.
func friendly(int, int, string) string { return "" }

// answer is a script that answers a verb with text, always.
func answer(verb, text string) func(int, int, string) string {
	return func(_, _ int, v string) string {
		if v == verb {
			return text
		}
		return ""
	}
}

// openTLSInbox starts a server that is encrypted from the first byte.
func openTLSInbox(t testing.TB, config *tls.Config) *inbox {
	t.Helper()
	b := &inbox{}
	b.Server = server.NewServer(b)
	b.Domain = "mx.example.com"
	b.ErrorLog = log.New(io.Discard, "", 0)
	b.serve(t, tls.NewListener(listen(t), config))
	return b
}
