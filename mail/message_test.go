package mail_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

var hello = mail.Message{
	From: "Ada <ada@example.com>", To: "bob@example.com", Subject: "Hello", Text: "Hello, Bob",
}

func TestCheck_ReturnsTheAddresses(t *testing.T) {
	t.Parallel()
	m := hello
	m.To = `"Müller, Jörg" <jörg@exämple.com>`
	m.ReplyTo = "help@example.com, Sales <sales@example.com>"
	m.Subject = "Grüße \U0001F44B\tund so weiter"
	e, err := m.Check()
	require.NoError(t, err)
	assert.Equal(t, "Ada", e.From.Name)
	assert.Equal(t, "ada@example.com", e.From.Address)
	assert.Equal(t, "Müller, Jörg", e.To.Name)
	assert.Equal(t, "jörg@exämple.com", e.To.Address)
	require.Len(t, e.ReplyTo, 2)
	assert.Equal(t, "sales@example.com", e.ReplyTo[1].Address)
}

func TestCheck_RefusesTextThatBreaksTheHeader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		set  func(m *mail.Message)
		want string
	}{
		{"line feed in subject", func(m *mail.Message) { m.Subject = "Hi\nBcc: eve@example.com" }, "unsafe_header subject"},
		{"carriage return in subject", func(m *mail.Message) { m.Subject = "Hi\r" }, "unsafe_header subject"},
		{"NUL in subject", func(m *mail.Message) { m.Subject = "Hi\x00" }, "unsafe_header subject"},
		{"invalid UTF-8 in subject", func(m *mail.Message) { m.Subject = "Hi\xff" }, "unsafe_header subject"},
		{"line break in from", func(m *mail.Message) { m.From = "Ada\r\nBcc: eve@example.com <ada@example.com>" }, "unsafe_header from"},
		{"folded from", func(m *mail.Message) { m.From = "Ada\r\n <ada@example.com>" }, "unsafe_header from"},
		{"line break in an encoded word", func(m *mail.Message) { m.From = "=?utf-8?b?QWRhDQpCY2M=?= <ada@example.com>" }, "unsafe_header from"},
		{"line break in to", func(m *mail.Message) { m.To = "bob@example.com\n" }, "unsafe_header to"},
		{"line break in reply-to", func(m *mail.Message) { m.ReplyTo = "a@example.com,\n b@example.com" }, "unsafe_header reply_to"},
		{"from is no address", func(m *mail.Message) { m.From = "Ada" }, "invalid_email from"},
		{"from is missing", func(m *mail.Message) { m.From = "" }, "missing_field from"},
		{"two recipients", func(m *mail.Message) { m.To = "a@example.com, b@example.com" }, "invalid_email to"},
		{"reply-to is no address", func(m *mail.Message) { m.ReplyTo = "help" }, "invalid_email reply_to"},
		{"link with a line break", func(m *mail.Message) { m.UnsubscribeURL = "https://example.com/\r\nBcc:x" }, "unsafe_header unsubscribe_url"},
		{"link out of its brackets", func(m *mail.Message) { m.UnsubscribeURL = "https://example.com/>,<mailto:eve@example.com" }, "unsafe_header unsubscribe_url"},
		{"link that would be encoded", func(m *mail.Message) { m.UnsubscribeURL = "https://exämple.com/" }, "unsafe_header unsubscribe_url"},
		{"link to nowhere", func(m *mail.Message) { m.UnsubscribeURL = "/unsubscribe" }, "unsafe_header unsubscribe_url"},
		{"link that fits into no line", func(m *mail.Message) { m.UnsubscribeURL = "https://example.com/" + strings.Repeat("a", 900) }, "unsafe_header unsubscribe_url"},
		{"name that fits into no line", func(m *mail.Message) { m.From = strings.Repeat("a", 901) + " <ada@example.com>" }, "unsafe_header from"},
		{"address that fits into no line", func(m *mail.Message) { m.ReplyTo = strings.Repeat("a", 901) + "@example.com" }, "unsafe_header reply_to"},
		{"no body", func(m *mail.Message) { m.Text = "" }, "missing_field html"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hello
			test.set(&m)
			e, err := m.Check()
			require.ErrorIs(t, err, automation.ErrPermanent)
			assert.Zero(t, e)
			var invalid *automation.ValidationError
			require.ErrorAs(t, err, &invalid)
			require.Len(t, invalid.Problems, 1)
			p := invalid.Problems[0]
			assert.Equal(t, test.want, string(p.Code)+" "+p.Path)
		})
	}
}

func TestCheck_ListsEverything(t *testing.T) {
	t.Parallel()
	_, err := mail.Message{Subject: "a\nb"}.Check()
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Len(t, invalid.Problems, 4)
}

func TestHeader_OffersOneClickUnsubscribe(t *testing.T) {
	t.Parallel()
	assert.Nil(t, hello.Header())
	m := hello
	m.UnsubscribeURL = "https://example.com/u?t=1"
	assert.Equal(t, map[string]string{
		"List-Unsubscribe":      "<https://example.com/u?t=1>",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
	}, m.Header())
}
