package capture_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
)

func email(key, to string) automation.Email {
	return automation.Email{IdempotencyKey: key, To: to, TemplateID: key}
}

func send(t *testing.T, m *capture.Mailer, e automation.Email) string {
	t.Helper()
	id, err := m.SendEmail(t.Context(), e)
	require.NoError(t, err)
	return id
}

func TestMailer_RemembersWhatItAccepted(t *testing.T) {
	t.Parallel()
	var m capture.Mailer // the zero value is ready
	first, second := email("a", "ada@example.com"), email("b", "Bob@example.com")
	assert.NotEqual(t, send(t, &m, first), send(t, &m, second))
	assert.Equal(t, []automation.Email{first, second}, m.Emails())
	assert.Equal(t, []automation.Email{second}, m.To("bob@EXAMPLE.com"))
	assert.Empty(t, m.To("eve@example.com"))
}

func TestMailer_HonoursIdempotencyKeys(t *testing.T) {
	t.Parallel()
	m := capture.New()
	id := send(t, m, email("a", "ada@example.com"))
	again := email("a", "ada@example.com")
	again.Attempt = 2
	assert.Equal(t, id, send(t, m, again))
	assert.Len(t, m.Emails(), 1)
}

func TestMailer_RespondDecides(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	m := capture.New()
	asked := 0
	m.Respond = func(_ context.Context, e automation.Email) error {
		if asked++; e.Attempt == 1 {
			return down
		}
		return nil
	}
	e := email("a", "ada@example.com")
	e.Attempt = 1
	_, err := m.SendEmail(t.Context(), e)
	require.ErrorIs(t, err, down)
	assert.Empty(t, m.Emails(), "a refused email is not remembered")
	e.Attempt = 2
	id := send(t, m, e)
	assert.Equal(t, id, send(t, m, e))
	assert.Equal(t, 3, asked, "every attempt is asked about")
}

func TestMailer_AcceptsNothingAfterItsContextEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := capture.New()
	_, err := m.SendEmail(ctx, email("a", "ada@example.com"))
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, m.Emails())
}

func TestMailer_ResetKeepsTheKeys(t *testing.T) {
	t.Parallel()
	m := capture.New()
	id := send(t, m, email("a", "ada@example.com"))
	m.Reset()
	assert.Empty(t, m.Emails())
	assert.Equal(t, id, send(t, m, email("a", "ada@example.com")))
	assert.Empty(t, m.Emails())
	assert.NotEqual(t, id, send(t, m, email("b", "ada@example.com")))
	assert.Len(t, m.Emails(), 1)
}

func TestMailer_EmailsAreCopies(t *testing.T) {
	t.Parallel()
	m := capture.New()
	send(t, m, email("a", "ada@example.com"))
	m.Emails()[0].To = "changed"
	assert.Equal(t, "ada@example.com", m.Emails()[0].To)
}

func TestMailer_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	m := capture.New()
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			_, err := m.SendEmail(t.Context(), email(fmt.Sprint(i%8), "ada@example.com"))
			assert.NoError(t, err)
			m.To("ada@example.com")
		})
	}
	wg.Wait()
	assert.Len(t, m.Emails(), 8)
}
