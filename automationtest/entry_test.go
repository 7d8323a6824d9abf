package automationtest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
)

// cart is an automation with rules of entry and of exit.
func cart(change ...func(*automation.Automation)) automation.Automation {
	a := automation.Automation{
		Name: "Cart",
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "cart.updated"}},
			{Key: "quiet", Config: automation.Delay{Duration: automation.MustParseDuration("4 hours")}},
			{Key: "reminder", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "reminder"}}},
		},
		Connections: []automation.Connection{{From: "start", To: "quiet"}, {From: "quiet", To: "reminder"}},
		Entry:       &automation.Entry{Reentry: automation.Reentry{Key: "event.cart_id", WhileRunning: automation.ReentryIgnore}},
		Exit: &automation.Exit{
			Events: []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "cart_id"}}}},
			MaxAge: automation.MustParseDuration("1 hour"),
		},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

// An automation that is in the way of itself, and ends when the cart is paid.
func ExampleRun_AssertExited() {
	t := &printer{out: os.Stdout}
	h := automationtest.New(t, automationtest.Options{}, cart())
	payload := map[string]any{"cart_id": "c-1"}

	h.Send("cart.updated", "ada@example.com", payload)
	h.Send("cart.updated", "ada@example.com", payload)
	h.AssertRefused("ada@example.com", "Cart", automation.DecisionRunning)

	h.Send("order.paid", "ada@example.com", payload)
	h.Run("ada@example.com", "Cart").AssertExited(automation.ExitEvent, "paid")
	h.AssertEmails("ada@example.com")

	fmt.Print(h.Timeline())
	// Output:
	// day 0 00:00:00   Mon 2026-01-05 09:00:00   ada@example.com
	//   event    cart.updated          {"cart_id":"c-1"}
	//   contact  created
	//   run      Cart                  started
	//   step     start                 on cart.updated
	//   step     quiet                 waits until day 0 01:00:00
	//   event    cart.updated          {"cart_id":"c-1"}
	//   event    cart.updated          starts nothing: running
	//   event    order.paid            {"cart_id":"c-1"}
	//   step     quiet                 cancelled
	//   run      Cart                  completed early: paid
}

func TestEntry_AssertionsHold(t *testing.T) {
	t.Parallel()
	h := automationtest.New(t, automationtest.Options{}, cart(func(a *automation.Automation) {
		a.Entry.Reentry.WhileRunning = automation.ReentryRestart
		a.Entry.AudienceRule = automation.Field("contact.unsubscribed").Eq(false)
	}))
	payload := map[string]any{"cart_id": "c-1"}
	h.Send("cart.updated", ada, payload)
	h.Send("cart.updated", ada, nil)
	h.AssertRefused(ada, "Cart", automation.DecisionKeyMissing)
	h.Send("cart.updated", ada, payload)
	runs := h.Runs(ada, "Cart")
	assert.Len(t, runs, 2)
	runs[0].AssertCancelled(automation.CancelledReplaced)
	assert.JSONEq(t, `{"replaced_by":"`+runs[1].ID+`"}`, string(runs[0].Step("quiet").Output))
	h.Advance(2 * time.Hour)
	runs[1].AssertCancelled(automation.CancelledMaxAge)
	h.Unsubscribe(ada)
	h.Send("cart.updated", ada, payload)
	h.AssertRefused(ada, "Cart", automation.DecisionAudience)
}

func TestEntry_AssertionsReportTheOutcome(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		check func(h *automationtest.Harness)
		want  string
	}{
		"not refused": {
			func(h *automationtest.Harness) { h.AssertRefused(ada, "Other", automation.DecisionLimit) },
			`event "cart.updated" for ` + ada + ` was not refused by "Other", which New was not given, want it to be refused with limit`,
		},
		"the event of no trigger": {
			func(h *automationtest.Harness) {
				h.Send("cart.update", ada, nil)
				h.AssertRefused(ada, "Cart", automation.DecisionLimit)
			},
			`event "cart.update" for ` + ada + ` was not refused by "Cart" (no_match), want it to be refused with limit`,
		},
		"another code": {
			func(h *automationtest.Harness) { h.AssertRefused(ada, "Cart", automation.DecisionLimit) },
			`event "cart.updated" for ` + ada + ` was refused with key_missing {"key":"event.cart_id"} by "Cart", want it to be refused with limit`,
		},
		"exit": {
			func(h *automationtest.Harness) { h.Run(ada, "Cart").AssertExited(automation.ExitCondition, "") },
			`the run is running at step "quiet", want it to exit by condition`,
		},
		"another exit": {
			func(h *automationtest.Harness) {
				h.Send("order.paid", ada, map[string]any{"cart_id": 1})
				h.Run(ada, "Cart").AssertExited(automation.ExitEvent, "left")
			},
			`the run is completed at step "quiet" by event "paid", want it to exit by event "left"`,
		},
		"cancelled": {
			func(h *automationtest.Harness) { h.Run(ada, "Cart").AssertCancelled(automation.CancelledReplaced) },
			`the run is running at step "quiet", want it to be cancelled with replaced`,
		},
		"no run": {
			func(h *automationtest.Harness) {
				h.Send("cart.updated", "bob@example.com", nil)
				h.Run("bob@example.com", "Cart")
			},
			`bob@example.com has no runs of "Cart": the latest event "cart.updated" for bob@example.com was refused with ` +
				`key_missing {"key":"event.cart_id"} by "Cart"`,
		},
		"no event": {
			func(h *automationtest.Harness) { h.AssertRefused("eve@example.com", "Cart", automation.DecisionLimit) },
			"eve@example.com has no events",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			h := automationtest.New(&printer{out: &log}, automationtest.Options{}, cart())
			h.Send("cart.updated", ada, map[string]any{"cart_id": 1})
			h.Send("cart.updated", ada, nil)
			message := fatally(func() { tt.check(h) })
			assert.Equal(t, tt.want, message+strings.TrimSuffix(strings.TrimPrefix(log.String(), "error: "), "\n"))
		})
	}
}
