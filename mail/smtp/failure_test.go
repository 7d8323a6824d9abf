package smtp_test

import (
	"context"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/smtp"
)

// assertUnsent checks that the Runner may repeat the email under AtMostOnce.
func assertUnsent(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	var network net.Error
	assert.NotErrorAs(t, err, &network)
	for _, doubt := range []error{automation.ErrOutcomeUnknown, context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF} {
		assert.NotErrorIs(t, err, doubt)
	}
}

var phases = []string{"GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "MESSAGE"}

// withAuth signs in, which adds a phase.
var withAuth = smtp.Options{TLS: smtp.NoTLS, Username: "u", Password: "secret", Auth: smtp.AuthPlain}

// refuseAt answers one phase on every connection with text. The server offers AUTH.
func refuseAt(phase, text string) func(int, int, string) string {
	return func(_, _ int, verb string) string {
		switch {
		case verb == phase, verb == "HELO" && phase == "EHLO":
			return text
		case verb == "EHLO":
			return "250-mx\r\n250 AUTH PLAIN"
		}
		return ""
	}
}

func TestMailer_RepliesDecideAboutRetries(t *testing.T) {
	t.Parallel()
	for _, phase := range phases {
		for text, permanent := range map[string]bool{
			"451 4.3.0 try later": false, "421 4.3.2 closing": false, "550 5.7.1 no": true, "535 5.7.8 wrong": true,
		} {
			t.Run(phase+" "+text, func(t *testing.T) {
				t.Parallel()
				s := runScript(t, refuseAt(phase, text))
				m := mailerFor(t, s.addr, hello, withAuth)
				_, err := m.SendEmail(t.Context(), email("k"))
				assertUnsent(t, err)
				var reply *textproto.Error
				require.ErrorAs(t, err, &reply)
				assert.Equal(t, text, strings.Join([]string{text[:3], reply.Msg}, " "))
				require.ErrorContains(t, err, reply.Msg, "with the enhanced code")
				assert.NotContains(t, err.Error(), "secret")
				if permanent {
					require.ErrorIs(t, err, automation.ErrPermanent)
				} else {
					require.NotErrorIs(t, err, automation.ErrPermanent)
				}
			})
		}
	}
}

func TestMailer_LostConnectionIsUnknownOnlyAfterTheMessage(t *testing.T) {
	t.Parallel()
	for _, phase := range phases {
		for _, text := range []string{drop, "what?", "333 what?"} {
			t.Run(phase+" "+text, func(t *testing.T) {
				t.Parallel()
				s := runScript(t, refuseAt(phase, text))
				m := mailerFor(t, s.addr, hello, withAuth)
				_, err := m.SendEmail(t.Context(), email("k"))
				require.NotErrorIs(t, err, automation.ErrPermanent)
				if phase == "MESSAGE" {
					require.ErrorIs(t, err, automation.ErrOutcomeUnknown)
					assert.Len(t, s.data(), 1)
					return
				}
				assertUnsent(t, err)
				assert.Empty(t, s.data())
			})
		}
	}
}

func TestMailer_ContextInterruptsAServerThatHangs(t *testing.T) {
	t.Parallel()
	for _, phase := range append([]string{"STARTTLS", "implicit TLS", "RSET"}, phases...) {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			opts, reply := withAuth, refuseAt(phase, hang)
			switch phase {
			case "STARTTLS": // the script has no TLS handshake
				opts, reply = smtp.Options{}, answer("EHLO", "250-mx\r\n250 STARTTLS")
			case "implicit TLS":
				opts, reply = smtp.Options{TLS: smtp.ImplicitTLS}, answer("GREETING", hang)
			case "RSET":
				opts, reply = noTLS, func(_, _ int, verb string) string {
					return map[string]string{"RCPT": "451 4.3.0 later", "RSET": hang}[verb]
				}
			}
			s := runScript(t, reply)
			opts.Timeout = time.Hour
			m := mailerFor(t, s.addr, hello, opts)
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error)
			go func() {
				_, err := m.SendEmail(ctx, email("k"))
				result <- err
			}()
			<-s.hanging
			cancel()
			err := <-result
			require.NotErrorIs(t, err, automation.ErrPermanent)
			if phase == "MESSAGE" {
				require.ErrorIs(t, err, automation.ErrOutcomeUnknown)
				return
			}
			assertUnsent(t, err)
		})
	}
}

func TestMailer_TimeoutInterruptsAServerThatHangs(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"GREETING", "MAIL", "MESSAGE"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			s := runScript(t, refuseAt(phase, hang))
			opts := withAuth
			opts.Timeout = 200 * time.Millisecond
			_, err := mailerFor(t, s.addr, hello, opts).SendEmail(t.Context(), email("k"))
			require.ErrorContains(t, err, "timeout")
			if phase == "MESSAGE" {
				require.ErrorIs(t, err, automation.ErrOutcomeUnknown)
				return
			}
			assertUnsent(t, err)
		})
	}
}

