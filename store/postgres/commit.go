package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
	for _, wave := range waves(ts) {
		writes := make([]*transitionWrite, len(wave))
		for i, index := range wave {
			writes[i] = &transitionWrite{t: &ts[index], owner: ownerOf(ts[index].Key), res: &results[index]}
		}
		// All transactions lock leases in this order.
		slices.SortFunc(writes, func(a, b *transitionWrite) int { return cmp.Compare(a.owner, b.owner) })
		if err := s.write(ctx, turns[0], writes); err != nil {
			return nil, fmt.Errorf("postgres store: commit: %w", err)
		}
	}
	return results, nil
}

// transitionWrite is one transition of a commit, with what the committer finds out
// about it.
type transitionWrite struct {
	t     *automation.Transition
	owner ownerKey
	res   *automation.CommitResult
	// contact is the contact after the transition, nil if there is none or the transition
	// does not need it.
	contact  *storedContact
	requests map[string]automation.RunRequest
	// pending reports whether there are pending events after the transition, if it heeds them.
	pending bool
	// inLease is the run that is in the lease's row after the transition, nil for none.
	inLease *automation.RunChange
	// parks is set if the transaction first parks the run in the lease's row, and leaves
	// no run there.
	parks bool
	// takes are the runs that get an event of the transition into their rows.
	takes []*automation.RunChange
	// keepsEvents is set if takes must be empty: such a run exists already.
	keepsEvents bool
	// renamed is set if the statement that read the contact has also changed it.
	renamed bool
}

