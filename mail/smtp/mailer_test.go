package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/smtp"
)

var noTLS = smtp.Options{TLS: smtp.NoTLS}

func send(t *testing.T, m *smtp.Mailer, e automation.Email) string {
	t.Helper()
	id, err := m.SendEmail(t.Context(), e)
	require.NoError(t, err)
	return id
}

// parse reads a message as a mail program does.
func parse(t *testing.T, data string) *netmail.Message {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(data))
	require.NoError(t, err)
	return m
}

func decodeHeader(t *testing.T, text string) string {
	t.Helper()
	decoded, err := new(mime.WordDecoder).DecodeHeader(text)
	require.NoError(t, err)
	return decoded
}

func TestMailer_SendsBothFormsWithTheTextFirst(t *testing.T) {
	t.Parallel()
	inbox := openInbox(t, nil)
	m := mailerFor(t, inbox.addr, always(mail.Message{
		From: "Käthe's Shop <shop@example.com>", To: `"Lovelace, Ada" <ada@example.org>`,
		ReplyTo: "help@example.com, Ünal <unal@example.com>", Subject: "Grüße, 世界 " + strings.Repeat("lang ", 40),
		Text: "Hällo\n.leading dot\n", HTML: "<p>Hällo</p>\n", UnsubscribeURL: "https://example.com/u/" + strings.Repeat("t", 200),
	}), noTLS)
	before := time.Now().Truncate(time.Second)
	id := send(t, m, email("run/1/a"))

	require.Len(t, inbox.got(), 1)
	got := inbox.got()[0]
	assert.Equal(t, received{"shop@example.com", "ada@example.org", false, got.data}, got)
	msg := parse(t, got.data)
	h := msg.Header
	assert.Equal(t, "Grüße, 世界 "+strings.Repeat("lang ", 40), decodeHeader(t, h.Get("Subject")))
	assert.Equal(t, "<"+id+">", h.Get("Message-Id"))
	assert.Equal(t, "<https://example.com/u/"+strings.Repeat("t", 200)+">", h.Get("List-Unsubscribe"))
	assert.Equal(t, "List-Unsubscribe=One-Click", h.Get("List-Unsubscribe-Post"))
	assert.Equal(t, "1.0", h.Get("Mime-Version"))
	date, err := h.Date()
	require.NoError(t, err)
	assert.False(t, date.Before(before))
	for name, want := range map[string][]*netmail.Address{
		"From":     {{Name: "Käthe's Shop", Address: "shop@example.com"}},
		"To":       {{Name: "Lovelace, Ada", Address: "ada@example.org"}},
		"Reply-To": {{Address: "help@example.com"}, {Name: "Ünal", Address: "unal@example.com"}},
	} {
		list, err := h.AddressList(name)
		require.NoError(t, err, name)
		assert.Equal(t, want, list, name)
	}
	assert.Len(t, h, 10, "no header field that nobody asked for: %v", h)
	assertLines(t, got.data)

	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	require.NoError(t, err)
	assert.Equal(t, "multipart/alternative", kind)
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for _, want := range []struct{ kind, body string }{
		{"text/plain", "Hällo\r\n.leading dot\r\n"},
		{"text/html", "<p>Hällo</p>\r\n"},
	} {
		part, err := parts.NextPart()
		require.NoError(t, err)
		kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		require.NoError(t, err)
		assert.Equal(t, want.kind, kind)
		assert.Equal(t, "UTF-8", params["charset"])
		body, err := io.ReadAll(part)
		require.NoError(t, err)
		assert.Equal(t, want.body, string(body))
	}
	_, err = parts.NextPart()
	assert.ErrorIs(t, err, io.EOF)
}

// assertLines checks what every relay passes on unchanged.
func assertLines(t *testing.T, data string) {
	t.Helper()
	for line := range strings.SplitSeq(data, "\r\n") {
		assert.LessOrEqual(t, len(line), 998)
		assert.NotContains(t, line, "\n")
		assert.NotContains(t, line, "\r")
	}
	assert.Equal(t, -1, strings.IndexFunc(data, func(r rune) bool { return r > '~' }), "8-bit data")
}

func TestMailer_SubjectsComeThroughAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, subject := range map[string]string{
		"one long word":              strings.Repeat("a", 2000),
		"one long word, with others": "Your code: " + strings.Repeat("1234567890", 100) + " until noon",
		"long, beyond ASCII":         strings.Repeat("ä世", 500),
		"what looks like encoded":    "=?utf-8?q?Hi?= and =?",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inbox := openInbox(t, nil)
			m := mailerFor(t, inbox.addr, always(mail.Message{From: "shop@example.com", To: "ada@example.com", Subject: subject, Text: "x"}), noTLS)
			send(t, m, email("k"))
			data := inbox.got()[0].data
			assertLines(t, data)
			assert.Equal(t, subject, decodeHeader(t, parse(t, data).Header.Get("Subject")))
		})
	}
}

