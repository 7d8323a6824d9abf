package template_test

import (
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/template"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var ada = automation.Contact{
	ID: "c1", Email: "ada@example.com", FirstName: "Ada", LastName: "Byron", CreatedAt: start,
	Properties: map[string]any{"plan": "pro", "seats": 3, "vip": true, "a b": "spaced"},
}

// world is a library with a clock.
type world struct {
	*template.Library
	t     *testing.T
	clock *clock.Mock
}

func setup(t *testing.T, opts template.Options) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewMock()}
	w.clock.Set(start)
	opts.Clock = w.clock
	if opts.From == "" {
		opts.From = "Shop <shop@example.com>"
	}
	var err error
	w.Library, err = template.New(opts)
	require.NoError(t, err)
	return w
}

// create creates a published template with the id "t", unless t has another id.
func (w *world) create(t template.Template) {
	w.t.Helper()
	t.ID, t.Status = "t", template.StatusPublished
	if t.Name == "" {
		t.Name = "Test"
	}
	if t.Subject == "" {
		t.Subject = "Subject"
	}
	_, err := w.Create(t)
	require.NoError(w.t, err)
}

func (w *world) render(e automation.Email) (mail.Message, error) {
	e.TemplateID = "t"
	if e.To == "" {
		e.To, e.Contact = ada.Email, ada
	}
	return w.RenderEmail(w.t.Context(), e)
}

// html renders the HTML of a template with these variables.
func html(t *testing.T, source string, variables map[string]any) string {
	t.Helper()
	w := setup(t, template.Options{})
	w.create(template.Template{HTML: source})
	m, err := w.render(automation.Email{Variables: variables})
	require.NoError(t, err)
	return m.HTML
}

// problems returns the problems of an error as "code path".
func problems(t *testing.T, err error) []string {
	t.Helper()
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	var list []string
	for _, p := range invalid.Problems {
		list = append(list, string(p.Code)+" "+p.Path)
	}
	return list
}

func ptr[T any](v T) *T { return &v }
