package automation_test

import (
	"fmt"
	"testing"

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
		require.Empty(t, automation.Validate(a, automation.ValidateOptions{}))
		flows[a.Name] = a
	}
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
}
