package storetest

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func eventRecordChecks() []Check {
	return []Check{
		check("event records/are listed in pages", eventPages),
		check("event records/every filter", eventFilters),
		check("event records/a filter by time takes the ids' time into account", eventTimes),
		check("event records/a pending event", recordPending),
		check("event records/an event that matched nothing", recordUnmatched),
		check("event records/an event that started runs", recordStarted),
		check("event records/an event that resumed runs", recordResumed),
		check("event records/an event that started and resumed runs", recordBoth),
		check("event records/an event of an email that became a contact", recordMoved),
		check("event records/a claim tells a disabled automation from none", claimDisabled),
		check("event records/a claim brings what was not announced", claimUnannounced),
	}
}

// listed lists the ids of the events that match q.
func (f *fixture) listed(q automation.EventQuery) pager {
	return func(page automation.PageQuery) (ids []string, more bool, err error) {
		q.PageQuery = page
		p, err := f.store.ListEvents(f.ctx, q)
		for _, e := range p.Data {
			ids = append(ids, e.ID)
			f.equal("listed event", recordText(e), recordText(f.findRecord(e.ID)))
		}
		return ids, p.HasMore, err
	}
}

func (f *fixture) findRecord(id string) automation.EventRecord {
	e, err := f.store.FindEvent(f.ctx, id)
	f.must("find event", err)
	return e
}

func recordText(e automation.EventRecord) string {
	return fmt.Sprintf("%s %s handled=%s started=%s resumed=%s reason=%q", eventText(e.Event), e.Status, stamp(e.HandledAt), e.Started, e.Resumed, e.Reason)
}

// became ends the check unless this is what became of the event, which was handled.
func (f *fixture) became(id string, handled time.Time, started, resumed []string, reason automation.EventReason) {
	e := f.findRecord(id)
	f.equal("status", e.Status, automation.EventStatusHandled)
	f.equal("handled at", stamp(e.HandledAt), stamp(handled))
	f.equal("started", e.Started, started)
	f.equal("resumed", e.Resumed, resumed)
	f.equal("reason", e.Reason, reason)
}

func eventPages(f *fixture) {
	contact := f.contact("ada@example.com")
	add := func() string { return f.send("a", contact, at(1)) }
	var newest []string
	for range 6 {
		newest = append([]string{add()}, newest...)
	}
	f.pages(newest, f.listed(automation.EventQuery{}), add)
	f.pages(append([]string{f.findNewest()}, newest...), f.listed(automation.EventQuery{Contact: automation.ContactRef{ID: contact}}), add)
}

// findNewest returns the id of the newest event.
func (f *fixture) findNewest() string {
	ids, _ := f.page(f.listed(automation.EventQuery{}), automation.PageQuery{Limit: 1})
	return ids[0]
}

func eventFilters(f *fixture) {
	ada, bob := f.contact("ada@example.com"), f.contact("bob@example.com")
	events := []automation.NewEvent{f.event("a", ada, at(1)), f.event("b", ada, at(2)), f.event("a", bob, at(3)), f.mail("a", "Cleo@example.com", at(4))}
	for i := range events {
		events[i].Event.ID = timedID(at(i+1), i)
	}
	f.append(events...)
	one, two, three, four := events[0].Event.ID, events[1].Event.ID, events[2].Event.ID, events[3].Event.ID
	for i, c := range []struct {
		q    automation.EventQuery
		want []string
	}{
		{automation.EventQuery{}, []string{four, three, two, one}},
		{automation.EventQuery{Name: "a"}, []string{four, three, one}},
		{automation.EventQuery{Name: "A"}, nil},
		{automation.EventQuery{Contact: automation.ContactRef{ID: ada}}, []string{two, one}},
		{automation.EventQuery{Contact: automation.ContactRef{ID: ada}, Name: "a"}, []string{one}},
		{automation.EventQuery{Contact: automation.ContactRef{Email: "cleo@EXAMPLE.com"}}, []string{four}},
		{automation.EventQuery{Contact: automation.ContactRef{Email: "ada@example.com"}}, nil},
		{automation.EventQuery{Contact: automation.ContactRef{ID: ada, Email: "cleo@example.com"}}, []string{four, two, one}},
		{automation.EventQuery{Contact: automation.ContactRef{ID: missing}}, nil},
		{automation.EventQuery{AcceptedFrom: at(2)}, []string{four, three, two}},
		{automation.EventQuery{AcceptedUntil: at(2)}, []string{one}},
		{automation.EventQuery{AcceptedFrom: at(2), AcceptedUntil: at(4)}, []string{three, two}},
		{automation.EventQuery{Contact: automation.ContactRef{ID: ada}, AcceptedFrom: at(2)}, []string{two}},
	} {
		ids, more := f.page(f.listed(c.q), automation.PageQuery{Limit: 10})
		f.equal(fmt.Sprintf("events of query %d, %+v", i, c.q), ids, c.want)
		f.equal("has more", more, false)
	}
}

