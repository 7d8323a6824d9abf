package browser_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// carts is a flow with rules of entry and of exit.
func carts() automation.Automation {
	a := world.Flow("carts", "cart.updated", world.Pause("quiet", "4 hours"), world.Email("reminder"))
	a.Entry = &automation.Entry{
		FilterRule: automation.Field("event.total").Gt(0),
		Reentry:    automation.Reentry{Key: "event.cart_id", WhileRunning: automation.ReentryIgnore},
	}
	a.Exit = &automation.Exit{Events: []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "cart_id"}}}}}
	return a
}

func TestEditor_ChangesTheRulesOfEntryAndOfExit(t *testing.T) {
	t.Parallel()
	b := editing(t, carts())
	b.click(`[data-step="start"]`)
	b.choose("While a run is running", "restart")
	b.fill("At most this many starts", "3")
	b.fill("In this time", "30 days")
	b.fill("Ends after", "14 days")
	b.everyLook(func(look string) {
		b.accessible("rules " + look)
		b.picture("/edit-rules", look)
	})
	b.settled(3)
	b.press("Remove this rule")
	b.press("Ends unless this holds…")
	b.fill("Field", "contact.unsubscribed")
	a := b.saves("carts")

	assert.Equal(t, &automation.Entry{Reentry: automation.Reentry{
		Key: "event.cart_id", WhileRunning: automation.ReentryRestart, Limit: 3, Per: automation.MustParseDuration("30 days"),
	}}, a.Entry)
	require.NotNil(t, a.Exit)
	assert.Equal(t, carts().Exit.Events, a.Exit.Events)
	assert.Equal(t, automation.MustParseDuration("14 days"), a.Exit.MaxAge)
	assert.Equal(t, "contact.unsubscribed", a.Exit.WhileRule.Field)
}

// The forms that the server describes hold lists, references, times and days.
func TestEditor_HasFormsForWaitsAndTimes(t *testing.T) {
	t.Parallel()
	b := editing(t, welcome())
	add := func(name string, steps int) {
		b.press("Add a step after it")
		b.press(name)
		b.settled(steps)
	}
	b.click(`[data-step="start"]`)
	add("Wait for open hours", 3)
	b.fill("Days", "mon, tue")
	b.fill("From", "10:00")
	b.picture("/edit-window", "light-1280")
	add("Wait for one of several events", 4)
	b.fill("Event", "order.paid")
	b.fill("Name", "paid")
	b.fill("Same in the event and the run", "cart_id, team")
	b.picture("/edit-any", "light-1280")
	add("Wait until a date or a time", 5)
	b.fill("Weekdays", "mon")
	b.picture("/edit-until", "light-1280")
	a := b.saves("welcome")

	configs := map[string]automation.StepConfig{}
	for _, s := range a.Steps {
		configs[s.Key] = s.Config
	}
	window, isWindow := configs["window"].(automation.Window)
	require.True(t, isWindow)
	assert.Equal(t, []automation.Weekday{"mon", "tue"}, window.Hours[0].Days)
	assert.Equal(t, "10:00", window.Hours[0].From.String())
	wait, isWait := configs["wait"].(automation.WaitForAny)
	require.True(t, isWait)
	assert.Equal(t, []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "cart_id"}, {Event: "team"}}}}, wait.Events)
	until, isUntil := configs["until"].(automation.DelayUntil)
	require.True(t, isUntil)
	require.NotNil(t, until.Next)
	assert.Equal(t, []automation.Weekday{"mon"}, until.Next.Weekdays)
	assert.Equal(t, "09:00", until.Next.Time.String())
}
