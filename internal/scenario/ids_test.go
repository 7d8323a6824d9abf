package scenario_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// The dashboard and package httpapi could not show what has such an id.
func TestIDs_ThatNoURLCanContainAreRefused(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := func(id string) automation.Automation { return world.Flow(id, "signup", world.Email("hello")) }
	mails := func(id string) automation.Automation {
		mail := automation.Step{Key: "mail", Config: automation.SendEmail{Template: automation.TemplateRef{ID: id}}}
		return world.Flow("", "signup", mail)
	}
	uses := map[string]func(id string) error{
		"automation":         func(id string) error { return only(w.CreateAutomation(w.Ctx, flow(id))) },
		"applied automation": func(id string) error { return only(w.Apply(w.Ctx, flow(id))) },
		"template of a step": func(id string) error { return only(w.CreateAutomation(w.Ctx, mails(id))) },
		"contact": func(id string) error {
			return only(w.CreateContact(w.Ctx, automation.Contact{ID: id, Email: "ada@example.com"}))
		},
		"segment": func(id string) error { return only(w.CreateSegment(w.Ctx, automation.Segment{ID: id, Name: "Team"})) },
		"segment of a contact": func(id string) error {
			return only(w.CreateContact(w.Ctx, automation.Contact{Email: "bob@example.com", Segments: []string{id}}))
		},
		"contact of an event": func(id string) error {
			return only(w.Runner.Send(w.Ctx, automation.Event{Name: "signup", ContactID: id}))
		},
	}
	for name, use := range uses {
		for _, id := range []string{".", ".."} {
			err := use(id)
			require.ErrorIs(t, err, automation.ErrInvalid, "%s %q", name, id)
			assert.ErrorContains(t, err, "must not be . or .., because no URL can contain it: choose another id", name)
		}
		assert.NotErrorIs(t, use("..."), automation.ErrInvalid, "%s ...", name)
	}
	found, err := w.GetContacts(w.Ctx, []string{"..", "."})
	require.NoError(t, err)
	assert.Empty(t, found)
}

// only returns the error of a call.
func only[T any](_ T, err error) error { return err }