// timedID returns the nth id with this time.
func timedID(t time.Time, n int) string {
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", t.UnixMilli()>>16, t.UnixMilli()&0xffff, n)
}

// eventTimes lists events whose ids have the time at which they were accepted.
func eventTimes(f *fixture) {
	contact := f.contact("ada@example.com")
	var newest []string
	for i := range 4 {
		e := f.event("a", contact, at(i))
		e.Event.ID = timedID(at(i), i)
		f.append(e)
		newest = append([]string{e.Event.ID}, newest...)
	}
	f.shown(f.listed(automation.EventQuery{AcceptedFrom: at(2)}), automation.PageQuery{Limit: 10}, newest[:2], false)
	f.shown(f.listed(automation.EventQuery{AcceptedFrom: at(2).Add(time.Microsecond)}), automation.PageQuery{Limit: 10}, newest[:1], false)
	f.shown(f.listed(automation.EventQuery{AcceptedFrom: at(1)}), automation.PageQuery{Limit: 10, Before: newest[2]}, newest[:2], false)
	f.shown(f.listed(automation.EventQuery{AcceptedUntil: at(2)}), automation.PageQuery{Limit: 10}, newest[2:], false)
	ahead := f.event("a", contact, at(1))
	ahead.Event.ID = timedID(at(59*60), 0) // of a process whose clock went back
	f.append(ahead)
	f.shown(f.listed(automation.EventQuery{AcceptedUntil: at(2)}), automation.PageQuery{Limit: 10}, []string{ahead.Event.ID, newest[2], newest[3]}, false)
	f.shown(f.listed(automation.EventQuery{AcceptedFrom: at(2)}), automation.PageQuery{Limit: 10, Before: newest[3]}, newest[:2], false)
}

func recordPending(f *fixture) {
	contact := f.contact("ada@example.com")
	id := f.send("a", contact, at(1))
	want := automation.EventRecord{Event: f.findEvent(id), Status: automation.EventStatusPending}
	f.equal("event", recordText(f.findRecord(id)), recordText(want))
	f.commit(release(f.claimOne(at(2)), at(2)))
	f.equal("event that a lease did not handle", recordText(f.findRecord(id)), recordText(want))
}

func recordUnmatched(f *fixture) {
	contact := f.contact("ada@example.com")
	for _, reason := range []automation.EventReason{
		"", automation.ReasonContactDeleted, automation.ReasonFilterNotMet, automation.ReasonBeforeWait, automation.ReasonDisabled, automation.ReasonNoMatch,
	} {
		id := f.send("a", contact, at(1))
		w := f.claimOne(at(2))
		t := done(w, at(2))
		t.Handled[0].Reason = reason
		f.commit(t)
		f.became(id, at(2), nil, nil, reason)
	}
}

func recordStarted(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	id := f.send("signup", contact, at(1))
	w := f.claimOne(at(2))
	asleep, over, going := f.started(v, contact, w.Events[0].Event), f.started(v, contact, w.Events[0].Event), f.started(v, contact, w.Events[0].Event)
	for i, run := range []*automation.RunChange{&asleep, &over, &going} {
		run.CreatedAt = at(2).Add(time.Duration(i) * time.Microsecond)
	}
	asleep.DueAt, going.DueAt = at(100), at(2)
	over.Status, over.CompletedAt = automation.RunCompleted, at(2)
	ids := []string{asleep.ID, over.ID, going.ID}
	t := hold(w, at(2))
	t.Handled, t.Runs = handledOf(w), []automation.RunChange{asleep, over, going}
	f.commit(t)
	f.became(id, at(2), ids, nil, "")
	f.commit(release(w, at(3)))
	f.became(id, at(2), ids, nil, "")
}

