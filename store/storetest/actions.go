package storetest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// contact inserts a contact with this email and returns its id.
func (f *fixture) contact(email string) string {
	c := automation.Contact{ID: f.id(), Email: email, CreatedAt: f.moment()}
	f.must("insert contact", f.store.InsertContact(f.ctx, c))
	return c.ID
}

// moment returns a time that is slightly later than those it has returned before.
func (f *fixture) moment() time.Time { return origin.Add(time.Duration(f.made) * time.Microsecond) }

// event returns an event for a contact id.
func (f *fixture) event(name, contact string, accepted time.Time) automation.NewEvent {
	return automation.NewEvent{Event: automation.Event{
		ID: f.id(), Name: name, ContactID: contact, Payload: json.RawMessage(`{"plan":"pro"}`),
		OccurredAt: accepted, AcceptedAt: accepted,
	}}
}

// mail returns an event for an email.
func (f *fixture) mail(name, email string, accepted time.Time) automation.NewEvent {
	e := f.event(name, "", accepted)
	e.Event.Email = email
	return e
}

// keyed gives an event an idempotency key that is valid for a day.
func keyed(e automation.NewEvent, key, hash string) automation.NewEvent {
	e.Event.IdempotencyKey, e.ContentHash = key, hash
	e.KeyExpiresAt = e.Event.AcceptedAt.Add(24 * time.Hour)
	return e
}

func (f *fixture) append(events ...automation.NewEvent) []automation.EventReceipt {
	receipts, err := f.store.AppendEvents(f.ctx, events)
	f.must("append", err)
	if len(receipts) != len(events) {
		f.failf("append: %d receipts for %d events", len(receipts), len(events))
	}
	return receipts
}

// send appends one event for a contact and returns its id.
func (f *fixture) send(name, contact string, accepted time.Time) string {
	return f.append(f.event(name, contact, accepted))[0].ID
}

func (f *fixture) findEvent(id string) automation.Event {
	e, err := f.store.FindEvent(f.ctx, id)
	f.must("find event", err)
	return e.Event
}

// record returns an enabled automation of version and revision 1.
func (f *fixture) record(id, event string) automation.AutomationRecord {
	f.made++
	return automation.AutomationRecord{
		ID: id, Name: "Automation " + id, Status: automation.StatusEnabled, EventName: event,
		Version: 1, Revision: 1, Definition: []byte(`{"steps": [], "connections": []}`),
		CreatedAt: f.moment(), UpdatedAt: f.moment(),
	}
}

// automation inserts an enabled automation and returns its first version.
func (f *fixture) automation(id, event string) automation.VersionRef {
	f.must("insert automation", f.store.InsertAutomation(f.ctx, f.record(id, event)))
	return automation.VersionRef{AutomationID: id, Version: 1}
}

// edit changes an automation as the next revision.
func (f *fixture) edit(id string, change func(a *automation.AutomationRecord)) {
	a, err := f.store.FindAutomation(f.ctx, id)
	f.must("find automation", err)
	a.Revision++
	change(&a)
	f.must("update automation", f.store.UpdateAutomation(f.ctx, a))
}

func (f *fixture) disable(id string) {
	f.edit(id, func(a *automation.AutomationRecord) { a.Status = automation.StatusDisabled })
}

// lease is the duration of the leases in most checks.
const lease = time.Minute

// everything claims all that is due.
func everything(now time.Time) automation.ClaimParams {
	return automation.ClaimParams{Now: now, Lease: lease, Limit: 100, Events: 100, Runs: 100}
}

func (f *fixture) claimWith(p automation.ClaimParams) []automation.Work {
	works, err := f.store.Claim(f.ctx, p)
	f.must("claim", err)
	return works
}

func (f *fixture) claim(now time.Time) []automation.Work { return f.claimWith(everything(now)) }

// claimOne claims all that is due, which must be one contact.
func (f *fixture) claimOne(now time.Time) automation.Work {
	works := f.claim(now)
	if len(works) != 1 {
		f.failf("claim: work of %d contacts is due, and should be of one: %v", len(works), contactsOf(works))
	}
	return works[0]
}

// idle ends the check if anything can be claimed.
func (f *fixture) idle(now time.Time) {
	if works := f.claim(now); len(works) > 0 {
		f.failf("claim: work of %v is due, and nothing should be", contactsOf(works))
	}
}