func TestMailer_EndedContextSendsNothing(t *testing.T) {
	t.Parallel()
	s := runScript(t, friendly)
	m := mailerFor(t, s.addr, hello, noTLS)
	send(t, m, email("k")) // a connection is open
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.SendEmail(ctx, email("k"))
	assertUnsent(t, err)
	require.ErrorContains(t, err, "context canceled")
	assert.Len(t, s.data(), 1)
	send(t, m, email("k"))
}

func TestMailer_NoServer(t *testing.T) {
	t.Parallel()
	l := listen(t)
	require.NoError(t, l.Close())
	_, err := mailerFor(t, l.Addr(), hello, noTLS).SendEmail(t.Context(), email("k"))
	assertUnsent(t, err)
	require.ErrorContains(t, err, "connection refused")
	require.NotErrorIs(t, err, automation.ErrPermanent)
}

// A server may end a connection between two messages.
func TestMailer_ReplacesAConnectionThatIsGone(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"MAIL", "RCPT", "DATA"} {
		for _, text := range []string{drop, "421 4.4.2 idle for too long"} {
			t.Run(phase+" "+text, func(t *testing.T) {
				t.Parallel()
				s := runScript(t, func(n, k int, verb string) string {
					if n == 1 && k == 2 && verb == phase {
						return text
					}
					return ""
				})
				m := mailerFor(t, s.addr, hello, noTLS)
				for range 3 {
					send(t, m, email("k"))
				}
				assert.Len(t, s.data(), 3)
				assert.Contains(t, s.said(), "2 EHLO client.example.com")
				assert.NotContains(t, s.said(), "3 EHLO client.example.com")
			})
		}
	}
}

func TestMailer_ReplacesAConnectionOnce(t *testing.T) {
	t.Parallel()
	s := runScript(t, func(n, k int, verb string) string {
		if verb == "MAIL" && n+k > 2 { // all but the first
			return drop
		}
		return ""
	})
	m := mailerFor(t, s.addr, hello, noTLS)
	send(t, m, email("k"))
	_, err := m.SendEmail(t.Context(), email("k"))
	assertUnsent(t, err)
	assert.Contains(t, s.said(), "2 EHLO client.example.com")
	assert.NotContains(t, s.said(), "3 EHLO client.example.com")
}

// If the server may have accepted a message, the same attempt does not send it again.
func TestMailer_DoesNotRepeatAMessageThatWasHandedOver(t *testing.T) {
	t.Parallel()
	for text, unknown := range map[string]bool{drop: true, "421 4.3.2 closing": false} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s := runScript(t, func(_, k int, verb string) string {
				if verb == "MESSAGE" && k == 2 {
					return text
				}
				return ""
			})
			m := mailerFor(t, s.addr, hello, noTLS)
			send(t, m, email("a"))
			_, err := m.SendEmail(t.Context(), email("b"))
			require.Error(t, err)
			assert.Equal(t, unknown, strings.Contains(err.Error(), "outcome unknown"))
			assert.Len(t, s.data(), 2)
			send(t, m, email("c"))
		})
	}
}

// Any reply that begins with 2 accepts.
func TestMailer_AcceptsOtherPositiveReplies(t *testing.T) {
	t.Parallel()
	s := runScript(t, answer("MESSAGE", "251 2.1.5 will forward"))
	send(t, mailerFor(t, s.addr, hello, noTLS), email("k"))
}

func TestMailer_ConnectionBreaksWithinTheMessage(t *testing.T) {
	t.Parallel()
	l := listen(t)
	t.Cleanup(func() { _ = l.Close() })
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		text := textproto.NewConn(conn)
		_ = text.PrintfLine("220 mx")
		for _, reply := range []string{"250 mx", "250 ok", "250 ok", "354 go on"} {
			_, _ = text.ReadLine()
			_ = text.PrintfLine("%s", reply)
		}
		_, _ = text.ReadLine() // the message has begun
		_ = text.Close()
	}()
	large := mail.Message{From: "a@example.com", To: "b@example.com", Text: strings.Repeat(strings.Repeat("x", 70)+"\n", 300_000)}
	_, err := mailerFor(t, l.Addr(), always(large), noTLS).SendEmail(t.Context(), email("k"))
	assertUnsent(t, err)
	require.NotErrorIs(t, err, automation.ErrPermanent)
	<-served
}

// endedBy is a context that ends as soon as its flag is set, and interrupts nothing.
type endedBy struct {
	context.Context
	ended *atomic.Bool
}

func (endedBy) Done() <-chan struct{} { return nil }

func (c endedBy) Err() error {
	if c.ended.Load() {
		return context.Canceled
	}
	return nil
}

func TestMailer_DoesNotEndAMessageAfterItsContext(t *testing.T) {
	t.Parallel()
	var ended atomic.Bool
	s := runScript(t, func(_, _ int, verb string) string {
		if verb == "DATA" {
			ended.Store(true)
		}
		return ""
	})
	m := mailerFor(t, s.addr, hello, noTLS)
	_, err := m.SendEmail(endedBy{t.Context(), &ended}, email("k"))
	assertUnsent(t, err)
	require.ErrorContains(t, err, "context canceled")
	assert.Empty(t, s.data())
}
