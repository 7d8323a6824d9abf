package smtp_test

import (
	"strings"
	"testing"

	gomail "github.com/wneessen/go-mail"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/smtp"
)

const benchConnections = 4

// benchMessage is of the size of a short newsletter.
var benchMessage = mail.Message{
	From: "Shop <shop@example.com>", To: "Ada <ada@example.com>", Subject: "Welcome to the shop",
	Text: strings.Repeat("Some text of the usual width, which goes on.\n", 40),
	HTML: strings.Repeat("<p>Some text of the usual width, which goes on.</p>\n", 80),
}

// BenchmarkSend sends over four connections on this machine, with this package and
// with the library below it.
func BenchmarkSend(b *testing.B) {
	b.Run("mailer", func(b *testing.B) {
		inbox := openInbox(b, nil)
		m := mailerFor(b, inbox.addr, always(benchMessage), smtp.Options{TLS: smtp.NoTLS, Connections: benchConnections})
		side(b, inbox, func(next <-chan struct{}) error {
			for range next {
				if _, err := m.SendEmail(b.Context(), email("k")); err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("go-mail", func(b *testing.B) {
		inbox := openInbox(b, nil)
		side(b, inbox, func(next <-chan struct{}) error { return sendWithLibrary(b, inbox, next) })
	})
}

// side sends b.N messages with as many workers as there are connections.
func side(b *testing.B, inbox *inbox, work func(next <-chan struct{}) error) {
	next, failed := make(chan struct{}, b.N), make(chan error, benchConnections)
	for range b.N {
		next <- struct{}{}
	}
	close(next)
	b.ResetTimer()
	for range benchConnections {
		go func() { failed <- work(next) }()
	}
	for range benchConnections {
		require.NoError(b, <-failed)
	}
	b.StopTimer()
	require.Len(b, inbox.got(), b.N)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "emails/s")
}

// sendWithLibrary is the loop that an application would have without this package.
func sendWithLibrary(b *testing.B, inbox *inbox, next <-chan struct{}) error {
	client, err := gomail.NewClient("127.0.0.1", gomail.WithPort(port(inbox.addr)), gomail.WithTLSPolicy(gomail.NoTLS))
	if err != nil {
		return err
	}
	if err := client.DialWithContext(b.Context()); err != nil {
		return err
	}
	for range next {
		m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
		if err := m.From(benchMessage.From); err != nil {
			return err
		}
		if err := m.To(benchMessage.To); err != nil {
			return err
		}
		m.Subject(benchMessage.Subject)
		m.SetBodyString(gomail.TypeTextPlain, benchMessage.Text)
		m.AddAlternativeString(gomail.TypeTextHTML, benchMessage.HTML)
		if err := client.Send(m); err != nil {
			return err
		}
	}
	return client.Close()
}
