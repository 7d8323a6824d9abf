package automation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
)

// The flows of docs/journeys.md do what the page describes.
func TestJourneys_ShowFlowsThatWork(t *testing.T) {
	t.Parallel()
	flows := map[string]automation.Automation{}
	for _, block := range codeBlocks(read(t, "docs/journeys.md"), "json") {
		a, err := automation.Parse([]byte(block), nil)
		require.NoError(t, err)
		problems := automation.Validate(a, automation.ValidateOptions{})
		if a.Name == "Abandoned cart" { // the page states that this is meant
			require.Len(t, problems, 1)
			require.Equal(t, automation.CodeBranchUnconnected, problems[0].Code)
			problems = nil
		}
		require.Empty(t, problems)
		flows[a.Name] = a
	}
	t.Run("Who enters, and how often", func(t *testing.T) {
		t.Parallel()
		h := automationtest.New(t, automationtest.Options{}, flows["Cart"])
		const ada = "ada@example.com"
		cart := map[string]any{"cart_id": 7, "total": 40}
		h.Send("cart.left", ada, map[string]any{"cart_id": 7, "total": 0})
		h.AssertRefused(ada, "Cart", automation.DecisionTriggerFilter)
		h.AssertNoContact(ada)
		h.Send("cart.left", ada, map[string]any{"total": 40})
		h.AssertRefused(ada, "Cart", automation.DecisionKeyMissing)
		h.AssertNoRuns(ada)
		h.Send("cart.left", ada, cart)
		h.Advance(3 * time.Hour)
		h.Send("cart.saved", ada, map[string]any{"cart_id": 7})
		h.Advance(3 * time.Hour)
		h.AssertEmails(ada)
		h.Advance(time.Hour)
		h.AssertEmails(ada, "you-left-something")
		h.Send("cart.left", ada, cart)
		h.Advance(4 * time.Hour)
		h.Send("cart.left", ada, cart)
		h.AssertRefused(ada, "Cart", automation.DecisionLimit)
		h.Send("cart.left", ada, map[string]any{"cart_id": "7", "total": 40})
		h.Run(ada, "Cart").AssertWaiting("wait")
		h.AddContact(automation.Contact{Email: "bob@example.com", Segments: []string{"staff"}})
		h.Send("cart.left", "bob@example.com", cart)
		h.AssertRefused("bob@example.com", "Cart", automation.DecisionAudience)
	})
	t.Run("What ends a run early", func(t *testing.T) {
		t.Parallel()
		h := automationtest.New(t, automationtest.Options{}, flows["Payment reminders"])
		for email, order := range map[string]int{"ada@example.com": 1, "bob@example.com": 2, "cleo@example.com": 3} {
			h.Send("order.placed", email, map[string]any{"order_id": order})
		}
		h.Send("order.paid", "ada@example.com", map[string]any{"order_id": 9})
		h.Advance(24 * time.Hour)
		h.AssertEmails("ada@example.com", "please-pay")
		h.Send("order.paid", "ada@example.com", map[string]any{"order_id": 1})
		h.Run("ada@example.com", "Payment reminders").AssertExited(automation.ExitEvent, "paid")
		h.UpdateContact("bob@example.com", automation.ContactChange{Properties: map[string]any{"blocked": true}})
		h.Advance(72 * time.Hour)
		h.AssertEmails("ada@example.com", "please-pay")
		h.AssertEmails("bob@example.com", "please-pay")
		h.Run("bob@example.com", "Payment reminders").AssertExited(automation.ExitCondition, "")
		h.AssertEmails("cleo@example.com", "please-pay", "last-reminder")
	})
	t.Run("One flow with all of it", func(t *testing.T) {
		t.Parallel()
		cart := flows["Abandoned cart"]
		start := time.Date(2026, time.October, 24, 15, 0, 0, 0, time.UTC) // 17:00 in Berlin
		h := automationtest.New(t, automationtest.Options{Start: start}, cart)
		h.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"timezone": "Europe/Berlin"}})
		h.Send("cart.updated", "ada@example.com", map[string]any{"cart_id": 7, "total": 40})
		h.Advance(3 * time.Hour)
		h.Send("cart.updated", "ada@example.com", map[string]any{"cart_id": 7, "total": 55})
		h.AssertRefused("ada@example.com", "Abandoned cart", automation.DecisionRunning)
		h.Advance(4 * time.Hour)
		run := h.Run("ada@example.com", "Abandoned cart")
		run.AssertWaiting("awake")
		h.Advance(9*time.Hour - time.Second) // from 00:00 to 08:00: the clocks go back by an hour
		run.AssertWaiting("awake")
		h.Advance(time.Second)
		run.AssertStatus(automation.RunCompleted)
		branch := run.Step("offer").Branch
		h.AssertEmails("ada@example.com", map[automation.ConnectionType][]string{
			"ten": {"cart-discount"}, "plain": {"cart-reminder"}, "none": nil}[branch]...)

		h.Send("cart.updated", "ada@example.com", map[string]any{"cart_id": 8, "total": 40})
		h.Send("order.paid", "ada@example.com", map[string]any{"cart_id": 8})
		h.Run("ada@example.com", "Abandoned cart").AssertExited(automation.ExitEvent, "paid")
	})
	t.Run("More than two branches", func(t *testing.T) {
		t.Parallel()
		h := automationtest.New(t, automationtest.Options{}, flows["First steps"])
		for email, tt := range map[string]struct {
			seats    int
			branch   automation.ConnectionType
			template string
		}{
			"ada@example.com":  {250, "company", "book-a-call"},
			"bob@example.com":  {12, "team", "invite-your-team"},
			"cleo@example.com": {1, automation.ConnectionDefault, "tips"},
		} {
			h.Send("user.created", email, map[string]any{"seats": tt.seats})
			h.AssertEmails(email, tt.template)
			h.Run(email, "First steps").AssertBranch("size", tt.branch)
		}
		h.Send("user.created", "dan@example.com", nil)
		h.Run("dan@example.com", "First steps").AssertStatus(automation.RunFailed)
	})
	t.Run("Events that steps send", func(t *testing.T) {
		t.Parallel()
		tips := automation.Automation{Name: "Tips", Status: automation.StatusEnabled, Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "trial.welcomed"}},
			{Key: "tips", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "tips", Variables: map[string]automation.Value{"plan": automation.Var("event.plan")}}}},
		}, Connections: []automation.Connection{{From: "start", To: "tips"}}}
		h := automationtest.New(t, automationtest.Options{}, flows["Trial"], tips)
		h.Send("trial.started", "ada@example.com", map[string]any{"plan": "pro"})
		h.AssertEmails("ada@example.com", "welcome", "tips")
		h.Run("ada@example.com", "Trial").AssertStatus(automation.RunCompleted)
	})
	t.Run("Variants", func(t *testing.T) {
		t.Parallel()
		h := automationtest.New(t, automationtest.Options{}, flows["Spring offer"])
		templates := map[automation.ConnectionType][]string{"ten": {"ten-percent-off"}, "plain": {"you-left-something"}, "none": nil}
		for i := range 30 {
			email := fmt.Sprintf("%d@example.com", i)
			h.Send("cart.left", email, nil)
			run := h.Run(email, "Spring offer")
			variant := []automation.ConnectionType{"ten", "plain", "none"}[automation.VariantIndex("spring", run.Get().ContactID, []int{45, 45, 10})]
			run.AssertBranch("offer", variant)
			h.AssertEmails(email, templates[variant]...)
		}
	})
	t.Run("Dates and times of day", func(t *testing.T) {
		t.Parallel()
		// The clocks in Berlin go forward on the day of the reminder.
		h := automationtest.New(t, automationtest.Options{Start: time.Date(2026, time.March, 25, 12, 0, 0, 0, time.UTC)}, flows["Appointment"])
		book := func(email, startsAt string) {
			h.AddContact(automation.Contact{Email: email, Properties: map[string]any{"timezone": "Europe/Berlin"}})
			h.Send("appointment.booked", email, map[string]any{"starts_at": startsAt})
		}
		book("ada@example.com", "2026-03-30T10:00:00+02:00")
		book("bob@example.com", "2026-03-26T10:00:00+01:00")
		h.AssertEmails("bob@example.com", "see-you-soon")
		h.Run("bob@example.com", "Appointment").AssertBranch("day_before", automation.ConnectionPast)
		h.Run("ada@example.com", "Appointment").AssertWaiting("day_before")
		h.Advance(time.Date(2026, time.March, 29, 6, 59, 59, 0, time.UTC).Sub(h.Clock.Now()))
		h.AssertEmails("ada@example.com")
		h.Advance(time.Second)
		h.AssertEmails("ada@example.com", "see-you-tomorrow")
	})
	t.Run("Times of day on weekdays", func(t *testing.T) {
		t.Parallel()
		// 5 January 2026 is a Monday.
		h := automationtest.New(t, automationtest.Options{}, flows["Your week"])
		h.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"timezone": "Europe/Berlin"}})
		h.Send("user.created", "ada@example.com", nil)
		h.Advance(time.Date(2026, time.January, 12, 7, 59, 59, 0, time.UTC).Sub(h.Clock.Now()))
		h.AssertEmails("ada@example.com")
		h.Advance(time.Second)
		h.AssertEmails("ada@example.com", "your-week")
	})
	t.Run("Windows", func(t *testing.T) {
		t.Parallel()
		h := automationtest.New(t, automationtest.Options{Start: time.Date(2026, time.December, 24, 20, 0, 0, 0, time.UTC)}, flows["Office hours"])
		h.Send("demo.requested", "ada@example.com", nil)
		h.Run("ada@example.com", "Office hours").AssertWaiting("open")
		h.Advance(time.Date(2026, time.December, 28, 7, 59, 59, 0, time.UTC).Sub(h.Clock.Now())) // after Christmas and a weekend
		h.AssertEmails("ada@example.com")
		h.Advance(time.Second)
		h.AssertEmails("ada@example.com", "we-call-you-now")
		h.Advance(24 * time.Hour)
		h.AssertEmails("ada@example.com", "we-call-you-now", "tips")
	})
	t.Run("The first of several events", func(t *testing.T) {
		t.Parallel()
		h := automationtest.New(t, automationtest.Options{}, flows["Quiet cart"])
		cart := map[string]any{"cart_id": 7}
		for email, tt := range map[string]struct {
			event    string
			branch   automation.ConnectionType
			template []string
		}{
			"ada@example.com":  {"order.paid", "paid", []string{"thanks"}},
			"bob@example.com":  {"cart.emptied", "emptied", nil},
			"cleo@example.com": {"cart.viewed", automation.ConnectionTimeout, []string{"you-left-something"}},
		} {
			h.Send("cart.filled", email, cart)
			h.Advance(3 * time.Hour)
			h.Send("order.paid", email, map[string]any{"cart_id": 8})
			h.Send("cart.updated", email, cart)
			h.Advance(3 * time.Hour)
			h.AssertEmails(email)
			h.Send(tt.event, email, cart)
			h.Advance(time.Hour)
			h.AssertEmails(email, tt.template...)
			h.Run(email, "Quiet cart").AssertBranch("quiet", tt.branch)
		}
	})
}
