package storetest

import (
	"encoding/json"

	"github.com/seed-b636437c/automation"
)

func sentChecks() []Check {
	return []Check{
		check("sent/an addressed event is read as it was sent", sentAddressed),
		check("sent/an event that a transition sends becomes pending with it", sentPending),
		check("sent/events are in their order, among those that were accepted", sentOrder),
		check("sent/writing twice is sending once", sentTwice),
		check("sent/a refused transition sends nothing", sentRefused),
		check("sent/a run comes with the cause of its event", sentCause),
		check("sent/events for a contact that is not in the store", sentToHost),
		check("sent/an event that a transition sends is erased", sentErased),
	}
}

// cause returns the cause of an event after two automations.
func cause(runID string) *automation.Cause {
	return &automation.Cause{RunID: runID, Automations: []string{"first <&> é", "second"}}
}

// caused returns an event that a run has sent.
func (f *fixture) caused(name, contact string, second int) automation.NewEvent {
	e := f.event(name, contact, at(second))
	e.Event.Cause = cause(missing)
	return e
}

// addressing returns what an event has besides its other fields.
func addressing(e automation.Event) string {
	text, err := json.Marshal([]any{e.AutomationID, e.Cause})
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func sentAddressed(f *fixture) {
	v := f.automation("welcome", "signup")
	f.automation("other", "signup")
	contact := f.contact("ada@example.com")
	addressed, plain := f.event("signup", contact, at(1)), f.event("signup", contact, at(2))
	addressed.Event.AutomationID = "welcome"
	mail := f.mail("signup", "bob@example.com", at(3))
	mail.Event.AutomationID = "welcome"
	keyed := keyed(f.event("signup", contact, at(4)), "key", "hash")
	keyed.Event.AutomationID = "other"
	f.append(addressed, plain, mail, keyed)
	for _, e := range []automation.NewEvent{addressed, plain, mail, keyed} {
		f.equal("event", addressing(f.findEvent(e.Event.ID)), addressing(e.Event))
	}
	listed, err := f.store.ListContactEvents(f.ctx, contact, "signup", at(0))
	f.must("list contact events", err)
	f.equal("events of the contact", len(listed), 3)
	f.equal("event of the contact", addressing(listed[0]), addressing(addressed.Event))

	w := f.take(contact, at(5))
	f.equal("events", eventsOf(w), []string{addressed.Event.ID, plain.Event.ID, keyed.Event.ID})
	f.equal("automation of an addressed event", w.Events[0].AutomationID, "welcome")
	f.equal("automation of another event", w.Events[1].AutomationID, "")
	f.equal("automation of an event with a key", w.Events[2].AutomationID, "other")
	f.commit(release(w, at(5)))

	// The event of the email moves to its contact, and stays addressed.
	works := f.claimWith(automation.ClaimParams{Now: at(5), Lease: lease, Limit: 10, Events: 10, Runs: 10, Contact: automation.ContactRef{Email: "bob@example.com"}})
	f.equal("automation of the event of an email", works[0].Events[0].AutomationID, "welcome")
	bob := automation.Contact{ID: f.id(), Email: "bob@example.com", CreatedAt: f.moment()}
	t := release(works[0], at(5))
	t.MoveTo, t.Create = bob.ID, &bob
	f.commit(t)
	w = f.take(bob.ID, at(5))
	f.equal("automation of an event that has moved", w.Events[0].AutomationID, "welcome")
	t = done(w, at(5))
	t.Runs = []automation.RunChange{f.started(v, bob.ID, w.Events[0].Event)}
	f.commit(t)
	f.equal("automation of a handled event", f.findEvent(mail.Event.ID).AutomationID, "welcome")
}

func sentPending(f *fixture) {
	contact := f.contact("ada@example.com")
	f.send("a", contact, at(1))
	w := f.claimOne(at(1))
	sent, bare := f.caused("told", contact, 2), f.event("bare", contact, at(3))
	bare.Event.Payload = nil
	t := done(w, at(2))
	t.Events = []automation.NewEvent{sent, bare}
	f.commit(t)
	record, err := f.store.FindEvent(f.ctx, sent.Event.ID)
	f.must("find event", err)
	f.equal("event", eventText(record.Event), eventText(sent.Event))
	f.equal("cause", addressing(record.Event), addressing(sent.Event))
	f.equal("status", record.Status, automation.EventStatusPending)
	f.idle(at(1))
	w = f.claimOne(at(3))
	f.equal("events", eventsOf(w), []string{sent.Event.ID, bare.Event.ID})
	f.equal("event of the claim", eventText(w.Events[0].Event), eventText(sent.Event))
	f.equal("cause in the claim", addressing(w.Events[0].Event), addressing(sent.Event))
	f.equal("cause of the other", w.Events[1].Cause == nil, true)
	listed, err := f.store.ListContactEvents(f.ctx, contact, "told", at(0))
	f.must("list contact events", err)
	f.equal("cause in the list of the contact", addressing(listed[0]), addressing(sent.Event))
	page, err := f.store.ListEvents(f.ctx, automation.EventQuery{Contact: automation.ContactRef{ID: contact}, PageQuery: automation.PageQuery{Limit: 10}})
	f.must("list events", err)
	f.equal("how many events", len(page.Data), 3)
	f.commit(done(w, at(3)))
	f.idle(at(100))
}

// sentOrder sends events before and after others that a process has sent meanwhile.
func sentOrder(f *fixture) {
	contact := f.contact("ada@example.com")
	f.send("a", contact, at(1))
	w := f.claimOne(at(1))
	later := f.send("a", contact, at(9))
	middle := f.send("a", contact, at(3))
	var ids []string
	t := done(w, at(4))
	for _, second := range []int{2, 4, 4, 4} {
		e := f.caused("told", contact, second)
		t.Events, ids = append(t.Events, e), append(ids, e.Event.ID)
	}
	f.commit(t)
	f.equal("events", eventsOf(f.claimOne(at(9))), []string{ids[0], middle, ids[1], ids[2], ids[3], later})
	listed, err := f.store.ListContactEvents(f.ctx, contact, "told", at(0))
	f.must("list contact events", err)
	for i, e := range listed {
		f.equal("event of the contact", e.ID, ids[i])
	}
}

func sentTwice(f *fixture) {
	contact := f.contact("ada@example.com")
	f.send("a", contact, at(1))
	w := f.claimOne(at(1))
	t := hold(w, at(2))
	t.Handled = handledOf(w)
	t.Events = []automation.NewEvent{f.caused("told", contact, 2)}
	for range 2 {
		f.commit(t)
	}
	id := t.Events[0].Event.ID
	w = f.take(contact, at(2).Add(lease))
	f.equal("events", eventsOf(w), []string{id})
	// An event that was handled does not come back either.
	again := hold(w, at(100))
	again.Handled = handledOf(w)
	f.commit(again)
	again.Handled, again.Events = nil, t.Events
	f.commit(again)
	f.commit(release(w, at(100)))
	f.idle(at(200))
	f.equal("status", f.eventRecord(id).Status, automation.EventStatusHandled)
}

func (f *fixture) eventRecord(id string) automation.EventRecord {
	r, err := f.store.FindEvent(f.ctx, id)
	f.must("find event", err)
	return r
}

func sentRefused(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	id := f.send("signup", contact, at(1))
	w := f.claimOne(at(1))
	f.disable("welcome")
	t := done(w, at(2))
	t.Runs = []automation.RunChange{f.started(v, contact, w.Events[0].Event)}
	t.Events = []automation.NewEvent{f.caused("told", contact, 2)}
	f.commitRefused("a start of a disabled automation", t, automation.ErrConflict)
	_, err := f.store.FindEvent(f.ctx, t.Events[0].Event.ID)
	f.refused("the event of a refused transition", err, automation.ErrNotFound)
	f.commit(release(w, at(2)))
	stale := release(w, at(2))
	stale.Events = t.Events
	f.commitRefused("a transition after the release", stale, automation.ErrLeaseLost)
	f.equal("events", eventsOf(f.claimOne(at(3))), []string{id})
}

func sentCause(f *fixture) {
	v := f.automation("news", "told")
	contact := f.contact("ada@example.com")
	first := f.run(v, contact, waiting("ping"))
	w := f.take(contact, at(1))
	e := f.caused("told", contact, 1)
	t := release(w, at(1))
	t.Events = []automation.NewEvent{e}
	f.commit(t)
	w = f.take(contact, at(2))
	run := f.started(v, contact, w.Events[0].Event)
	run.DueAt = at(5)
	t = done(w, at(2))
	t.Runs = []automation.RunChange{run}
	f.commit(t)
	f.send("ping", contact, at(5))
	w = f.claimOne(at(5))
	f.equal("runs", runsOf(w), []string{run.ID, first.ID})
	want := automation.Event{Cause: cause(missing)}
	f.equal("cause of a run that is due", addressing(automation.Event{Cause: w.Runs[0].Cause}), addressing(want))
	f.equal("cause of another run", w.Runs[1].Cause == nil, true)

	// It also comes with a run that listens.
	run.New, run.DueAt, run.Listens = false, at(5000), []string{"pong"}
	t = done(w, at(5))
	t.Runs = []automation.RunChange{run}
	f.commit(t)
	f.send("pong", contact, at(6))
	w = f.claimOne(at(6))
	f.equal("runs that listen", runsOf(w), []string{run.ID})
	f.equal("cause of a run that listens", addressing(automation.Event{Cause: w.Runs[0].Cause}), addressing(want))
}

func sentToHost(f *fixture) {
	e := f.event("a", "host-1", at(1))
	e.HostContact = true
	f.append(e)
	w := f.claimOne(at(1))
	sent := f.caused("told", "host-1", 2)
	sent.HostContact = true
	t := done(w, at(2))
	t.Events = []automation.NewEvent{sent}
	f.commit(t)
	w = f.claimOne(at(2))
	f.equal("key", w.Key, automation.ContactRef{ID: "host-1"})
	f.equal("events", eventsOf(w), []string{sent.Event.ID})

	// A contact of the store that the transition deletes.
	contact := f.contact("ada@example.com")
	t = release(f.take(contact, at(3)), at(3))
	t.Events, t.Delete = []automation.NewEvent{f.caused("told", contact, 3)}, true
	f.commit(t)
	w = f.take(contact, at(3))
	f.equal("events of a contact that was deleted", eventsOf(w), []string{t.Events[0].Event.ID})
}

func sentErased(f *fixture) {
	contact := f.contact("ada@example.com")
	e := f.event("a", contact, at(1))
	e.Event.AutomationID = "welcome"
	f.append(e)
	w := f.claimOne(at(1))
	t := done(w, at(1))
	t.Events = []automation.NewEvent{f.caused("told", contact, 1)}
	f.commit(t)
	erase := release(f.take(contact, at(2)), at(2))
	erase.Erase = true
	f.commit(erase)
	f.equal("cause", f.findEvent(t.Events[0].Event.ID).Cause == nil, true)
	f.equal("payload", string(f.findEvent(t.Events[0].Event.ID).Payload), "")
	f.equal("automation", f.findEvent(e.Event.ID).AutomationID, "welcome")
}
