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
	"github.com/seed-b636437c/automation/mail"
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

// naming renders the id of the template, unless it is empty.
type naming struct{}

func (naming) RenderEmail(_ context.Context, e automation.Email) (mail.Message, error) {
	if e.TemplateID == "" {
		return mail.Message{}, automation.ErrNotFound
	}
	return mail.Message{To: e.To, Subject: fmt.Sprint(e.TemplateID, e.Attempt)}, nil
}

func TestMailer_RemembersWhatWasRendered(t *testing.T) {
	t.Parallel()
	m := capture.Mailer{Renderer: naming{}}
	e := email("a", "ada@example.com")
	id := send(t, &m, e)
	e.Attempt = 2
	send(t, &m, e)
	message, err := m.SentEmail(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, mail.Message{To: "ada@example.com", Subject: "a0"}, message, "the email that was accepted first")
	_, err = m.SendEmail(t.Context(), automation.Email{})
	require.ErrorIs(t, err, automation.ErrNotFound, "the renderer's error")
	m.Reset()
	_, err = m.SentEmail(t.Context(), id)
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestMailer_HasNoMessagesWithoutARenderer(t *testing.T) {
	t.Parallel()
	var m capture.Mailer
	_, err := m.SentEmail(t.Context(), send(t, &m, email("a", "ada@example.com")))
	require.ErrorIs(t, err, automation.ErrNotFound)
}
