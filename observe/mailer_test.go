package observe_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/observe"
)

// inspector is a mailer that knows its templates.
type inspector struct{ *capture.Mailer }

func (inspector) InspectTemplate(context.Context, string) (automation.TemplateInfo, error) {
	return automation.TemplateInfo{Published: true}, nil
}

func TestMailer_IsAnInspectorIfItsMailerIsOne(t *testing.T) {
	t.Parallel()
	m, err := observe.New(&journal{}, observe.Options{})
	require.NoError(t, err)
	assert.NotImplements(t, (*automation.TemplateInspector)(nil), m.Mailer(capture.New()))

	knows := m.Mailer(inspector{capture.New()})
	require.Implements(t, (*automation.TemplateInspector)(nil), knows)
	info, err := knows.(automation.TemplateInspector).InspectTemplate(t.Context(), "hello")
	require.NoError(t, err)
	assert.True(t, info.Published)
}

func TestEmailResult(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"sent":         nil,
		"failed":       world.ErrOutage,
		"permanent":    automation.Permanent(world.ErrOutage),
		"rate_limited": fmt.Errorf("mailer: %w", &automation.RateLimitError{}),
		"unknown":      fmt.Errorf("mailer: %w", context.DeadlineExceeded),
	} {
		assert.Equal(t, want, observe.EmailResult(err))
	}
}

func TestMailer_MeasuresAPanic(t *testing.T) {
	t.Parallel()
	w, _, j := measured(t, observe.Options{})
	w.Mailer.Respond = func(context.Context, automation.Email) error { panic("broken") }
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Len(t, j.of("email.attempt.duration unknown"), 1)
	assert.Equal(t, []string{"step.failures welcome send_email effect_failed retried: 1"}, j.lines("step.failures"))
}
