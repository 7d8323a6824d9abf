package sqlite

import (
	"cmp"
	"context"
	"fmt"

	"github.com/seed-b636437c/automation"
)

// Commit implements automation.WorkStore. All transitions are written in one
// transaction, each one after it was looked at: what is refused leaves nothing to
// take back.
func (s *Store) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	results := make([]automation.CommitResult, len(ts))
	if err := s.commit(ctx, ts, results); err != nil {
		return nil, err
	}
	return results, nil
}

// commit writes transitions in one transaction. If the database fails at one of them
// it writes the halves, so as to find the one to blame: it must not keep the others
// from being written.
func (s *Store) commit(ctx context.Context, ts []automation.Transition, results []automation.CommitResult) error {
	begun := false
	err := s.write(ctx, func(ctx context.Context, tx *transaction) error {
		begun = true
		c := newCommitter(tx)
		if err := c.readAhead(ctx, ts); err != nil {
			return err
		}
		for i := range ts {
			var err error
			if results[i], err = c.commit(ctx, &ts[i]); err != nil {
				return fmt.Errorf("commit of contact %q: %w", ts[i].Key.String(), err)
			}
		}
		return tx.count(ctx, c.tally)
	})
	switch half := len(ts) / 2; {
	case err == nil || !begun || ctx.Err() != nil:
		return err
	case half == 0:
		results[0] = automation.CommitResult{Err: err}
		return nil
	default:
		first := s.commit(ctx, ts[:half], results[:half])
		return cmp.Or(first, s.commit(ctx, ts[half:], results[half:]))
	}
}

// committer writes transitions in one transaction.
type committer struct {
	tx        *transaction
	tally     tally
	number    int64 // of the next run that is started
	places    map[place]int64
	startable map[automation.VersionRef]startable
	// What was read ahead, until it is written: no for what does not exist.
	contacts map[key]storedContact
	current  map[key]currentRun
}

func newCommitter(tx *transaction) *committer {
	return &committer{
		tx: tx, tally: tally{}, places: map[place]int64{}, startable: map[automation.VersionRef]startable{},
		contacts: map[key]storedContact{}, current: map[key]currentRun{},
	}
}

// plan is what has to be known of a transition before it is written.
type transitionWrite struct {
	t       *automation.Transition
	owner   any
	runs    []currentRun // of t.Runs, as far as they are known
	inLease int          // the one of t.Runs that was written with the lease, -1 if none
	contact storedContact
	known   bool // the contact is in this store, or was
	update  *contactUpdate
	moveTo  automation.ContactRef
	create  bool
}

// alive reports whether the contact is in this store.
func (w *transitionWrite) alive() bool { return w.known && w.contact.deleted.IsZero() }

// gone reports whether the contact was in this store and was deleted.
func (w *transitionWrite) gone() bool { return w.known && !w.contact.deleted.IsZero() }

// commit writes a transition. The error is the database's; what is refused is in
// the result.
func (c *committer) commit(ctx context.Context, t *automation.Transition) (res automation.CommitResult, err error) {
	w, err := c.prepare(ctx, t)
	if err != nil {
		if refuses(err) {
			return automation.CommitResult{Err: err}, nil
		}
		return res, err
	}
	if err := c.handle(ctx, w); err != nil {
		return res, err
	}
	if t.Erase {
		if err := c.erase(ctx, t); err != nil {
			return res, err
		}
	}
	for i := range t.Runs {
		if err := c.writeRun(ctx, w, i, &res); err != nil {
			return res, err
		}
	}
	if err := c.changeContact(ctx, w); err != nil {
		return res, err
	}
	if t.MoveTo != "" {
		if err := c.move(ctx, t, w.moveTo, w.create); err != nil {
			return res, err
		}
	}
	if w.alive() && !t.Release {
		record := w.contact.Contact
		res.Contact = &record
	}
	return res, nil
}

const (
	// By the primary keys of pending and events, and the unique index on the ids of events.
	handleEvent = `
DELETE FROM automation_pending WHERE owner = ?1 AND (accepted_at, event_no) = (SELECT accepted_at, no FROM automation_events WHERE id = ?2)`
	insertLoose = `
INSERT INTO automation_loose_events (handled_at, event_no) SELECT ?, no FROM automation_events WHERE id = ?`
)

// handle takes events off the list of pending ones.
func (c *committer) handle(ctx context.Context, w *transitionWrite) error {
	for _, id := range w.t.Handled {
		column := idKey(id).column()
		n, err := changed(ctx, c.tx, handleEvent, w.owner, column)
		if err != nil {
			return failed("handle event", err)
		}
		if n == 0 || w.starts(id) {
			continue
		}
		if _, err := c.tx.exec(ctx, insertLoose, w.t.Now.UnixMicro(), column); err != nil {
			return failed("handle event", err)
		}
	}
	return nil
}

// starts reports whether an event starts a run in this transition.
func (w *transitionWrite) starts(event string) bool {
	for i := range w.t.Runs {
		if r := &w.t.Runs[i]; r.New && r.EventID == event {
			return true
		}
	}
	return false
}

func (c *committer) changeContact(ctx context.Context, w *transitionWrite) error {
	if w.update != nil || w.t.Delete {
		delete(c.contacts, ownerKey(w.t.Key))
	}
	if w.t.Delete {
		clear(c.current) // all runs of the contact change
	}
	if w.update != nil {
		if err := c.tx.changeContact(ctx, w.update); err != nil {
			return err
		}
		w.contact = w.update.contact
	}
	switch {
	case !w.t.Delete:
		return nil
	case w.alive():
		err := c.tx.deleteContact(ctx, &w.contact, w.t.Now)
		w.contact.deleted = nullTime{w.t.Now}
		return err
	default:
		return c.tx.cancelOwner(ctx, w.t.Key, w.t.Now)
	}
}
