package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Commit implements automation.WorkStore. It needs two round trips, however many
// transitions there are.
func (s *Store) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	turns, err := s.turns.take(ctx, turnsFor(ts))
	if err != nil {
		return nil, err
	}
	defer s.turns.give(turns)
	results := make([]automation.CommitResult, len(ts))
	for _, wave := range record.Waves(ts) {
		items := make([]*item, len(wave))
		for i, at := range wave {
			items[i] = &item{t: &ts[at], owner: ownerOf(ts[at].Key), res: &results[at]}
		}
		// Everybody locks leases in this order.
		slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(a.owner, b.owner) })
		if err := s.write(ctx, turns[0], items); err != nil {
			return nil, fmt.Errorf("postgres store: commit: %w", err)
		}
	}
	return results, nil
}

// item is a transition that is written with others.
type item struct {
	t     *automation.Transition
	owner string
	res   *automation.CommitResult
	// contact is what the contact will be, nil if it is not known or was not
	// needed.
	contact  *contactRow
	controls map[string]automation.RunRequest
	// begun is the run that is kept with the lease, nil if none is, and number that
	// of its automation.
	begun  *automation.RunChange
	number int64
	plain  bool // none of its runs is
	// renamed says that the contact was changed when it was read.
	renamed bool
}

// write writes transitions of different contacts in one transaction. If the
// database refuses a value it writes them one by one, to find the one to blame.
func (s *Store) write(ctx context.Context, slot int16, items []*item) error {
	err := s.writeTogether(ctx, slot, items)
	if !isAboutValues(err) {
		return err
	}
	if len(items) == 1 {
		err = fmt.Errorf("contact %q: %w", items[0].t.Key.String(), err)
		if code(err) == uniqueViolation {
			err = fmt.Errorf("%w: %w", err, automation.ErrConflict)
		}
		*items[0].res = automation.CommitResult{Err: err}
		return nil
	}
	for i := range items {
		if err := s.write(ctx, slot, items[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// writeTogether writes transitions in one transaction. When some turn out to be
// refused it begins again without them: everything about them must be as it was.
func (s *Store) writeTogether(ctx context.Context, slot int16, items []*item) error {
	for len(items) > 0 {
		refused := false
		err := s.transact(ctx, func(tx *transaction) (err error) {
			w := &writing{s: s, tx: tx, slot: slot, items: items}
			if refused, err = w.read(ctx); err != nil || refused {
				return err
			}
			if refused = w.refuse(); refused {
				return nil
			}
			return w.commit(ctx)
		})
		if err != nil || !refused {
			return err
		}
		items = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.res.Err != nil })
	}
	return nil
}

// writing is one transaction of Commit.
type writing struct {
	s     *Store
	tx    *transaction
	slot  int16   // of the counters
	items []*item // sorted by owner

	held        map[string]*presentRun // owners whose lease is that of their transition, with its run
	automations map[string]share
	versions    map[automation.VersionRef]bool
	present     map[string]presentRun
	contacts    map[string]*contactRow // by owner
	damaged     map[string]error       // by owner, whose contact cannot be read
}

// refuse sets the results of the transitions that may not be written. It reports
// whether the transaction has to begin again without them.
func (w *writing) refuse() bool {
	refused := false
	for _, it := range w.items {
		*it.res = automation.CommitResult{}
		if w.held[it.owner] != nil {
			it.res.Err = w.prepare(it)
		} else {
			it.res.Err = fmt.Errorf("contact %q: %w", it.t.Key.String(), automation.ErrLeaseLost)
		}
		refused = refused || it.res.Err != nil
	}
	return refused
}

// prepare returns why a transition may not be written, and notes what becomes of
// its contact.
func (w *writing) prepare(it *item) error {
	if err := w.damaged[it.owner]; err != nil {
		return err
	}
	for i := range it.t.Runs {
		if err := w.refusal(&it.t.Runs[i]); err != nil {
			return err
		}
	}
	it.contact, it.controls = nil, nil
	if c := w.contacts[it.owner]; c != nil && !c.deleted {
		it.contact = c
	}
	if it.contact != nil && it.t.Change != nil && !it.renamed {
		now := it.contact.change(*it.t.Change)
		it.contact = &now
		if err := encodable(now.Contact); err != nil {
			return err
		}
	}
	if it.t.Create != nil {
		return encodable(*it.t.Create)
	}
	return nil
}

// encodable returns why a contact cannot be kept.
func encodable(c automation.Contact) error {
	_, err := insertContactArgs(c)
	return err
}

func (w *writing) refusal(r *automation.RunChange) error {
	if _, ok := w.present[r.ID]; ok {
		return nil // also a new one that is written again
	}
	switch {
	case !r.New:
		return notFound("run", r.ID)
	case !w.automations[r.AutomationID].enabled:
		return conflict("automation %q is not enabled any more", r.AutomationID)
	case !w.versions[automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version}]:
		return conflict("version %d of automation %q is not in use any more", r.Version, r.AutomationID)
	default:
		return nil
	}
}

// commit writes what the transitions say and makes the results.
func (w *writing) commit(ctx context.Context) error {
	targets, err := w.findTargets(ctx)
	if err != nil {
		return err
	}
	var sc script
	w.handle(&sc)
	w.erase(&sc)
	tally := w.writeRuns(&sc)
	if err := w.writeContacts(&sc); err != nil {
		return err
	}
	w.move(&sc, targets)
	count(&sc, w.slot, tally) // last: another process may wait for the same counters
	if err := w.tx.commit(ctx, sc); err != nil {
		return err
	}
	for _, it := range w.items {
		w.s.begun.note(it)
		it.res.Requests = it.controls
		if it.contact != nil && !it.t.Release && !it.t.Delete {
			c := it.contact.Contact.Clone()
			it.res.Contact = &c
		}
	}
	return nil
}

// handleEvents relies on the primary key of pending. Events that were handled
// before are left alone.
const handleEvents = `
WITH handled AS (
	DELETE FROM automation.pending p
	USING (SELECT unnest($1::text[]) AS owner, unnest($2::uuid[]) AS event_id, unnest($3::timestamptz[]) AS at, unnest($4::boolean[]) AS loose) h
	WHERE p.owner = ANY (ARRAY[h.owner]) AND p.event_id = ANY (ARRAY[h.event_id])
	RETURNING h.event_id, h.at, h.loose
)
INSERT INTO automation.loose_events (handled_at, event_id) SELECT at, event_id FROM handled WHERE loose`

func (w *writing) handle(sc *script) {
	var owners []string
	var ids uuids
	var at []time.Time
	var loose []bool
	for _, it := range w.items {
		for _, id := range it.t.Handled {
			started := slices.ContainsFunc(it.t.Runs, func(r automation.RunChange) bool { return r.New && r.EventID == id })
			owners, ids, at, loose = append(owners, it.owner), append(ids, uuidOf(id)), append(at, it.t.Now), append(loose, !started)
		}
	}
	if len(ids) > 0 {
		sc.exec(handleEvents, owners, ids, at, loose)
	}
}

func (w *writing) writeContacts(sc *script) error {
	var changes []contactChange
	var dead []contactRow
	var diedAt, cancelAt []time.Time
	var cancelled []string
	for _, it := range w.items {
		if it.contact != nil && it.t.Change != nil && !it.renamed {
			changes = append(changes, contactChange{old: *w.contacts[it.owner], now: *it.contact})
		}
		if !it.t.Delete {
			continue
		}
		if it.contact != nil {
			dead, diedAt = append(dead, *it.contact), append(diedAt, it.t.Now)
		}
		cancelled, cancelAt = append(cancelled, it.owner), append(cancelAt, it.t.Now)
	}
	if len(changes) > 0 {
		if err := updateContacts(sc, changes); err != nil {
			return err
		}
	}
	for _, ch := range changes {
		if ch.now.Email != ch.old.Email {
			w.s.adopt(sc, ch.now.Contact)
		}
	}
	if len(dead) > 0 {
		bury(sc, dead, diedAt)
	}
	if len(cancelled) > 0 {
		cancelOwned(sc, cancelled, cancelAt)
	}
	return nil
}
