package resend

import (
	"net/http"
	netmail "net/mail"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/mail"
)

func TestMailer_HasATimeout(t *testing.T) {
	t.Parallel()
	m, err := New("re_1", Options{})
	require.NoError(t, err)
	assert.Equal(t, defaultTimeout, m.client.Timeout)
	assert.Equal(t, "https://api.resend.com", m.opts.BaseURL)

	own := &http.Client{}
	m, err = New("re_1", Options{Client: own})
	require.NoError(t, err)
	assert.Zero(t, m.client.Timeout)
	assert.Nil(t, own.CheckRedirect, "the host's client stays as it is")
}

// For every header of a server the wait is between zero and a day.
func FuzzWaitOf(f *testing.F) {
	f.Add("7", "1", "Sun, 01 Mar 2026 09:00:00 GMT", nameDailyQuota)
	f.Add("Sun, 01 Mar 2026 09:00:00 GMT", "", "Sun, 01 Mar 2026 08:00:00 GMT", "")
	f.Add("-1", "1e300", "", nameMonthlyQuota)
	f.Fuzz(func(t *testing.T, after, reset, date, name string) {
		h := http.Header{"Retry-After": {after}, "Ratelimit-Reset": {reset}, "Date": {date}}
		d := waitOf(name, h)
		require.GreaterOrEqual(t, d, 0*d)
		require.LessOrEqual(t, d, maxWait)
	})
}

// The written form of an address is the same address.
func FuzzWritten(f *testing.F) {
	for _, text := range []string{
		"help@example.com", "<help@example.com>", `"Müller, Jörg" <j@example.com>`, `"a  b" <j@example.com>`,
		`"say \"hi\" \\" <h@example.com>`, `"john doe"@example.com`, "=?utf-8?q?J=C3=B6rg?= <j@example.com>", "x@[127.0.0.1]",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := mail.Message{From: text, To: "a@example.com", Text: "x"}.Check()
		if err != nil {
			return
		}
		again, err := netmail.ParseAddress(written(e.From))
		require.NoError(t, err)
		require.Equal(t, e.From, again)
	})
}

// An error contains at most one line of an answer.
func FuzzReadError(f *testing.F) {
	f.Add(`{"statusCode":422,"name":"validation_error","message":"Invalid"}`)
	f.Add(`{"name":1}`)
	f.Add("<html>")
	f.Fuzz(func(t *testing.T, answer string) {
		m := &Mailer{apiKey: "re_123456789"}
		text := m.readError(422, []byte(answer)).Error()
		require.NotContains(t, text, "re_123456789")
		require.NotContains(t, text, "\n")
		require.LessOrEqual(t, len(text), 2*maxMessageBytes+20)
	})
}
