package smtp_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

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
	assert.Len(t, h, 10, "no further header fields: %v", h)
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

// assertLines checks that every relay can pass the data on unchanged.
func assertLines(t *testing.T, data string) {
	t.Helper()
	for line := range strings.SplitSeq(data, "\r\n") {
		assert.LessOrEqual(t, len(line), 998)
		assert.NotContains(t, line, "\n")
		assert.NotContains(t, line, "\r")
	}
	assert.Equal(t, -1, strings.IndexFunc(data, func(r rune) bool { return r > '~' }), "8-bit data")
}

func TestMailer_SubjectsArriveUnchanged(t *testing.T) {
	t.Parallel()
	for name, subject := range map[string]string{
		"one long word":                  strings.Repeat("a", 2000),
		"one long word among short ones": "Your code: " + strings.Repeat("1234567890", 100) + " until noon",
		"long, beyond ASCII":             strings.Repeat("ä世", 500),
		"what looks like encoded":        "=?utf-8?q?Hi?= and =?",
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
		utf8     bool // whether the server offers SMTPUTF8
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

func TestMailer_QuotesUnusualAddresses(t *testing.T) {
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

func TestMailer_SendsNothingIfRenderingFails(t *testing.T) {
	t.Parallel()
	cause := automation.Permanent(errors.New("no such template"))
	s := runScript(t, friendly)
	m := mailerFor(t, s.addr, func(context.Context, automation.Email) (mail.Message, error) { return mail.Message{}, cause }, noTLS)
	_, err := m.SendEmail(t.Context(), email("k"))
	require.ErrorIs(t, err, automation.ErrPermanent)
	require.ErrorIs(t, err, cause)
	assert.Empty(t, s.said())
}
