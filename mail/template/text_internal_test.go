package template

import (
	"errors"
	"testing"

	"github.com/cbroglie/mustache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

// noPartials fails: a valid template never includes a file.
type noPartials struct{ err error }

func (p noPartials) Get(string) (string, error) { return "", p.err }

func TestFill_PassesOnErrorsOfMustache(t *testing.T) {
	t.Parallel()
	c, problems := compile(&Template{Name: "n", Status: StatusDraft, Subject: "s", Text: "t"}, "a@example.com")
	require.Empty(t, problems)
	cause := errors.New("broken")
	m, err := mustache.ParseStringPartials("{{> x}}", noPartials{cause})
	require.NoError(t, err)
	c.parts.text = &text{source: "{{> x}}", mustache: m}
	err = c.fill(&mail.Message{To: "b@example.com"}, &values{contact: automation.Contact{}})
	assert.ErrorIs(t, err, cause)
}
