package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// takenEvents is how many pending events of a contact one turn takes from the catalog at most.
const takenEvents = 256

// take reads the contacts of works from the catalog, with the work that only the catalog has:
// events that were sent in transactions and, until all contacts have moved, runs. There is no
// mark in the catalog that an event was taken. It is pending until the copies of its turn are
// written, and the state of the contact shows until then that it was handled.
func (p *partition) take(ctx context.Context, todo []*work, which func(w *work) bool) error {
	params := automation.TakeParams{Events: takenEvents}
	byKey := map[automation.ContactRef]*work{}
	for _, w := range todo {
		if which(w) {
			params.Contacts, byKey[w.contact.key] = append(params.Contacts, w.contact.key), w
			params.Runs = params.Runs || p.isUnmoved(w.contact)
			w.busy = true // unless the catalog returns it
		}
	}
	if len(params.Contacts) == 0 {
		return nil
	}
	var works []automation.Work
	err := p.retry(ctx, "contacts", func() (err error) {
		params.Now = now()
		works, err = p.projector.TakeWork(ctx, params)
		return err
	})
	if err != nil {
		return err
	}
	by, err := p.readUpTo(ctx, works)
	for i := range works {
		if w := byKey[works[i].Key]; w != nil {
			p.give(w, &works[i], by)
		}
	}
	return err
}

// reach notes how far the log was read.
func (p *partition) reach(e entry) {
	p.position = e.Seq
	at := e.At
	if e.Kind == kindEvent {
		at = e.Event.AcceptedAt
	}
	if at.After(p.logTime) {
		p.logTime = at
	}
}

// readUpTo returns the time up to which events of the catalog may be handled: what was accepted
// before them and is in the log was read. That is so for all events when the log was read to its
// end.
func (p *partition) readUpTo(ctx context.Context, works []automation.Work) (time.Time, error) {
	var last time.Time
	for i := range works {
		for _, e := range works[i].Events {
			if e.AcceptedAt.After(last) {
				last = e.AcceptedAt
			}
		}
	}
	if !last.After(p.logTime) {
		return p.logTime, nil
	}
	end, err := p.endOfLog(ctx)
	if err == nil && end <= p.position {
		return last, nil
	}
	return p.logTime, err
}

// isUnmoved reports whether the catalog may have runs of a contact that its state lacks.
func (p *partition) isUnmoved(c *contact) bool { return !c.adopted && (!p.cp.Moved || c.state.Unmoved) }

// give gives a work what the catalog has, without events that were accepted after a time.
func (p *partition) give(w *work, from *automation.Work, by time.Time) {
	w.busy, w.found, w.more = false, from.Contact, len(from.Events) == takenEvents
	for i := range from.Events {
		e := &from.Events[i]
		if e.AcceptedAt.After(by) {
			w.again = true
			break
		}
		if !w.knows(e.ID) {
			w.taken = append(w.taken, entry{Kind: kindEvent, Key: w.contact.key, Event: &e.Event, Unannounced: e.Unannounced, taken: true})
		}
	}
	if !p.isUnmoved(w.contact) {
		return
	}
	w.adopted, w.state.Unmoved = true, false
	for _, r := range from.Runs {
		if w.state.run(r.ID) == nil {
			w.state.Runs, w.dirty = append(w.state.Runs, storedRun{ClaimedRun: r}), true
		}
	}
}

// knows reports whether an event of the catalog was handled, or is in the log as well.
func (w *work) knows(eventID string) bool {
	same := func(e entry) bool { return e.Kind == kindEvent && e.Event.ID == eventID }
	return slices.ContainsFunc(w.state.Handled, func(h handledEvent) bool { return h.id() == eventID }) ||
		slices.ContainsFunc(w.entries, same) || slices.ContainsFunc(w.state.Backlog, same)
}

// mergeTaken puts the events of the catalog among those of the log, in the order in which they
// were accepted. If the catalog has more of them, those of the log wait.
func (w *work) mergeTaken() {
	if w.more {
		w.later = slices.DeleteFunc(slices.Clone(w.entries), func(e entry) bool { return e.Kind != kindEvent })
		w.entries = slices.DeleteFunc(w.entries, func(e entry) bool { return e.Kind == kindEvent })
	}
	for _, e := range w.taken {
		i := slices.IndexFunc(w.entries, func(o entry) bool {
			return o.Kind == kindEvent && !o.taken && o.Event.AcceptedAt.After(e.Event.AcceptedAt)
		})
		if last := w.lastTaken(); i >= 0 && i <= last {
			i = last + 1
		}
		if i < 0 {
			i = len(w.entries)
		}
		w.entries = slices.Insert(w.entries, i, e)
	}
}

// lastTaken returns the index of the last event of the catalog, or -1.
func (w *work) lastTaken() int {
	for i := len(w.entries) - 1; i >= 0; i-- {
		if w.entries[i].taken {
			return i
		}
	}
	return -1
}

// putOff leaves the events that have to wait to the next turn, which is due at once: when its tick
// has come, the log was read up to now.
func (w *work) putOff(at time.Time) {
	if w.more || w.again {
		w.state.Backlog, w.state.RetryAt, w.dirty = append(w.later, w.state.Backlog...), at, true
		w.state.Key = encodedRef(w.contact.key)
	}
}

// errBusy is why a contact waits that a process works on which began before the engine took over.
var errBusy = errors.New("a process that works on the catalog has a lease on the contact")

// moveTaken gives the events of an email that are pending in the catalog, and that the turn has
// not handled, to a contact, which it makes if the turn does. It makes the owner of the contact
// look, and returns the contact's id.
func (p *partition) moveTaken(ctx context.Context, w *work) (id string, err error) {
	t := &w.turn
	lease := automation.ClaimParams{
		Now: now(), Lease: p.config.Timeout, Limit: 1, Events: 1, Runs: 1, Contact: w.contact.key, Engine: p.engine(),
	}
	works, err := p.catalog.Claim(ctx, lease)
	if err == nil && len(works) == 0 {
		err = errBusy
	}
	if err != nil {
		return "", err
	}
	move := automation.Transition{
		Key: works[0].Key, Token: works[0].Token, Now: lease.Now, Handled: t.Handled, MoveTo: t.MoveTo, Create: t.Create, Release: true,
	}
	results, err := p.catalog.Commit(ctx, []automation.Transition{move})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return "", fmt.Errorf("move events to contact %q: %w", t.MoveTo, err)
	}
	id = t.MoveTo
	if t.Create != nil { // the email may have had another contact by then
		c, err := p.catalog.FindContact(ctx, automation.ContactRef{Email: t.Create.Email})
		if err != nil {
			return "", fmt.Errorf("contact of %q: %w", t.MoveTo, err)
		}
		id = c.ID
	}
	ref := automation.ContactRef{ID: id}
	if p.names.partitionOf(tokenOf(ref)) == p.number {
		w.moved = append(w.moved, entry{Kind: kindContact, Key: ref})
		return id, nil
	}
	return id, p.appendEntry(ctx, ref, entry{Kind: kindContact})
}
