package sqlite

import (
	"cmp"
	"context"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Commit implements automation.WorkStore. It writes all transitions in one
// transaction. It prepares each one before it writes any part of it, so that a
// transition that is refused leaves nothing to undo.
func (s *Store) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	results := make([]automation.CommitResult, len(ts))
	if err := s.commit(ctx, ts, results); err != nil {
		return nil, err
	}
	return results, nil
}

// commit writes transitions in one transaction. If the database fails at one of them,
// commit writes each half on its own, to find that one: it must not keep the remaining
// transitions from being written.
func (s *Store) commit(ctx context.Context, ts []automation.Transition, results []automation.CommitResult) error {
	began := false
	err := s.write(ctx, func(ctx context.Context, tx *transaction) error {
		began = true
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
	case err == nil || !began || ctx.Err() != nil:
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
	tally     record.Tally[int64] // by number of the place
	number    int64               // of the next run that is started
	places    map[place]int64
	startable map[automation.VersionRef]startable
	// contacts and current contain what readAhead has found, until it is written.
	contacts map[key]storedContact
	current  map[key]currentRun
	pending  map[key]*numberedEvent
	// pendingMoved means that this transaction has added pending events or has moved some, so
	// pending is not what the database has.
	pendingMoved bool
}

func newCommitter(tx *transaction) *committer {
	return &committer{
		tx: tx, tally: record.Tally[int64]{}, places: map[place]int64{}, startable: map[automation.VersionRef]startable{},
		contacts: map[key]storedContact{}, current: map[key]currentRun{}, pending: map[key]*numberedEvent{},
	}
}

// transitionWrite is one transition of a commit, with what the committer reads before
// it writes the transition.
type transitionWrite struct {
	t       *automation.Transition
	owner   any              // the column of the lease key
	runs    []currentRun     // of t.Runs; no is 0 for a run that is new
	handled []*numberedEvent // of t.Handled; nil for one that is not pending
	inLease int              // index of the one of t.Runs that was written with the lease, -1 if none
	contact storedContact
	known   bool // contact was found, but may be deleted
	update  *contactUpdate
	moveTo  automation.ContactRef
	create  bool // moveTo is created first
}

// alive reports whether the contact is in this store.
func (w *transitionWrite) alive() bool { return w.known && w.contact.deleted.IsZero() }

// gone reports whether the contact was deleted from this store.
func (w *transitionWrite) gone() bool { return w.known && !w.contact.deleted.IsZero() }

// commit writes a transition. It returns an error if the database fails. If the
// transition is refused, the error is in the result.
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
	if err := c.writeEntry(ctx, w); err != nil {
		return res, err
	}
	if err := c.sendEvents(ctx, w); err != nil {
		return res, err
	}
	if t.Erase {
		if err := c.erase(ctx, w); err != nil {
			return res, err
		}
	}
	for i := range t.Runs {
		if err := c.writeRun(ctx, w, i, &res); err != nil {
			return res, err
		}
		if err := c.writeOutputs(ctx, &t.Runs[i]); err != nil {
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
	if t.Heed {
		if res.Pending, err = first(ctx, c.tx, findPending, args(w.owner), new(int)); err != nil {
			return res, failed("find pending events", err)
		}
	}
	if w.alive() && !t.Release {
		contact := w.contact.Contact
		res.Contact = &contact
	}
	return res, nil
}

// insertLoose keeps what became of an event.
const insertLoose = `INSERT INTO automation_loose_events (handled_at, event_no, reason, resumed) VALUES (?, ?, ?, ?)`

// handle removes handled events from the pending ones. It keeps those that go into the row of no
// run.
func (c *committer) handle(ctx context.Context, w *transitionWrite) error {
	for i, e := range w.handled {
		if e == nil {
			continue
		}
		delete(c.pending, idKey(e.ID))
		n, err := changed(ctx, c.tx, deletePending, w.owner, e.AcceptedAt.UnixMicro(), e.no)
		if err != nil {
			return failed("handle event", err)
		}
		if n == 0 {
			w.handled[i] = nil // it was listed twice
			continue
		}
		if err := c.keepHandled(ctx, w, &w.t.Handled[i], e); err != nil {
			return failed("handle event", err)
		}
	}
	return nil
}

// keepHandled keeps a handled event, unless it goes into the row of a run.
func (c *committer) keepHandled(ctx context.Context, w *transitionWrite, h *automation.HandledEvent, e *numberedEvent) error {
	if at := soleRun(w, h, &e.storedEvent); at >= 0 && w.runs[at].event.age.Valid {
		return nil
	}
	if err := c.tx.insertHandled(ctx, e); err != nil || record.OnlyStartsRuns(w.t, h) {
		return err
	}
	_, err := c.tx.exec(ctx, insertLoose, w.t.Now.UnixMicro(), e.no, record.ReasonCode(h.Reason), textOrNull(record.EncodeRuns(h)))
	return err
}

// findPending relies on the primary key.
const findPending = `SELECT 1 FROM automation_pending WHERE owner = ? LIMIT 1`

// writeEntry writes the decisions of a transition, and its counts of the contact's starts.
func (c *committer) writeEntry(ctx context.Context, w *transitionWrite) error {
	if err := c.decide(ctx, w.t.Decisions); err != nil {
		return err
	}
	if w.t.Key.ID == "" || w.gone() {
		return nil
	}
	return c.writeEntries(ctx, w.owner, w.t.Entries)
}

// changeContact changes or deletes the contact.
func (c *committer) changeContact(ctx context.Context, w *transitionWrite) error {
	if w.update != nil || w.t.Delete {
		delete(c.contacts, ownerKey(w.t.Key))
	}
	if w.t.Delete {
		clear(c.current) // all runs of the contact change
	}
	if w.update != nil {
		if w.t.Change.Email != nil {
			c.pendingMoved = true // to the contact, which has got their email
		}
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
		if _, err := c.tx.exec(ctx, deleteEntries, w.owner); err != nil {
			return failed("delete contact", err)
		}
		return c.tx.cancelOwner(ctx, w.t.Key, w.t.Now)
	}
}
