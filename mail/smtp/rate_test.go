package smtp_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/smtp"
)

func TestMailer_ReturnsARateLimitErrorWhenTheRateIsUsedUp(t *testing.T) {
	t.Parallel()
	inbox := openInbox(t, nil)
	m := mailerFor(t, inbox.addr, hello, smtp.Options{TLS: smtp.NoTLS, RatePerSecond: 0.001, Burst: 2})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		_, err := m.SendEmail(ctx, email("k"))
		require.NoError(t, err)
	}
	for range 2 { // a refused email takes no turn
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
