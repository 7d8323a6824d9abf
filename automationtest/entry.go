package automationtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// AssertRefused checks that the latest event for this email started no run of an automation,
// because of its rules of entry, with a decision of this code, such as
// automation.DecisionLimit. of is the name or the id of an automation that was given to New.
// Empty means all automations. The test fails at once if there is no such event. For the
// evidence of a decision, send the event with Runner.Send, which returns its id, and call
// Runner.ListDecisions.
func (h *Harness) AssertRefused(email, of string, code automation.DecisionCode) {
	h.t.Helper()
	e, ok := h.latestEvent(email)
	if !ok {
		h.t.Fatalf("%s has no events", email)
	}
	decisions := h.decisions(e, of)
	if !slices.ContainsFunc(decisions, func(d automation.Decision) bool { return d.Code == code }) {
		h.t.Errorf("%s, want it to be refused with %s", h.outcome(email, of, e, decisions), code)
	}
}

// latestEvent returns the latest event for an email.
func (h *Harness) latestEvent(email string) (e automation.EventRecord, ok bool) {
	h.t.Helper()
	q := automation.EventQuery{Contact: automation.ContactRef{Email: email}, PageQuery: automation.PageQuery{Limit: 1}}
	page, err := h.Runner.ListEvents(context.Background(), q)
	h.must("", err)
	if len(page.Data) == 0 {
		return automation.EventRecord{}, false
	}
	return page.Data[0], true
}

// decisions returns the decisions of an automation about an event.
func (h *Harness) decisions(e automation.EventRecord, of string) []automation.Decision {
	h.t.Helper()
	all, err := h.Runner.ListDecisions(context.Background(), e.ID)
	h.must("", err)
	return slices.DeleteFunc(all, func(d automation.Decision) bool { return !h.is(d.AutomationID, of) })
}

// is reports whether the automation with this id is the one that of names. An empty of names all.
func (h *Harness) is(id, of string) bool { return of == "" || of == id || of == h.names[id] }

// outcome describes what an automation decided about an event.
func (h *Harness) outcome(email, of string, e automation.EventRecord, decisions []automation.Decision) string {
	text := fmt.Sprintf("event %q for %s was ", e.Name, email)
	var codes []string
	for _, d := range decisions {
		codes = append(codes, strings.TrimSpace(string(d.Code)+" "+string(d.Evidence)))
	}
	switch {
	case len(codes) > 0:
		return fmt.Sprintf("%srefused with %s by %q", text, strings.Join(codes, ", "), of)
	case !h.has(of):
		return fmt.Sprintf("%snot refused by %q, which New was not given", text, of)
	case e.Reason != "":
		return fmt.Sprintf("%snot refused by %q (%s)", text, of, e.Reason)
	default:
		return fmt.Sprintf("%snot refused by %q", text, of)
	}
}

// has reports whether New was given an automation with this name or id.
func (h *Harness) has(of string) bool {
	for id := range h.names {
		if h.is(id, of) {
			return true
		}
	}
	return false
}

// whyNoRun describes why an automation has no runs, as far as the latest event shows it.
func (h *Harness) whyNoRun(email, of string) string {
	h.t.Helper()
	e, ok := h.latestEvent(email)
	if !ok {
		return "there is no event"
	}
	return "the latest " + h.outcome(email, of, e, h.decisions(e, of))
}
