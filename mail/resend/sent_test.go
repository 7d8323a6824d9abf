package resend_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/resend"
)

// documentedEmail is an answer as Resend's reference has it.
const documentedEmail = `{
	"object": "email", "id": "4ef9a417-02e9-4d39-ad75-9611e0fcc33c",
	"to": ["Ada <ada@example.com>"], "from": "Acme <hello@acme.example>",
	"created_at": "2026-04-03 22:13:42.674981+00", "subject": "Grüße & <Küsse>",
	"html": "<p>Hello</p>", "text": null, "bcc": [], "cc": null,
	"reply_to": ["help@acme.example", "sales@acme.example"],
	"last_event": "delivered", "scheduled_at": null, "tags": [{"name": "run_id", "value": "1"}]
}`

func TestSentEmail_IsReadFromResend(t *testing.T) {
	t.Parallel()
	a := newAPI(t, says(http.StatusOK, documentedEmail))
	message, err := a.mailer(resend.Options{Renderer: renderer{}}).SentEmail(t.Context(), "4ef9a417/?")
	require.NoError(t, err)
	assert.Equal(t, mail.Message{
		From: "Acme <hello@acme.example>", To: "Ada <ada@example.com>", ReplyTo: "help@acme.example, sales@acme.example",
		Subject: "Grüße & <Küsse>", HTML: "<p>Hello</p>",
	}, message)
	asked := a.asked()
	assert.Equal(t, "GET /emails/4ef9a417%2F%3F", asked.method+" "+asked.path)
	assert.Equal(t, "Bearer "+apiKey, asked.header.Get("Authorization"))
	assert.NotContains(t, asked.header, "Idempotency-Key")
}

func TestSentEmail_ReportsWhyItFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"no such email": {refusal(404, "not_found"), automation.ErrNotFound},
		"sending only":  {refusal(401, "restricted_api_key"), errors.ErrUnsupported},
		"wrong key":     {refusal(403, "invalid_api_key"), automation.ErrPermanent},
	}
	for name, tt := range tests {
		_, err := newAPI(t, tt.answer).mailer(resend.Options{}).SentEmail(t.Context(), "x")
		require.ErrorIs(t, err, tt.want, name)
		require.NotErrorIs(t, err, automation.ErrOutcomeUnknown, name)
		assert.ErrorContains(t, err, `email "x"`)
	}
	limit := (*automation.RateLimitError)(nil)
	_, err := newAPI(t, refusal(429, "rate_limit_exceeded", "Retry-After", "7")).mailer(resend.Options{}).SentEmail(t.Context(), "x")
	require.ErrorAs(t, err, &limit)
	assert.Equal(t, 7*time.Second, limit.After)
}

func TestSentEmail_IsNotMadeOfAnotherAnswer(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", "null", "[]", `{"object":"list","data":[]}`, `{"object":"email","to":3}`, strings.Replace(documentedEmail, "Hello", strings.Repeat("x", 4<<20), 1)} {
		message, err := newAPI(t, says(http.StatusOK, body)).mailer(resend.Options{}).SentEmail(t.Context(), "x")
		require.ErrorContains(t, err, "no email", "%.40s", body)
		assert.Empty(t, message)
	}
}

func TestSentEmail_AsksForOneEmailOnly(t *testing.T) {
	t.Parallel()
	a := newAPI(t, accepts)
	for _, id := range []string{"", ".", ".."} {
		_, err := a.mailer(resend.Options{}).SentEmail(t.Context(), id)
		require.ErrorIs(t, err, automation.ErrNotFound, id)
	}
	assert.Empty(t, a.all())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.mailer(resend.Options{}).SentEmail(ctx, "x")
	require.ErrorIs(t, err, context.Canceled)
}
