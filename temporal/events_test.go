package temporal_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// A run sends an event for another automation, whose run sends the event that has started the first.
func TestWorkflow_GetsTheEventsThatItsRunsSend(t *testing.T) {
	tell := func(event string) automation.Step {
		return automation.Step{Key: "tell", Config: automation.SendEvent{EventName: event}}
	}
	first, second := flow(tell("told"), rest(time.Hour), email("hello")), flow(email("tips"), tell("signup"))
	second.ID, second.Steps[0].Config = "second", automation.Trigger{EventName: "told"}
	w := newWorld(t, first, second)
	w.at(0, func() { w.send("signup") })
	w.run()
	assert.Equal(t, []string{"tips", "hello"}, w.templates())
	page, err := w.ListEvents(t.Context(), automation.EventQuery{Contact: automation.ContactRef{ID: w.contact.ID}})
	require.NoError(t, err)
	require.Len(t, page.Data, 3)
	last, err := w.ListDecisions(t.Context(), page.Data[0].ID)
	require.NoError(t, err)
	require.Len(t, last, 1)
	assert.Equal(t, automation.DecisionChain, last[0].Code)
	require.NotNil(t, page.Data[0].Cause)
	assert.Equal(t, []string{"flow", "second"}, page.Data[0].Cause.Automations)
}

func TestWorkflow_ExitsAfterTheEmailInFlight(t *testing.T) {
	a := flow(email("one"), email("two"), email("three"))
	a.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "paid"}}}
	w := newWorld(t, a)
	w.mailer.Respond = func(_ context.Context, e automation.Email) error {
		if e.TemplateID == "two" {
			w.send("paid")
		}
		return nil
	}
	w.at(0, func() { w.send("signup") })
	w.run()
	assert.Equal(t, []string{"one", "two"}, w.templates())
	run := w.only()
	assert.Equal(t, automation.RunCompleted, run.Status)
	require.NotNil(t, run.Exit)
	assert.Equal(t, automation.ExitEvent, run.Exit.Reason)
}