// write writes transitions of different contacts in one transaction. If the database
// refuses a value, write writes them one by one, to find the one with that value.
func (s *Store) write(ctx context.Context, slot int16, writes []*transitionWrite) error {
	err := s.writeTogether(ctx, slot, writes)
	if !isAboutValues(err) {
		return err
	}
	if len(writes) == 1 {
		err = fmt.Errorf("contact %q: %w", writes[0].t.Key.String(), err)
		if errorCode(err) == uniqueViolation {
			err = fmt.Errorf("%w: %w", err, automation.ErrConflict)
		}
		*writes[0].res = automation.CommitResult{Err: err}
		return nil
	}
	for i := range writes {
		if err := s.write(ctx, slot, writes[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// writeTogether writes transitions in one transaction. If some of them turn out to be
// refused, it rolls the transaction back, because nothing about them may change, and
// begins again without them.
func (s *Store) writeTogether(ctx context.Context, slot int16, writes []*transitionWrite) error {
	for len(writes) > 0 {
		sets, runs := map[string]struct{}{}, make([][]automation.RunChange, len(writes))
		for i, w := range writes {
			listenedTo(sets, w.t.Runs)
			runs[i] = w.t.Runs
		}
		listens, err := s.numberListens(ctx, sets)
		if err != nil {
			return err
		}
		places, err := s.numberPlaces(ctx, runs...)
		if err != nil {
			return err
		}
		refused := false
		err = s.transact(ctx, func(tx *transaction) (err error) {
			c := &committer{s: s, tx: tx, slot: slot, writes: writes, listens: listens, places: places}
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
		writes = slices.DeleteFunc(slices.Clone(writes), func(w *transitionWrite) bool { return w.res.Err != nil })
	}
	return nil
}

// committer writes transitions in one transaction.
type committer struct {
	s      *Store
	tx     *transaction
	slot   int16              // of the counters
	writes []*transitionWrite // sorted by owner

	listens  listenNumbers            // of all runs of the transitions
	places   placeNumbers             // of all runs of the transitions
	held     map[ownerKey]*currentRun // runs of the leases that are held, by owner; id is "" for none
	enabled  map[string]bool          // automations of new runs, by id
	kept     map[automation.VersionRef]bool
	current  map[string]currentRun       // by id
	taken    map[string]*runsEvent       // by id of the run
	contacts map[ownerKey]*storedContact // by owner
	damaged  map[ownerKey]error          // why a contact cannot be read, by owner
}

// refuse sets the results of the transitions that may not be written, and reports
// whether there are any.
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

// prepare returns why a transition may not be written. If it may be, prepare sets the
// contact after the transition.
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
		if err := checkEncoding(now.Contact); err != nil {
			return err
		}
	}
	if w.t.Create != nil {
		return checkEncoding(*w.t.Create)
	}
	return nil
}

// checkEncoding returns why a contact cannot be encoded.
func checkEncoding(c automation.Contact) error {
	_, err := insertContactArgs(c)
	return err
}

// refusal returns why a run may not be written, nil if it may be.
func (c *committer) refusal(r *automation.RunChange) error {
	if _, ok := c.current[r.ID]; ok {
		return nil // it changes, or is new and the transition is written again
	}
	switch {
	case !r.New:
		return record.NotFound("run", r.ID)
	case !c.enabled[r.AutomationID]:
		return record.AutomationDisabled(r.AutomationID)
	case !c.kept[automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version}]:
		return record.VersionPruned(automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version})
	default:
		return nil
	}
}

// commit writes the transitions, commits the transaction, and sets the results.
func (c *committer) commit(ctx context.Context) error {
	targets, err := c.findTargets(ctx)
	if err != nil {
		return err
	}
	var sc script
	c.handle(&sc)
	c.writeEntries(&sc)
	c.sendEvents(&sc)
	c.adoptStrays(&sc)
	tally := c.writeRuns(&sc)
	c.writeOutputs(&sc)
	c.decide(&sc) // after the runs, whose rows may have the events
	c.erase(&sc)
	if err := c.writeContacts(&sc); err != nil {
		return err
	}
	c.move(&sc, targets)
	c.heed(&sc)
	count(&sc, c.slot, tally) // last, because another process may wait for the same counters
	if err := c.tx.commit(ctx, sc); err != nil {
		return err
	}
	for _, w := range c.writes {
		c.s.inLease.note(w)
		w.res.Requests, w.res.Pending = w.requests, w.pending
		if w.contact != nil && !w.t.Release && !w.t.Delete {
			contact := w.contact.Contact.Clone()
			w.res.Contact = &contact
		}
	}
	return nil
}

// findPending relies on the primary key of pending.
const findPending = `
SELECT o.owner FROM unnest($1::bytea[]) AS o (owner) WHERE (SELECT true FROM automation.pending p WHERE p.owner = o.owner LIMIT 1)`

// heed finds out whether there are pending events, for the transitions that heed them. Stray
// events are under the email of the contact; see the statement adoptStrays.
func (c *committer) heed(sc *script) {
	heeding := map[ownerKey]*transitionWrite{}
	for _, w := range c.writes {
		if w.pending = false; !w.t.Heed {
			continue
		}
		heeding[w.owner] = w
		if w.contact != nil {
			heeding[ownerOf(automation.ContactRef{Email: w.contact.Email})] = w
		}
	}
	if len(heeding) == 0 {
		return
	}
	sc.query(func(scan scanFunc) error {
		var owner ownerKey
		err := scan(&owner)
		if w := heeding[owner]; w != nil {
			w.pending = true
		}
		return err
	}, findPending, owners(slices.Collect(maps.Keys(heeding))))
}

// handleEvents moves pending events to the handled ones, and changes nothing for events that were
// handled before. It relies on the primary key of pending: the concatenation keeps the planner from
// pending_owner, which would read all pending events of the owner for each.
const handleEvents = `
WITH handled AS (
	DELETE FROM automation.pending e
	USING (
		SELECT unnest($1::bytea[]) AS owner, unnest($2::uuid[]) AS event_id, unnest($3::timestamptz[]) AS at, unnest($4::boolean[]) AS loose,
			unnest($5::smallint[]) AS reason, unnest($6::text[]) AS resumed
	) h
	WHERE e.event_id = ANY (ARRAY[h.event_id]) AND e.owner || '' = h.owner
	RETURNING e.*, h.at, h.loose, h.reason, h.resumed
` + keepHandled

// handle removes handled events from the pending ones.
func (c *committer) handle(sc *script) {
	var of owners
	var ids uuids
	var at []time.Time
	var loose []bool
	var reasons []int16
	var resumed nullableTexts
	for _, w := range c.writes {
		for i := range w.t.Handled {
			h := &w.t.Handled[i]
			if w.taking(h.ID) != nil {
				continue
			}
			of, ids = append(of, w.owner), append(ids, uuidOf(h.ID))
			at, loose = append(at, w.t.Now), append(loose, !record.OnlyStartsRuns(w.t, h))
			reasons, resumed = append(reasons, record.ReasonCode(h.Reason)), append(resumed, textOrNull(record.EncodeRuns(h)))
		}
	}
	if len(ids) > 0 {
		sc.exec(handleEvents, of, ids, at, loose, reasons, resumed.arg())
	}
}

// adoptStrays gives contacts that are about to lose their email the events that were sent for
// it. Otherwise these events would make a new contact.
func (c *committer) adoptStrays(sc *script) {
	var ids []string
	var of owners
	for _, w := range c.writes {
		if stored := c.contacts[w.owner]; w.contact != nil && stored != nil && (w.t.Delete || w.contact.Email != stored.Email) {
			ids, of = append(ids, stored.ID), append(of, w.owner)
		}
	}
	if len(ids) > 0 {
		sc.exec(adoptStrays, ids, of)
	}
}

// writeContacts changes and deletes contacts.
func (c *committer) writeContacts(sc *script) error {
	var changes []contactChange
	var deleted []storedContact
	var deletedAt, cancelledAt []time.Time
	var cancelled owners
	for _, w := range c.writes {
		if w.contact != nil && w.t.Change != nil && !w.renamed {
			changes = append(changes, contactChange{old: *c.contacts[w.owner], now: *w.contact})
		}
		if !w.t.Delete {
			continue
		}
		if w.contact != nil {
			deleted, deletedAt = append(deleted, *w.contact), append(deletedAt, w.t.Now)
		}
		cancelled, cancelledAt = append(cancelled, w.owner), append(cancelledAt, w.t.Now)
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
	if len(deleted) > 0 {
		deleteContacts(sc, deleted, deletedAt)
	}
	if len(cancelled) > 0 {
		sc.exec(deleteEntries, cancelled)
		cancelOwners(sc, cancelled, cancelledAt)
	}
	return nil
}
