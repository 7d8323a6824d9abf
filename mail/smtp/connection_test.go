package smtp_test

import (
	"context"
	"crypto/tls"
	"net/textproto"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/smtp"
)

func TestMailer_EncryptedConnections(t *testing.T) {
	t.Parallel()
	serverTLS, clientTLS := certificates()
	offers := func(b *inbox) { b.TLSConfig = serverTLS }
	tests := map[string]struct {
		mode   smtp.TLSMode
		client *tls.Config
		server func(*inbox)
		err    string
	}{
		"STARTTLS":                      {"", clientTLS, offers, ""},
		"STARTTLS is not offered":       {smtp.StartTLS, clientTLS, nil, "STARTTLS: the server does not offer it"},
		"certificate is not trusted":    {smtp.StartTLS, nil, offers, "certificate"},
		"opportunistic, offered":        {smtp.OpportunisticTLS, clientTLS, offers, ""},
		"opportunistic, not offered":    {smtp.OpportunisticTLS, clientTLS, nil, ""},
		"opportunistic, no trust":       {smtp.OpportunisticTLS, nil, offers, "certificate"},
		"implicit to one in the clear":  {smtp.ImplicitTLS, clientTLS, nil, "TLS"},
		"none, though the other offers": {smtp.NoTLS, nil, offers, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inbox := openInbox(t, tt.server)
			m := mailerFor(t, inbox.addr, hello, smtp.Options{TLS: tt.mode, TLSConfig: tt.client})
			_, err := m.SendEmail(t.Context(), email("k"))
			if tt.err == "" {
				require.NoError(t, err)
				assert.Len(t, inbox.got(), 1)
				return
			}
			require.ErrorContains(t, err, tt.err)
			require.NotErrorIs(t, err, automation.ErrPermanent, "an operator can mend it")
			require.NotErrorIs(t, err, automation.ErrOutcomeUnknown)
			assert.Empty(t, inbox.got())
		})
	}
}

func TestMailer_ImplicitTLS(t *testing.T) {
	t.Parallel()
	serverTLS, clientTLS := certificates()
	b := openTLSInbox(t, serverTLS)
	send(t, mailerFor(t, b.addr, hello, smtp.Options{TLS: smtp.ImplicitTLS, TLSConfig: clientTLS}), email("k"))
	assert.Len(t, b.got(), 1)

	_, err := mailerFor(t, b.addr, hello, smtp.Options{TLS: smtp.ImplicitTLS}).SendEmail(t.Context(), email("k"))
	var untrusted *tls.CertificateVerificationError
	require.ErrorAs(t, err, &untrusted)
	require.NotErrorIs(t, err, automation.ErrPermanent)
}

func TestMailer_ReusesConnections(t *testing.T) {
	t.Parallel()
	inbox := openInbox(t, nil)
	m := mailerFor(t, inbox.addr, hello, noTLS)
	for range 5 {
		send(t, m, email("k"))
	}
	assert.Len(t, inbox.got(), 5)
	assert.Equal(t, 1, inbox.connections())
}

func TestMailer_ReplacesConnectionsThatAreUsedUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts smtp.Options
		want int
	}{
		"after so many messages": {smtp.Options{TLS: smtp.NoTLS, MessagesPerConnection: 2}, 3},
		"after being idle":       {smtp.Options{TLS: smtp.NoTLS, IdleTimeout: 1}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inbox := openInbox(t, nil)
			m := mailerFor(t, inbox.addr, hello, tt.opts)
			for range 5 {
				send(t, m, email("k"))
			}
			assert.Len(t, inbox.got(), 5)
			assert.Equal(t, tt.want, inbox.connections())
		})
	}
}

func TestMailer_OpensAsManyConnectionsAsItMay(t *testing.T) {
	t.Parallel()
	const connections = 3
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	inbox := openInbox(t, func(b *inbox) {
		b.refuse = func(string) error {
			arrived <- struct{}{}
			<-release
			return nil
		}
	})
	m := mailerFor(t, inbox.addr, hello, smtp.Options{TLS: smtp.NoTLS, Connections: connections})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := m.SendEmail(t.Context(), email("k"))
			assert.NoError(t, err)
		})
	}
	for range connections {
		<-arrived
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() {
		_, err := m.SendEmail(ctx, email("k"))
		waiting <- err
	}()
	cancel()
	err := <-waiting
	require.ErrorContains(t, err, "context canceled")
	require.NotErrorIs(t, err, context.Canceled, "it certainly did not go out")
	close(release)
	wg.Wait()
	assert.Len(t, inbox.got(), 20)
	assert.Equal(t, connections, inbox.connections())
}

func TestMailer_CloseSendsQuitAndRefusesMore(t *testing.T) {
	t.Parallel()
	s := runScript(t, friendly)
	m := mailerFor(t, s.addr, hello, noTLS)
	send(t, m, email("k"))
	require.NoError(t, m.Close())
	require.NoError(t, m.Close(), "twice")
	assert.EventuallyWithT(t, func(c *assert.CollectT) { assert.Contains(c, s.said(), "1 QUIT") }, time.Minute, time.Millisecond)
	_, err := m.SendEmail(t.Context(), email("k"))
	require.ErrorIs(t, err, automation.ErrClosed)
	assert.Len(t, s.data(), 1)
}

func TestMailer_CloseWaitsForSendsInFlight(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	inbox := openInbox(t, func(b *inbox) {
		b.refuse = func(string) error {
			close(arrived)
			<-release
			return nil
		}
	})
	m := mailerFor(t, inbox.addr, hello, noTLS)
	sent, closed := make(chan error, 1), make(chan error)
	go func() {
		_, err := m.SendEmail(t.Context(), email("k"))
		sent <- err
	}()
	<-arrived
	go func() { closed <- m.Close() }()
	select {
	case <-closed:
		t.Fatal("closed although a send is in flight")
	default:
	}
	close(release)
	require.NoError(t, <-closed)
	require.NoError(t, <-sent)
	assert.Len(t, inbox.got(), 1)
}

func TestMailer_RefusedRecipientKeepsTheConnection(t *testing.T) {
	t.Parallel()
	s := runScript(t, func(_, k int, verb string) string {
		if verb == "RCPT" && k == 1 {
			return "550-5.1.1 no such user\r\n550 5.1.1 here"
		}
		return ""
	})
	m := mailerFor(t, s.addr, hello, noTLS)
	_, err := m.SendEmail(t.Context(), email("k"))
	require.ErrorIs(t, err, automation.ErrPermanent)
	var reply *textproto.Error
	require.ErrorAs(t, err, &reply)
	assert.Equal(t, 550, reply.Code)
	require.ErrorContains(t, err, "5.1.1 no such user")
	send(t, m, email("k"))
	assert.Equal(t, []string{
		"1 EHLO client.example.com",
		"1 MAIL FROM:<shop@example.com> BODY=8BITMIME", "1 RCPT TO:<ada@example.com>", "1 RSET",
		"1 MAIL FROM:<shop@example.com> BODY=8BITMIME", "1 RCPT TO:<ada@example.com>", "1 DATA",
	}, s.said())
}
