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
	err := s.write(ctx, func(ctx context.Context, t *tx) error {
		begun = true
		c := newCommitter(t)
		if err := c.readAhead(ctx, ts); err != nil {
			return err
		}
		for i := range ts {
			var err error
			if results[i], err = c.commit(ctx, &ts[i]); err != nil {
				return fmt.Errorf("commit of contact %q: %w", ts[i].Key.String(), err)
			}
		}
		return t.count(ctx, c.tally)
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
	tx        *tx
	tally     tally
	number    int64 // of the next run that is started
	places    map[place]int64
	startable map[automation.VersionRef]startable
	// What was read ahead, until it is written: no for what does not exist.
	contacts  map[key]storedContact
	standings map[key]standing
}

func newCommitter(t *tx) *committer {
	return &committer{
		tx: t, tally: tally{}, places: map[place]int64{}, startable: map[automation.VersionRef]startable{},
		contacts: map[key]storedContact{}, standings: map[key]standing{},
	}
}

// plan is what has to be known of a transition before it is written.
type plan struct {
	t       *automation.Transition
	owner   any
	runs    []standing // of t.Runs, as far as they are known
	begun   int        // the one of t.Runs that was written with the lease, -1 if none
	contact storedContact
	known   bool // the contact is in this store, or was
	update  *contactUpdate
	moveTo  automation.ContactRef
	create  bool
}

// alive reports whether the contact is in this store.
func (p *plan) alive() bool { return p.known && p.contact.deleted.IsZero() }

// gone reports whether the contact was in this store and was deleted.
func (p *plan) gone() bool { return p.known && !p.contact.deleted.IsZero() }

// commit writes a transition. The error is the database's; what is refused is in
// the result.
func (c *committer) commit(ctx context.Context, t *automation.Transition) (res automation.CommitResult, err error) {
	p, err := c.plan(ctx, t)
	if err != nil {
		if refuses(err) {
			return automation.CommitResult{Err: err}, nil
		}
		return res, err
	}
	if err := c.handle(ctx, p); err != nil {
		return res, err
	}
	if t.Erase {
		if err := c.erase(ctx, t); err != nil {
			return res, err
		}
	}
	for i := range t.Runs {
		if err := c.put(ctx, p, i, &res); err != nil {
			return res, err
		}
	}
	if err := c.changeContact(ctx, p); err != nil {
		return res, err
	}
	if t.MoveTo != "" {
		if err := c.move(ctx, t, p.moveTo, p.create); err != nil {
			return res, err
		}
	}
	if p.alive() && !t.Release {
		record := p.contact.Contact
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
func (c *committer) handle(ctx context.Context, p *plan) error {
	for _, id := range p.t.Handled {
		column := idKey(id).column()
		n, err := changed(ctx, c.tx, handleEvent, p.owner, column)
		if err != nil {
			return failed("handle event", err)
		}
		if n == 0 || p.starts(id) {
			continue
		}
		if _, err := c.tx.exec(ctx, insertLoose, p.t.Now.UnixMicro(), column); err != nil {
			return failed("handle event", err)
		}
	}
	return nil
}

// starts reports whether an event starts a run in this transition.
func (p *plan) starts(event string) bool {
	for i := range p.t.Runs {
		if r := &p.t.Runs[i]; r.New && r.EventID == event {
			return true
		}
	}
	return false
}

func (c *committer) changeContact(ctx context.Context, p *plan) error {
	if p.update != nil || p.t.Delete {
		delete(c.contacts, ownerKey(p.t.Key))
	}
	if p.t.Delete {
		clear(c.standings) // all runs of the contact change
	}
	if p.update != nil {
		if err := c.tx.changeContact(ctx, p.update); err != nil {
			return err
		}
		p.contact = p.update.contact
	}
	switch {
	case !p.t.Delete:
		return nil
	case p.alive():
		err := c.tx.deleteContact(ctx, &p.contact, p.t.Now)
		p.contact.deleted = maybe{p.t.Now}
		return err
	default:
		return c.tx.cancelOwner(ctx, p.t.Key, p.t.Now)
	}
}
