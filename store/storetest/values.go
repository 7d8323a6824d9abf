package storetest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

func valueChecks() []Check {
	return []Check{
		check("values/times come back in UTC with microseconds", valueTimes),
		check("values/what was given may be changed afterwards", valueGiven),
		check("values/what was returned may be changed", valueReturned),
		check("values/large states are kept", valueLarge),
	}
}

// kept ends the check unless got, a time that was read, is the given time in UTC with
// microseconds.
func (f *fixture) kept(what string, got, given time.Time) {
	f.equal(what+": zone", got.Location(), time.UTC)
	f.equal(what+": nanoseconds beyond the microsecond", got.Nanosecond()%1000, 0)
	if d := got.Sub(given).Abs(); d >= time.Microsecond {
		f.failf("%s: %s was kept as %s", what, given, got)
	}
}

func valueTimes(f *fixture) {
	zone := time.FixedZone("far away", 13*3600+1800)
	given := time.Date(2026, 7, 1, 3, 4, 5, 123456789, zone)
	contact := automation.Contact{ID: f.id(), Email: "ada@example.com", CreatedAt: given}
	f.must("insert contact", f.store.InsertContact(f.ctx, contact))
	f.kept("contact created", f.findContact(automation.ContactRef{ID: contact.ID}).CreatedAt, given)

	a := f.record("welcome", "signup")
	a.CreatedAt, a.UpdatedAt = given, given
	f.must("insert automation", f.store.InsertAutomation(f.ctx, a))
	f.kept("automation created", f.findAutomation("welcome").CreatedAt, given)
	f.kept("automation updated", f.findAutomation("welcome").UpdatedAt, given)

	d := automation.EventDefinition{ID: f.id(), Name: "a", CreatedAt: given, UpdatedAt: given}
	f.must("insert definition", f.store.InsertEventDefinition(f.ctx, d))
	f.kept("definition created", f.findDefinition("a").CreatedAt, given)
	f.must("update definition", f.store.UpdateEventDefinition(f.ctx, d))
	f.kept("definition updated", f.findDefinition("a").UpdatedAt, given)

	e := f.event("signup", contact.ID, given)
	f.append(e)
	f.kept("event accepted", f.findEvent(e.Event.ID).AcceptedAt, given)
	f.kept("event occurred", f.findEvent(e.Event.ID).OccurredAt, given)

	w := f.claimOne(given.Add(time.Millisecond))
	change := f.started(automation.VersionRef{AutomationID: "welcome", Version: 1}, contact.ID, e.Event)
	change.DueAt, change.CreatedAt = given.Add(time.Hour), given
	t := done(w, given)
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	run := f.findRun(change.ID)
	f.kept("run created", run.CreatedAt, given)
	f.kept("run due", run.DueAt, change.DueAt)
	f.equal("run completed", run.CompletedAt.IsZero(), true)
	next, err := f.store.NextDue(f.ctx)
	f.must("next due", err)
	f.kept("next due", next, change.DueAt)

	unset := automation.Contact{ID: f.id(), Email: "bob@example.com"}
	f.must("insert contact", f.store.InsertContact(f.ctx, unset))
	f.equal("time that was not set", f.findContact(automation.ContactRef{ID: unset.ID}).CreatedAt.IsZero(), true)
}

// scratch overwrites bytes that the store must not share.
func scratch(b []byte) {
	for i := range b {
		b[i] = '#'
	}
}

// No check changes the bytes that go through Claim and Commit, because these are shared
// with the store.