func recordResumed(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	first, second := f.run(v, contact, waiting("paid")), f.run(v, contact, waiting("paid"))
	id := f.send("paid", contact, at(5))
	w := f.claimOne(at(6))
	t := done(w, at(6))
	t.Handled[0].Resumed = []string{first.ID, second.ID}
	t.Runs = []automation.RunChange{{RunRecord: first}, {RunRecord: second}}
	f.commit(t)
	f.became(id, at(6), nil, []string{first.ID, second.ID}, "")
}

// recordBoth also prunes: the event stays as long as the run that it started.
func recordBoth(f *fixture) {
	v := f.automation("welcome", "paid")
	contact := f.contact("ada@example.com")
	waits := f.run(v, contact, waiting("paid"))
	id := f.send("paid", contact, at(5))
	w := f.claimOne(at(6))
	change := f.started(v, contact, w.Events[0].Event)
	change.CreatedAt, change.DueAt = at(6), at(1000)
	waits.Status, waits.Listens, waits.CompletedAt = automation.RunCompleted, nil, at(6)
	t := done(w, at(6))
	t.Handled[0].Resumed = []string{waits.ID}
	t.Runs = []automation.RunChange{change, {RunRecord: waits}}
	f.commit(t)
	f.became(id, at(6), []string{change.ID}, []string{waits.ID}, "")
	_, err := f.store.Prune(f.ctx, automation.PruneParams{Before: at(100), Limit: 100, Now: at(100)})
	f.must("prune", err)
	e := f.findRecord(id)
	f.equal("started", e.Started, []string{change.ID})
}

func recordMoved(f *fixture) {
	v := f.automation("welcome", "signup")
	early, later := f.mail("other", "ada@example.com", at(1)), f.mail("signup", "ada@example.com", at(2))
	f.append(early, later)
	w := f.claimOne(at(3))
	t := f.moved(w, at(3))
	t.Handled = []automation.HandledEvent{{ID: early.Event.ID, Reason: automation.ReasonNoMatch}}
	f.commit(t)
	w = f.claimOne(at(4))
	change := f.started(v, w.Key.ID, w.Events[0].Event)
	change.CreatedAt, change.DueAt = at(4), at(100)
	t = done(w, at(4))
	t.Runs = []automation.RunChange{change}
	f.commit(t)
	f.became(early.Event.ID, at(3), nil, nil, automation.ReasonNoMatch)
	f.became(later.Event.ID, at(4), []string{change.ID}, nil, "")
	both := automation.EventQuery{Contact: automation.ContactRef{ID: w.Key.ID, Email: "Ada@example.com"}}
	f.shown(f.listed(both), automation.PageQuery{Limit: 10}, []string{later.Event.ID, early.Event.ID}, false)
}

func claimDisabled(f *fixture) {
	f.automation("on", "both")
	for _, event := range []string{"both", "stopped"} {
		a := f.record("off "+event, event)
		a.Status = automation.StatusDisabled
		f.must("insert automation", f.store.InsertAutomation(f.ctx, a))
	}
	f.automation("gone", "deleted")
	f.must("delete automation", f.store.DeleteAutomation(f.ctx, "gone", at(0)))
	contact := f.contact("ada@example.com")
	for event, want := range map[string]bool{"both": true, "stopped": true, "deleted": false, "unknown": false} {
		f.send(event, contact, at(1))
		w := f.claimOne(at(2))
		f.equal("disabled automations for "+event, w.Events[0].Disabled, want)
		f.equal("enabled automations for "+event, len(w.Events[0].Starts) > 0, event == "both")
		f.commit(done(w, at(2)))
	}
	f.edit("off stopped", func(a *automation.AutomationRecord) { a.Status = automation.StatusEnabled })
	f.send("stopped", contact, at(3))
	w := f.claimOne(at(4))
	f.equal("disabled automations once it is enabled", w.Events[0].Disabled, false)
	f.equal("enabled automations", len(w.Events[0].Starts), 1)
}

func claimUnannounced(f *fixture) {
	said, unsaid := f.mail("a", "ada@example.com", at(1)), f.mail("a", "ada@example.com", at(2))
	unsaid.Unannounced = true
	f.append(said, unsaid)
	w := f.claimOne(at(3))
	f.equal("unannounced events of an email", []bool{w.Events[0].Unannounced, w.Events[1].Unannounced}, []bool{false, true})
	f.commit(f.moved(w, at(3)))
	w = f.claimOne(at(4))
	f.equal("unannounced events of its contact", []bool{w.Events[0].Unannounced, w.Events[1].Unannounced}, []bool{false, true})
}