func TestMailer_SendsOneFormByItself(t *testing.T) {
	t.Parallel()
	for kind, message := range map[string]mail.Message{
		"text/plain": {From: "a@example.com", To: "b@example.com", Text: "Grüße = ok"},
		"text/html":  {From: "a@example.com", To: "b@example.com", HTML: "Grüße = ok"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			inbox := openInbox(t, nil)
			send(t, mailerFor(t, inbox.addr, always(message), noTLS), email("k"))
			msg := parse(t, inbox.got()[0].data)
			got, _, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
			require.NoError(t, err)
			assert.Equal(t, kind, got)
			assert.Equal(t, "quoted-printable", msg.Header.Get("Content-Transfer-Encoding"))
			body, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
			require.NoError(t, err)
			assert.Equal(t, "Grüße = ok", strings.TrimSpace(string(body)))
			assert.Empty(t, msg.Header.Get("List-Unsubscribe"))
		})
	}
}

func TestMailer_MessageIDFollowsFromTheKey(t *testing.T) {
	t.Parallel()
	inbox := openInbox(t, nil)
	m := mailerFor(t, inbox.addr, hello, noTLS)
	first := send(t, m, email("run/1/a"))
	assert.Equal(t, first, send(t, m, email("run/1/a")), "each attempt")
	assert.NotEqual(t, first, send(t, m, email("run/2/a")))
	assert.Regexp(t, `^[0-9a-f]{32}@example\.com$`, first)
	assert.NotEqual(t, send(t, m, email("")), send(t, m, email("")), "emails without a key are different ones")
}

func TestMailer_InternationalAddresses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to string
		utf8     bool // whether the server offers it
		want     received
		err      string
	}{
		"ASCII, although the server could do more": {"a@example.com", "b@example.org", true, received{from: "a@example.com", to: "b@example.org"}, ""},
		"domain, sent in its ASCII form":           {"a@bücher.example", "Zoë <b@例え.jp>", false, received{from: "a@xn--bcher-kva.example", to: "b@xn--r8jz45g.jp"}, ""},
		"local part":                               {"a@example.com", "jörg@bücher.example", true, received{from: "a@example.com", to: "jörg@xn--bcher-kva.example", utf8: true}, ""},
		"local part of the sender":                 {"jörg@example.com", "b@example.com", true, received{from: "jörg@example.com", to: "b@example.com", utf8: true}, ""},
		"local part, and the server cannot":        {"a@example.com", "jörg@example.com", false, received{}, "SMTPUTF8"},
		"no domain at all":                         {"a@example.com", "b@a\u2028b.example", true, received{}, "domain"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inbox := openInbox(t, func(b *inbox) { b.EnableSMTPUTF8 = tt.utf8 })
			m := mailerFor(t, inbox.addr, always(mail.Message{From: tt.from, To: tt.to, Text: "x"}), noTLS)
			id, err := m.SendEmail(t.Context(), email("k"))
			if tt.err != "" {
				require.ErrorIs(t, err, automation.ErrPermanent)
				require.ErrorContains(t, err, tt.err)
				assert.Empty(t, inbox.got())
				return
			}
			require.NoError(t, err)
			got := inbox.got()[0]
			to, err := parse(t, got.data).Header.AddressList("To")
			require.NoError(t, err)
			assert.Equal(t, tt.want.to, to[0].Address)
			assert.True(t, strings.HasSuffix(id, tt.want.from[strings.Index(tt.want.from, "@"):]), id)
			got.data = ""
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestMailer_AddressesCannotAddCommandsOrHeaders(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"a@b.example>\r\nRCPT TO:<evil@example.com",
		"a@b.example\r\nBcc: evil@example.com",
		"\"a\r\nRCPT TO:<evil@example.com>\"@b.example",
		"=?utf-8?q?x=0D=0ABcc:_evil@example.com?= <a@b.example>",
		"a@b.example> SIZE=1 <x@example.com",
		"a@b.example, evil@example.com",
		"a\x00@b.example",
	} {
		s := runScript(t, friendly)
		m := mailerFor(t, s.addr, always(mail.Message{From: "a@b.example", To: to, Text: "x"}), noTLS)
		_, err := m.SendEmail(t.Context(), email("k"))
		require.ErrorIs(t, err, automation.ErrPermanent, to)
		var invalid *automation.ValidationError
		require.ErrorAs(t, err, &invalid, to)
		assert.Empty(t, s.said(), to)
	}
}

func TestMailer_QuotesWhatIsOddButAllowed(t *testing.T) {
	t.Parallel()
	s := runScript(t, friendly)
	m := mailerFor(t, s.addr, always(mail.Message{
		From: `"> SIZE=1 <x"@b.example`, To: `"a> b\"c"@b.example`, Subject: "x", Text: ".\r\n..\nQUIT\r\n",
	}), noTLS)
	send(t, m, email("k"))
	assert.Equal(t, []string{
		"1 EHLO client.example.com",
		`1 MAIL FROM:<"> SIZE=1 <x"@b.example> BODY=8BITMIME`,
		`1 RCPT TO:<"a> b\"c"@b.example>`,
		"1 DATA",
	}, s.said())
	require.Len(t, s.data(), 1)
	assert.Contains(t, s.data()[0], "\r\n\r\n..\r\n...\r\nQUIT\r\n", "dots at the beginning of a line are doubled")
}

func TestMailer_WhatCannotBeRenderedIsNotSent(t *testing.T) {
	t.Parallel()
	cause := automation.Permanent(errors.New("no such template"))
	s := runScript(t, friendly)
	m := mailerFor(t, s.addr, func(context.Context, automation.Email) (mail.Message, error) { return mail.Message{}, cause }, noTLS)
	_, err := m.SendEmail(t.Context(), email("k"))
	require.ErrorIs(t, err, automation.ErrPermanent)
	require.ErrorIs(t, err, cause)
	assert.Empty(t, s.said())
}

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

func TestMailer_TellsToComeLaterWhenTheRateIsUsedUp(t *testing.T) {
	t.Parallel()
	inbox := openInbox(t, nil)
	m := mailerFor(t, inbox.addr, hello, smtp.Options{TLS: smtp.NoTLS, RatePerSecond: 0.001, Burst: 2})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		_, err := m.SendEmail(ctx, email("k"))
		require.NoError(t, err)
	}
	for range 2 { // a refusal takes nobody's turn
		_, err := m.SendEmail(ctx, email("k"))
		var limited *automation.RateLimitError
		require.ErrorAs(t, err, &limited)
		assert.InDelta(t, 1000, limited.After.Seconds(), 60)
	}
	assert.Len(t, inbox.got(), 2)
}