// take leases one contact, whether or not it has work.
func (f *fixture) take(contact string, now time.Time) automation.Work {
	p := everything(now)
	p.Contact = automation.ContactRef{ID: contact}
	works := f.claimWith(p)
	if len(works) != 1 || works[0].Key.ID != contact {
		f.failf("claim of contact %q: got %v", contact, contactsOf(works))
	}
	return works[0]
}

func contactsOf(works []automation.Work) []string {
	names := make([]string, len(works))
	for i := range works {
		names[i] = works[i].Key.String()
	}
	return names
}

func eventsOf(w automation.Work) []string {
	ids := make([]string, len(w.Events))
	for i := range w.Events {
		ids[i] = w.Events[i].ID
	}
	return ids
}

// handledOf returns the events of w as handled ones.
func handledOf(w automation.Work) []automation.HandledEvent { return handled(eventsOf(w)...) }

// handled returns events that became nothing.
func handled(ids ...string) []automation.HandledEvent {
	events := make([]automation.HandledEvent, len(ids))
	for i, id := range ids {
		events[i].ID = id
	}
	return events
}

func runsOf(w automation.Work) []string {
	ids := make([]string, len(w.Runs))
	for i := range w.Runs {
		ids[i] = w.Runs[i].ID
	}
	return ids
}

// release returns a transition that ends the lease and writes nothing else.
func release(w automation.Work, now time.Time) automation.Transition {
	return automation.Transition{Key: w.Key, Token: w.Token, Now: now, Release: true}
}

// hold returns a transition that keeps the lease for a minute longer.
func hold(w automation.Work, now time.Time) automation.Transition {
	return automation.Transition{Key: w.Key, Token: w.Token, Now: now, Extend: now.Add(lease)}
}

// done returns a transition that has handled all events and ends the lease.
func done(w automation.Work, now time.Time) automation.Transition {
	t := release(w, now)
	t.Handled = handledOf(w)
	return t
}

func (f *fixture) commitAll(ts ...automation.Transition) []automation.CommitResult {
	results, err := f.store.Commit(f.ctx, ts)
	f.must("commit", err)
	if len(results) != len(ts) {
		f.failf("commit: %d results for %d transitions", len(results), len(ts))
	}
	return results
}

// commit writes one transition, which must succeed.
func (f *fixture) commit(t automation.Transition) automation.CommitResult {
	res := f.commitAll(t)[0]
	f.must("transition of "+t.Key.String(), res.Err)
	return res
}

// commitRefused writes one transition, which must fail.
func (f *fixture) commitRefused(what string, t automation.Transition, want error) {
	f.refused(what, f.commitAll(t)[0].Err, want)
}

// started returns a new run that an event has started, and that nothing wakes.
func (f *fixture) started(v automation.VersionRef, contact string, e automation.Event) automation.RunChange {
	id := f.runID(e.ID)
	return automation.RunChange{New: true, RunRecord: automation.RunRecord{
		ID: id, AutomationID: v.AutomationID, Version: v.Version, ContactID: contact,
		EventID: e.ID, EventName: e.Name, Status: automation.RunRunning, Step: "first",
		State: []byte("state of " + id), CreatedAt: f.moment(),
	}}
}

// run starts a run of the contact and leaves nothing else to do for the contact. set
// sets the fields of the run.
func (f *fixture) run(v automation.VersionRef, contact string, set func(r *automation.RunRecord)) automation.RunRecord {
	e := f.event("started", contact, at(0))
	f.append(e)
	w := f.take(contact, at(0))
	change := f.started(v, contact, e.Event)
	set(&change.RunRecord)
	t := release(w, at(0))
	t.Handled, t.Runs = handled(e.Event.ID), []automation.RunChange{change}
	f.commit(t)
	return change.RunRecord
}

// change writes a changed run.
func (f *fixture) change(run automation.RunRecord, now time.Time) {
	t := release(f.take(run.ContactID, now), now)
	t.Runs = []automation.RunChange{{RunRecord: run}}
	f.commit(t)
}

// These return functions that set the fields of a run.

func asleep(until time.Time) func(*automation.RunRecord) {
	return func(r *automation.RunRecord) { r.DueAt = until }
}

func waiting(events ...string) func(*automation.RunRecord) {
	return func(r *automation.RunRecord) { r.Listens = events }
}

