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
		items := make([]*transitionWrite, len(wave))
		for i, at := range wave {
			items[i] = &transitionWrite{t: &ts[at], owner: ownerOf(ts[at].Key), res: &results[at]}
		}
		// Everybody locks leases in this order.
		slices.SortFunc(items, func(a, b *transitionWrite) int { return cmp.Compare(a.owner, b.owner) })
		if err := s.write(ctx, turns[0], items); err != nil {
			return nil, fmt.Errorf("postgres store: commit: %w", err)
		}
	}
	return results, nil
}

// item is a transition that is written with others.
type transitionWrite struct {
	t     *automation.Transition
	owner string
	res   *automation.CommitResult
	// contact is what the contact will be, nil if it is not known or was not
	// needed.
	contact  *storedContact
	requests map[string]automation.RunRequest
	// begun is the run that is kept with the lease, nil if none is, and number that
	// of its automation.
	inLease      *automation.RunChange
	automationNo int64
	parks        bool // none of its runs is
	// renamed says that the contact was changed when it was read.
	renamed bool
}

// write writes transitions of different contacts in one transaction. If the
// database refuses a value it writes them one by one, to find the one to blame.
func (s *Store) write(ctx context.Context, slot int16, items []*transitionWrite) error {
	err := s.writeTogether(ctx, slot, items)
	if !isAboutValues(err) {
		return err
	}
	if len(items) == 1 {
		err = fmt.Errorf("contact %q: %w", items[0].t.Key.String(), err)
		if errorCode(err) == uniqueViolation {
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
func (s *Store) writeTogether(ctx context.Context, slot int16, items []*transitionWrite) error {
	for len(items) > 0 {
		refused := false
		err := s.transact(ctx, func(tx *transaction) (err error) {
			c := &committer{s: s, tx: tx, slot: slot, writes: items}
			if refused, err = c.read(ctx); err != nil || refused {
				return err
			}
			if refused = c.refuse(); refused {
				return nil
			}
			return c.commit(ctx)
		})
		if err != nil || !refused {
			return err
		}
		items = slices.DeleteFunc(slices.Clone(items), func(w *transitionWrite) bool { return w.res.Err != nil })
	}
	return nil
}

// writing is one transaction of Commit.
type committer struct {
	s      *Store
	tx     *transaction
	slot   int16              // of the counters
	writes []*transitionWrite // sorted by owner

	held        map[string]*currentRun // owners whose lease is that of their transition, with its run
	automations map[string]sharedAutomation
	versions    map[automation.VersionRef]bool
	current     map[string]currentRun
	contacts    map[string]*storedContact // by owner
	damaged     map[string]error          // by owner, whose contact cannot be read
}

// refuse sets the results of the transitions that may not be written. It reports
// whether the transaction has to begin again without them.
func (c *committer) refuse() bool {
	refused := false
	for _, w := range c.writes {
		*w.res = automation.CommitResult{}
		if c.held[w.owner] != nil {
			w.res.Err = c.prepare(w)
		} else {
			w.res.Err = record.LeaseLost(w.t.Key)
		}
		refused = refused || w.res.Err != nil
	}
	return refused
}

// prepare returns why a transition may not be written, and notes what becomes of
// its contact.
func (c *committer) prepare(w *transitionWrite) error {
	if err := c.damaged[w.owner]; err != nil {
		return err
	}
	for i := range w.t.Runs {
		if err := c.refusal(&w.t.Runs[i]); err != nil {
			return err
		}
	}
	w.contact, w.requests = nil, nil
	if stored := c.contacts[w.owner]; stored != nil && !stored.deleted {
		w.contact = stored
	}
	if w.contact != nil && w.t.Change != nil && !w.renamed {
		now := w.contact.change(*w.t.Change)
		w.contact = &now
		if err := encodable(now.Contact); err != nil {
			return err
		}
	}
	if w.t.Create != nil {
		return encodable(*w.t.Create)
	}
	return nil
}

// encodable returns why a contact cannot be kept.
func encodable(c automation.Contact) error {
	_, err := insertContactArgs(c)
	return err
}

func (c *committer) refusal(r *automation.RunChange) error {
	if _, ok := c.current[r.ID]; ok {
		return nil // also a new one that is written again
	}
	switch {
	case !r.New:
		return record.NotFound("run", r.ID)
	case !c.automations[r.AutomationID].enabled:
		return record.AutomationDisabled(r.AutomationID)
	case !c.versions[automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version}]:
		return record.VersionPruned(automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version})
	default:
		return nil
	}
}

// commit writes what the transitions say and makes the results.
func (c *committer) commit(ctx context.Context) error {
	targets, err := c.findTargets(ctx)
	if err != nil {
		return err
	}
	var sc script
	c.handle(&sc)
	c.erase(&sc)
	tally := c.writeRuns(&sc)
	if err := c.writeContacts(&sc); err != nil {
		return err
	}
	c.move(&sc, targets)
	count(&sc, c.slot, tally) // last: another process may wait for the same counters
	if err := c.tx.commit(ctx, sc); err != nil {
		return err
	}
	for _, w := range c.writes {
		c.s.inLease.note(w)
		w.res.Requests = w.requests
		if w.contact != nil && !w.t.Release && !w.t.Delete {
			contact := w.contact.Contact.Clone()
			w.res.Contact = &contact
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

func (c *committer) handle(sc *script) {
	var owners []string
	var ids uuids
	var at []time.Time
	var loose []bool
	for _, w := range c.writes {
		for _, id := range w.t.Handled {
			started := slices.ContainsFunc(w.t.Runs, func(r automation.RunChange) bool { return r.New && r.EventID == id })
			owners, ids, at, loose = append(owners, w.owner), append(ids, uuidOf(id)), append(at, w.t.Now), append(loose, !started)
		}
	}
	if len(ids) > 0 {
		sc.exec(handleEvents, owners, ids, at, loose)
	}
}

func (c *committer) writeContacts(sc *script) error {
	var changes []contactChange
	var dead []storedContact
	var diedAt, cancelAt []time.Time
	var cancelled []string
	for _, w := range c.writes {
		if w.contact != nil && w.t.Change != nil && !w.renamed {
			changes = append(changes, contactChange{old: *c.contacts[w.owner], now: *w.contact})
		}
		if !w.t.Delete {
			continue
		}
		if w.contact != nil {
			dead, diedAt = append(dead, *w.contact), append(diedAt, w.t.Now)
		}
		cancelled, cancelAt = append(cancelled, w.owner), append(cancelAt, w.t.Now)
	}
	if len(changes) > 0 {
		if err := updateContacts(sc, changes); err != nil {
			return err
		}
	}
	for _, ch := range changes {
		if ch.now.Email != ch.old.Email {
			c.s.adopt(sc, ch.now.Contact)
		}
	}
	if len(dead) > 0 {
		deleteContacts(sc, dead, diedAt)
	}
	if len(cancelled) > 0 {
		cancelOwners(sc, cancelled, cancelAt)
	}
	return nil
}
