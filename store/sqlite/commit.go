package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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

// By the unique index on id.
const contactsAhead = forKeys + selectContact + `FROM keys CROSS JOIN automation_contacts c ON c.id = k`

// readAhead reads the contacts and the runs that the transitions are about, many at a
// time. Those that are not found are looked for again, one by one.
func (c *committer) readAhead(ctx context.Context, ts []automation.Transition) error {
	var contacts, owners, runs []key
	started := 0
	for i := range ts {
		t := &ts[i]
		if needsContact(t) {
			contacts = append(contacts, ownerKey(t.Key))
		}
		known := len(runs)
		for j := range t.Runs {
			if t.Runs[j].New {
				started++
			} else {
				runs = append(runs, idKey(t.Runs[j].ID))
			}
		}
		if len(runs) > known {
			owners = append(owners, ownerKey(t.Key))
		}
	}
	err := lookup(ctx, c.tx, scanStoredContact, contactsAhead, contacts, func(s storedContact) { c.contacts[idKey(s.ID)] = s })
	if err == nil {
		err = c.readStandings(ctx, owners, runs)
	}
	if err == nil {
		err = c.takeNumbers(ctx, started)
	}
	return failed("read ahead", err)
}

// By the primary key of leases, and the unique index on the ids of active runs.
const (
	begunAhead = forKeys + selectStanding + `0, 0
FROM keys CROSS JOIN automation_begun_runs r ON r.owner = k CROSS JOIN automation_places p ON p.no = r.place_no`
	activeAhead = forKeys + selectStanding + `r.control, 1
FROM keys CROSS JOIN automation_active_runs r ON r.id = k CROSS JOIN automation_places p ON p.no = r.place_no`
)

// readStandings reads how the runs stand of owners.
func (c *committer) readStandings(ctx context.Context, owners, runs []key) error {
	add := func(r standing) { c.standings[r.id] = r }
	if err := lookup(ctx, c.tx, scanStanding, begunAhead, owners, add); err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(id key) bool { return c.standings[id].no != 0 })
	return lookup(ctx, c.tx, scanStanding, activeAhead, runs, add)
}

const takeNumbers = `UPDATE automation_tokens SET last_run = last_run + ?1 WHERE id = 1 RETURNING last_run - ?1 + 1`

// takeNumbers takes the numbers for runs that are started.
func (c *committer) takeNumbers(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	_, err := first(ctx, c.tx, takeNumbers, args(n), &c.number)
	return err
}

// contact returns the contact that a transition is about.
func (c *committer) contact(ctx context.Context, ref automation.ContactRef) (stored storedContact, found bool, err error) {
	if stored, found = c.contacts[idKey(ref.ID)]; found {
		return stored, true, stored.damage
	}
	return contact(ctx, c.tx, ref)
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

// plan looks at everything that t is about and then, as the first thing that is
// written, releases or extends the lease. The error is a refusal if t must not be
// written.
func (c *committer) plan(ctx context.Context, t *automation.Transition) (*plan, error) {
	p := &plan{t: t, owner: ownerKey(t.Key).column(), begun: -1}
	err := c.look(ctx, p)
	if err != nil && !refuses(err) {
		return nil, err
	}
	// A lease that is lost tells more than what else is wrong.
	leaseErr := c.lease(ctx, p, err == nil)
	return p, cmp.Or(leaseErr, err)
}

func (c *committer) look(ctx context.Context, p *plan) error {
	if err := c.planRuns(ctx, p); err != nil {
		return err
	}
	if err := c.planContact(ctx, p); err != nil || p.t.MoveTo == "" {
		return err
	}
	var err error
	p.moveTo, p.create, err = c.target(ctx, p.t)
	return err
}

// By the primary key.
const (
	findLease   = `SELECT token FROM automation_leases WHERE owner = ? AND token = ?`
	extendLease = `UPDATE automation_leases SET until = ? WHERE owner = ? AND token = ?`
	// dropLease leaves one that has another run than this.
	dropLease = `DELETE FROM automation_leases WHERE owner = ? AND token = ? AND (run_no IS NULL OR run_no = ?)`
)

// lease fails if the transition's lease is lost. Otherwise it is released or
// extended, if the transition is going to be written.
func (c *committer) lease(ctx context.Context, p *plan, write bool) (err error) {
	var held bool
	switch {
	case !write:
		held, err = first(ctx, c.tx, findLease, args(p.owner, p.t.Token), new(int64))
	case p.t.Release:
		held, err = c.release(ctx, p)
	default:
		held, err = c.extend(ctx, p)
	}
	if err == nil && !held {
		return fmt.Errorf("contact %q: %w", p.t.Key.String(), automation.ErrLeaseLost)
	}
	return failed("lease", err)
}

// extend extends the lease. It reports false if that is lost.
func (c *committer) extend(ctx context.Context, p *plan) (held bool, err error) {
	if held, err := c.begin(ctx, p); err != nil || held {
		return held, err
	}
	n, err := changed(ctx, c.tx, extendLease, p.t.Extend.UnixMicro(), p.owner, p.t.Token)
	return n > 0, err
}

// release drops the lease, with the run that it has: that is written elsewhere now.
// It reports false if the lease is lost.
func (c *committer) release(ctx context.Context, p *plan) (held bool, err error) {
	var run any
	for i := range p.runs {
		if p.runs[i].table == begunRuns && p.runs[i].no != 0 {
			run = p.runs[i].no
		}
	}
	n, err := changed(ctx, c.tx, dropLease, p.owner, p.t.Token, run)
	if err != nil || n > 0 {
		return n > 0, err
	}
	held, err = first(ctx, c.tx, findLease, args(p.owner, p.t.Token), new(int64))
	if err != nil || !held {
		return false, err
	}
	if err := c.tx.park(ctx, p.owner); err != nil { // it is not in this transition
		return false, err
	}
	_, err = c.tx.exec(ctx, dropLease, p.owner, p.t.Token, nil)
	return true, err
}

// planContact reads the contact, if anything depends on it.
func (c *committer) planContact(ctx context.Context, p *plan) (err error) {
	if !needsContact(p.t) {
		return nil
	}
	p.contact, p.known, err = c.contact(ctx, p.t.Key)
	if err != nil {
		return failed("find contact", err)
	}
	if p.alive() && p.t.Change != nil {
		p.update, err = c.tx.planChange(ctx, &p.contact, p.t.Change)
	}
	return err
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

// needsContact reports whether anything about t depends on its contact: what is done
// to it, what the result tells, and whether the runs that go on must hear that it was
// deleted.
func needsContact(t *automation.Transition) bool {
	return t.Key.ID != "" && (!t.Release || t.Change != nil || t.Delete ||
		slices.ContainsFunc(t.Runs, func(r automation.RunChange) bool { return r.Status == automation.RunRunning }))
}