func TestMailer_WaitsForItsTurn(t *testing.T) {
	t.Parallel()
	inbox := openInbox(t, nil)
	m := mailerFor(t, inbox.addr, hello, smtp.Options{TLS: smtp.NoTLS, RatePerSecond: 100})
	for range 3 {
		send(t, m, email("k"))
	}
	assert.Len(t, inbox.got(), 3)
}

func TestMailer_WaitingForTheRateEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*smtp.Mailer, context.CancelFunc){
		"context canceled": func(_ *smtp.Mailer, cancel context.CancelFunc) { cancel() },
		"closed":           func(m *smtp.Mailer, _ context.CancelFunc) { _ = m.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inbox := openInbox(t, nil)
			rendered := make(chan struct{}, 2)
			m := mailerFor(t, inbox.addr, func(ctx context.Context, e automation.Email) (mail.Message, error) {
				rendered <- struct{}{}
				return hello(ctx, e)
			}, smtp.Options{TLS: smtp.NoTLS, RatePerSecond: 0.001})
			send(t, m, email("k"))
			<-rendered
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := make(chan error)
			go func() {
				_, err := m.SendEmail(ctx, email("k"))
				result <- err
			}()
			<-rendered
			end(m, cancel)
			require.ErrorContains(t, <-result, name)
			assert.Len(t, inbox.got(), 1)
		})
	}
}

func TestMailer_CloseSaysGoodbyeAndRefusesMore(t *testing.T) {
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

type inspectable struct{ rendering }

func (inspectable) InspectTemplate(_ context.Context, id string) (automation.TemplateInfo, error) {
	return automation.TemplateInfo{Published: true, Variables: []string{id}}, nil
}

func TestMailer_InspectTemplateAsksTheRenderer(t *testing.T) {
	t.Parallel()
	m, err := smtp.New("localhost", inspectable{hello}, smtp.Options{})
	require.NoError(t, err)
	info, err := m.InspectTemplate(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, automation.TemplateInfo{Published: true, Variables: []string{"welcome"}}, info)

	m, err = smtp.New("localhost", rendering(hello), smtp.Options{})
	require.NoError(t, err)
	_, err = m.InspectTemplate(t.Context(), "welcome")
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
