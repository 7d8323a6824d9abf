package automationtest

import (
	"context"
	"strings"

	"github.com/seed-b636437c/automation"
)

// AssertRefused checks that the latest event for this email started no run of an automation,
// because of its rules of entry, with a decision of this code, such as
// automation.DecisionLimit. of is the name or the id of an automation that was given to New.
// The test fails at once if there is no such event.
func (h *Harness) AssertRefused(email, of string, code automation.DecisionCode) {
	h.t.Helper()
	e := h.latestEvent(email)
	decisions, err := h.Runner.ListDecisions(context.Background(), e.ID)
	h.must("", err)
	var got []string
	for _, d := range decisions {
		if d.AutomationID != of && h.names[d.AutomationID] != of {
			continue
		}
		if d.Code == code {
			return
		}
		got = append(got, string(d.Code)+" "+string(d.Evidence))
	}
	outcome := "was not refused"
	if len(got) > 0 {
		outcome = "was refused with " + strings.TrimSpace(strings.Join(got, ", "))
	}
	h.t.Errorf("event %q for %s %s by %q, want it to be refused with %s", e.Name, email, outcome, of, code)
}

// latestEvent returns the latest event for an email.
func (h *Harness) latestEvent(email string) automation.EventRecord {
	h.t.Helper()
	q := automation.EventQuery{Contact: automation.ContactRef{Email: email}, PageQuery: automation.PageQuery{Limit: 1}}
	page, err := h.Runner.ListEvents(context.Background(), q)
	h.must("", err)
	if len(page.Data) == 0 {
		h.t.Fatalf("%s has no events", email)
	}
	return page.Data[0]
}