func ended(status automation.RunStatus, when time.Time) func(*automation.RunRecord) {
	return func(r *automation.RunRecord) { r.Status, r.CompletedAt, r.Listens = status, when, nil }
}

func (f *fixture) findRun(id string) automation.RunRecord {
	r, err := f.store.FindRun(f.ctx, id)
	f.must("find run", err)
	return r
}

func (f *fixture) findContact(ref automation.ContactRef) automation.Contact {
	c, err := f.store.FindContact(f.ctx, ref)
	f.must("find contact", err)
	return c
}

func (f *fixture) nextDue() string {
	next, err := f.store.NextDue(f.ctx)
	f.must("next due", err)
	return stamp(next)
}

// drive works as a Runner does, until nothing is due. It handles the events of
// contacts, and moves the events of emails to their contact. It returns the ids of
// the events in the order in which it has handled them.
func (f *fixture) drive(now time.Time) []string {
	var handled []string
	for range 20 {
		works := f.claim(now)
		if len(works) == 0 {
			return handled
		}
		ts := make([]automation.Transition, len(works))
		for i, w := range works {
			if w.Key.ID == "" {
				ts[i] = f.moved(w, now)
				continue
			}
			ts[i] = done(w, now)
			handled = append(handled, eventsOf(w)...)
		}
		for i, res := range f.commitAll(ts...) {
			f.must("transition of "+works[i].Key.String(), res.Err)
		}
	}
	f.failf("claim: after 20 rounds there is still work, and %d events were handled", len(handled))
	return nil
}

// moved returns a transition that gives the events of an email to a contact, which is
// created unless the email has one.
func (f *fixture) moved(w automation.Work, now time.Time) automation.Transition {
	c := automation.Contact{ID: f.id(), Email: w.Key.Email, CreatedAt: now}
	t := release(w, now)
	t.MoveTo, t.Create = c.ID, &c
	return t
}

// pager reads one page of a list and returns the ids on it.
type pager func(q automation.PageQuery) (ids []string, more bool, err error)

// page reads a page, which must succeed.
func (f *fixture) page(list pager, q automation.PageQuery) ([]string, bool) {
	ids, more, err := list(q)
	f.must("list", err)
	return ids, more
}

// pages checks every way through a list of five items or more: the whole list, newest
// first, then forwards and backwards, and while add makes another item.
func (f *fixture) pages(newest []string, list pager, add func() string) {
	f.shown(list, automation.PageQuery{Limit: 100}, newest, false)
	f.shown(list, automation.PageQuery{Limit: len(newest)}, newest, false)
	f.shown(list, automation.PageQuery{Limit: 2}, newest[:2], true)
	f.shown(list, automation.PageQuery{Limit: 2, After: newest[0]}, newest[1:3], true)
	f.shown(list, automation.PageQuery{Limit: len(newest) - 1, After: newest[0]}, newest[1:], false)
	last := len(newest) - 1
	f.shown(list, automation.PageQuery{Limit: 2, After: newest[last]}, nil, false)
	f.shown(list, automation.PageQuery{Limit: 2, Before: newest[last]}, newest[last-2:last], true)
	f.shown(list, automation.PageQuery{Limit: last, Before: newest[last]}, newest[:last], false)
	f.shown(list, automation.PageQuery{Limit: 2, Before: newest[0]}, nil, false)

	first, _ := f.page(list, automation.PageQuery{Limit: 2})
	added := add()
	f.shown(list, automation.PageQuery{Limit: 100, After: first[1]}, newest[2:], false)
	f.shown(list, automation.PageQuery{Limit: 100, Before: newest[1]}, slices.Insert(slices.Clone(newest[:1]), 0, added), false)

	for _, q := range []automation.PageQuery{{Limit: 2, After: missing}, {Limit: 2, Before: missing}} {
		_, _, err := list(q)
		f.refused("a cursor that names nothing", err, automation.ErrNotFound)
	}
}

// shown ends the check unless the page contains exactly these ids.
func (f *fixture) shown(list pager, q automation.PageQuery, want []string, wantMore bool) {
	ids, more := f.page(list, q)
	f.equal(pageText(q), ids, slices.Concat([]string{}, want))
	f.equal(pageText(q)+": has more", more, wantMore)
}