func valueGiven(f *fixture) {
	a := f.record("welcome", "signup")
	f.must("insert automation", f.store.InsertAutomation(f.ctx, a))
	scratch(a.Definition)
	f.equal("definition", f.findDefinitionOf(automation.VersionRef{AutomationID: "welcome", Version: 1}), `{"steps": [], "connections": []}`)

	contact := automation.Contact{ID: f.id(), Email: "ada@example.com", Properties: map[string]any{"plan": "pro"}, Segments: []string{"s1"}}
	f.must("insert contact", f.store.InsertContact(f.ctx, contact))
	want := contactText(contact)
	contact.Properties["plan"], contact.Segments[0] = "#", "#"
	f.equal("contact", contactText(f.findContact(automation.ContactRef{ID: contact.ID})), want)

	d := automation.EventDefinition{ID: f.id(), Name: "a", Schema: json.RawMessage(`{"x":"string"}`)}
	f.must("insert definition", f.store.InsertEventDefinition(f.ctx, d))
	scratch(d.Schema)
	f.equal("schema", string(f.findDefinition("a").Schema), `{"x":"string"}`)

	e := f.event("signup", contact.ID, at(0))
	f.append(e)
	scratch(e.Event.Payload)
	w := f.claimOne(at(1))
	f.equal("payload", string(w.Events[0].Payload), `{"plan":"pro"}`)

	change := f.started(automation.VersionRef{AutomationID: "welcome", Version: 1}, contact.ID, w.Events[0].Event)
	change.DueAt, change.Error = at(2), &automation.StepError{Code: "code", Message: "message"}
	want = runText(change.RunRecord)
	t := done(w, at(1))
	t.Runs = []automation.RunChange{change}
	t.Change = &automation.ContactChange{Properties: map[string]any{"seats": "5"}, AddSegments: []string{"s2"}}
	f.commit(t)
	change.Error.Code = "#"
	t.Change.Properties["seats"], t.Change.AddSegments[0] = "#", "#"
	f.equal("run", runText(f.findRun(change.ID)), want)
	contact.Properties, contact.Segments = map[string]any{"plan": "pro", "seats": "5"}, []string{"s1", "s2"}
	f.equal("contact", contactText(f.findContact(automation.ContactRef{ID: contact.ID})), contactText(contact))
}

func valueReturned(f *fixture) {
	v := f.automation("welcome", "signup")
	definition := f.findAutomation("welcome").Definition
	text := string(definition)
	scratch(definition)
	scratch(f.findAutomation("welcome").Definition)
	scratch(f.findVersion(v).Definition)
	f.equal("definition", f.findDefinitionOf(v), text)

	contact := automation.Contact{ID: f.id(), Email: "ada@example.com", Properties: map[string]any{"plan": "pro"}, Segments: []string{"s1"}}
	f.must("insert contact", f.store.InsertContact(f.ctx, contact))
	e := f.event("signup", contact.ID, at(0))
	f.append(e)
	want := []string{contactText(contact), eventText(e.Event)}
	found := f.findContact(automation.ContactRef{ID: contact.ID})
	found.Properties["plan"], found.Segments[0] = "#", "#"
	scratch(f.findEvent(e.Event.ID).Payload)
	w := f.claimOne(at(1))
	f.equal("record and event", []string{contactText(*w.Contact), eventText(w.Events[0].Event)}, want)

	change := f.started(v, contact.ID, e.Event)
	change.DueAt, change.Error = at(2), &automation.StepError{Code: "code", Message: "message"}
	t := hold(w, at(1))
	t.Handled, t.Runs = handledOf(w), []automation.RunChange{change}
	w.Contact.Properties["plan"], w.Contact.Segments[0] = "#", "#"
	res := f.commit(t)
	f.equal("contact in the result", contactText(*res.Contact), want[0])
	res.Contact.Properties["plan"], res.Contact.Segments[0] = "#", "#"
	f.commit(release(w, at(1)))

	w = f.claimOne(at(2))
	f.equal("record", contactText(*w.Contact), want[0])
	run := w.Runs[0]
	f.equal("run", runText(run.RunRecord), runText(change.RunRecord))
	run.Error.Code = "#"
	run.RunRecord = f.findRun(run.ID)
	f.equal("run", runText(run.RunRecord), runText(change.RunRecord))
	f.equal("trigger", string(f.findEvent(e.Event.ID).Payload), `{"plan":"pro"}`)
	run.Error.Code = "#"
	scratch(run.State)
	f.equal("run", runText(f.findRun(run.ID)), runText(change.RunRecord))
}

func valueLarge(f *fixture) {
	v := f.automation("welcome", "signup")
	state := make([]byte, 1<<20)
	for i := range state {
		state[i] = byte(i * 31)
	}
	run := f.run(v, f.contact("ada@example.com"), func(r *automation.RunRecord) { r.State, r.DueAt = slices.Clone(state), at(1) })
	f.equal("state", slices.Equal(f.findRun(run.ID).State, state), true)
	f.equal("claimed state", slices.Equal(f.claimOne(at(1)).Runs[0].State, state), true)
}
