package storetest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

func decisionChecks() []Check {
	return []Check{
		check("decisions/are kept with their event", decisionsKept),
		check("decisions/writing twice is writing once", decisionsTwice),
		check("decisions/a refused transition leaves none behind", decisionsRefused),
		check("decisions/go with their event", decisionsPruned),
		check("decisions/of an event that started another automation go with its run", decisionsOfRun),
		check("decisions/lose their evidence when a contact is erased", decisionsErased),
		check("decisions/lose their evidence when an email is erased", decisionsErasedEmail),
	}
}

// decision returns a decision about an event.
func decision(event, automationID string, code automation.DecisionCode, evidence string) automation.Decision {
	return automation.Decision{EventID: event, AutomationID: automationID, Code: code, At: at(2), Evidence: json.RawMessage(evidence)}
}

func decisionsText(decisions ...automation.Decision) string {
	var text strings.Builder
	for _, d := range decisions {
		fmt.Fprintf(&text, "decision{event=%s of=%q code=%s at=%s evidence=%s}", d.EventID, d.AutomationID, d.Code, stamp(d.At), d.Evidence)
	}
	return text.String()
}

// decided ends the check unless these are the decisions about an event.
func (f *fixture) decided(what, event string, want ...automation.Decision) {
	got, err := f.other.ListDecisions(f.ctx, event)
	f.must("list decisions", err)
	f.equal(what, decisionsText(got...), decisionsText(want...))
}

// decide sends an event for a contact, and handles it with decisions about it.
func (f *fixture) decide(contact string, decisions ...automation.Decision) string {
	id := f.send("signup", contact, at(1))
	t := done(f.take(contact, at(2)), at(2))
	for i := range decisions {
		decisions[i].EventID = id
	}
	t.Decisions = decisions
	f.commit(t)
	return id
}

func decisionsKept(f *fixture) {
	contact := f.contact("ada@example.com")
	late := decision("", "välkommen 🎉", automation.DecisionLimit, `{"until":"2026-03-02T12:00:00Z",  "of": 3}`)
	first := decision("", "a", automation.DecisionRunning, `{"run":"r"}`)
	second := decision("", "a", automation.DecisionTriggerFilter, "")
	unknown := decision("", "b", "of a later release", "")
	id := f.decide(contact, late, second, unknown, first)
	for _, d := range []*automation.Decision{&late, &first, &second, &unknown} {
		d.EventID = id
	}
	f.decided("decisions", id, first, second, unknown, late)
	other := f.decide(contact)
	f.decided("decisions about an event without", other)
	f.decided("decisions about an event that does not exist", missing)
	pending := f.send("signup", contact, at(3))
	f.decided("decisions about a pending event", pending)
}

func decisionsTwice(f *fixture) {
	contact := f.contact("ada@example.com")
	id := f.send("signup", contact, at(1))
	t := hold(f.take(contact, at(2)), at(2))
	d := decision(id, "welcome", automation.DecisionAudience, `{"n":1}`)
	t.Handled, t.Decisions = handled(id), []automation.Decision{d}
	f.commit(t)
	f.commit(t)
	f.decided("decisions", id, d)
}

func decisionsRefused(f *fixture) {
	contact := f.contact("ada@example.com")
	id := f.send("signup", contact, at(1))
	t := done(f.take(contact, at(2)), at(2))
	t.Token, t.Decisions = t.Token-1, []automation.Decision{decision(id, "welcome", automation.DecisionAudience, "")}
	f.commitRefused("a stale token", t, automation.ErrLeaseLost)
	f.decided("decisions of a refused transition", id)
}

func decisionsPruned(f *fixture) {
	contact := f.contact("ada@example.com")
	id := f.decide(contact, decision("", "welcome", automation.DecisionAudience, `{"n":1}`))
	f.prune(at(1), 100)
	f.decided("decisions about an event that is kept", id, decision(id, "welcome", automation.DecisionAudience, `{"n":1}`))
	f.prune(at(1000), 100)
	_, err := f.store.FindEvent(f.ctx, id)
	f.refused("an event that was pruned", err, automation.ErrNotFound)
	f.decided("decisions about an event that was pruned", id)
	f.decided("decisions about the next event", f.decide(contact))
}

func decisionsOfRun(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	id := f.send("signup", contact, at(1))
	w := f.take(contact, at(2))
	t := done(w, at(2))
	change := f.started(v, contact, w.Events[0].Event)
	ended(automation.RunCompleted, at(2))(&change.RunRecord)
	d := decision(id, "other", automation.DecisionLimit, "")
	t.Runs, t.Decisions = []automation.RunChange{change}, []automation.Decision{d}
	f.commit(t)
	f.decided("decisions", id, d)
	f.prune(at(1000), 100)
	f.decided("decisions after the run was pruned", id)
}

func decisionsErased(f *fixture) {
	contact, stranger := f.contact("ada@example.com"), f.contact("bob@example.com")
	d := decision("", "welcome", automation.DecisionAudience, `{"error":"Ada"}`)
	id, other := f.decide(contact, d), f.decide(stranger, d)
	last := f.send("signup", contact, at(3))
	t := done(f.take(contact, at(3)), at(3))
	t.Erase, t.Decisions = true, []automation.Decision{decision(last, "welcome", automation.DecisionLimit, `{"n":1}`)}
	f.commit(t)
	f.decided("decisions of an erased contact", id, decision(id, "welcome", automation.DecisionAudience, ""))
	f.decided("decisions of the transition that erases", last, decision(last, "welcome", automation.DecisionLimit, ""))
	f.decided("decisions of another contact", other, decision(other, "welcome", automation.DecisionAudience, `{"error":"Ada"}`))
}

func decisionsErasedEmail(f *fixture) {
	e := f.mail("signup", "Ada@example.com", at(1))
	f.append(e)
	t := done(f.claimOne(at(2)), at(2))
	t.Decisions = []automation.Decision{decision(e.Event.ID, "welcome", automation.DecisionAudience, `{"error":"Ada"}`)}
	f.commit(t)
	contact := f.contact("ada@example.com")
	t = release(f.take(contact, at(3)), at(3))
	t.Erase, t.EraseEmail = true, "ada@example.com"
	f.commit(t)
	f.decided("decisions of an erased email", e.Event.ID, decision(e.Event.ID, "welcome", automation.DecisionAudience, ""))
}
