package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// contactsAhead relies on the unique index on id.
const contactsAhead = forKeys + selectContact + `FROM keys CROSS JOIN automation_contacts c ON c.id = k`

// readAhead reads the contacts and runs of all transitions, many at a time. The
// committer looks for those that readAhead does not find once more, one by one.
func (c *committer) readAhead(ctx context.Context, ts []automation.Transition) error {
	var contacts, owners, runs, events []key
	started := 0
	for i := range ts {
		t := &ts[i]
		if record.NeedsContact(t) {
			contacts = append(contacts, ownerKey(t.Key))
		}
		for j := range t.Handled {
			events = append(events, idKey(t.Handled[j].ID))
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
		err = c.readCurrentRuns(ctx, owners, runs)
	}
	if err == nil {
		err = lookup(ctx, c.tx, scanNumberedEvent, pendingByID, events, func(e numberedEvent) { c.pending[idKey(e.ID)] = &e })
	}
	if err == nil {
		err = c.takeNumbers(ctx, started)
	}
	return failed("read ahead", err)
}

// These rely on the primary key of leases, and the unique index on the ids of active runs.
const (
	currentInLease = forKeys + selectCurrentRun + `0, 0
FROM keys CROSS JOIN automation_begun_runs r ON r.owner = k CROSS JOIN automation_places p ON p.no = r.place_no`
	currentActive = forKeys + selectCurrentRun + `r.control, 1
FROM keys CROSS JOIN automation_active_runs r ON r.id = k CROSS JOIN automation_places p ON p.no = r.place_no`
)

// readCurrentRuns reads the in-lease runs of owners, and those of runs that are
// active.
func (c *committer) readCurrentRuns(ctx context.Context, owners, runs []key) error {
	add := func(r currentRun) { c.current[r.id] = r }
	if err := lookup(ctx, c.tx, scanCurrentRun, currentInLease, owners, add); err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(id key) bool { return c.current[id].no != 0 })
	return lookup(ctx, c.tx, scanCurrentRun, currentActive, runs, add)
}

const takeNumbers = `UPDATE automation_tokens SET last_run = last_run + ?1 WHERE id = 1 RETURNING last_run - ?1 + 1`

// takeNumbers reserves the numbers of n runs that are started.
func (c *committer) takeNumbers(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	_, err := first(ctx, c.tx, takeNumbers, args(n), &c.number)
	return err
}

// findContact returns the contact of a transition.
func (c *committer) findContact(ctx context.Context, ref automation.ContactRef) (stored storedContact, found bool, err error) {
	if stored, found = c.contacts[idKey(ref.ID)]; found {
		return stored, true, stored.damage
	}
	return findStoredContact(ctx, c.tx, ref)
}

// prepare reads everything that t needs, and then releases or extends the lease. That
// is the first write of a transition. The error is a refusal (see refuses) if t must
// not be written.
func (c *committer) prepare(ctx context.Context, t *automation.Transition) (*transitionWrite, error) {
	w := &transitionWrite{t: t, owner: ownerKey(t.Key).column(), inLease: -1}
	err := c.read(ctx, w)
	if err != nil && !refuses(err) {
		return nil, err
	}
	// A lost lease takes precedence over any other refusal.
	leaseErr := c.lease(ctx, w, err == nil)
	return w, cmp.Or(leaseErr, err)
}

// read reads the runs and the contacts of a transition. The error is a refusal if one
// of them rules the transition out.
func (c *committer) read(ctx context.Context, w *transitionWrite) error {
	if err := c.readRuns(ctx, w); err != nil {
		return err
	}
	if err := c.readHandled(ctx, w); err != nil {
		return err
	}
	if err := c.readContact(ctx, w); err != nil || w.t.MoveTo == "" {
		return err
	}
	var err error
	w.moveTo, w.create, err = c.findTarget(ctx, w.t)
	return err
}

// currentRun is a run as the database has it before a commit changes it.
type currentRun struct {
	no      int64 // 0 for a new run
	id      key
	table   table
	request automation.RunRequest
	place   place
	placeNo int64
	eventNo sql.NullInt64
	event   runEvent // of a new run, too
	created int64
}

const (
	selectCurrentRun = `
SELECT r.no, r.id, r.place_no, p.automation_no, p.version, p.status, p.step, p.event_name, r.event_no, r.created_at,
	r.event_age, r.event_payload, r.event_more, `
	joinPlace = ` JOIN automation_places p ON p.no = r.place_no`
	// findCurrentRun relies on the primary key of leases, and the unique indexes on id.
	findCurrentRun = selectCurrentRun + `0, 0 FROM automation_begun_runs r` + joinPlace + ` WHERE r.owner = ?2 AND r.id = ?1 UNION ALL ` +
		selectCurrentRun + `r.control, 1 FROM automation_active_runs r` + joinPlace + ` WHERE r.id = ?1 UNION ALL ` +
		selectCurrentRun + `r.control, 2 FROM automation_ended_runs r` + joinPlace + ` WHERE r.id = ?1`
)

func scanCurrentRun(rows *sql.Rows) (r currentRun, err error) {
	var request int16
	err = rows.Scan(&r.no, &r.id, &r.placeNo, &r.place.automationNo, &r.place.version, &r.place.status, &r.place.step, &r.place.eventName,
		&r.eventNo, &r.created, &r.event.age, &r.event.payload, &r.event.more, &request, &r.table)
	r.request = record.RequestOf(request)
	return r, err
}

// findCurrent returns a run of a contact. The run must exist.
func (c *committer) findCurrent(ctx context.Context, owner any, id string) (currentRun, error) {
	if r, ok := c.current[idKey(id)]; ok {
		return r, nil
	}
	r, found, err := one(ctx, c.tx, scanCurrentRun, findCurrentRun, idKey(id).column(), owner)
	if err == nil && !found {
		return r, record.NotFound("run", id)
	}
	return r, failed("find run", err)
}

// readRuns reads the runs of a transition. It refuses a transition that starts a run
// which must not start.
func (c *committer) readRuns(ctx context.Context, w *transitionWrite) (err error) {
	w.runs = make([]currentRun, len(w.t.Runs))
	for i := range w.t.Runs {
		change := &w.t.Runs[i]
		if !change.New {
			if w.runs[i], err = c.findCurrent(ctx, w.owner, change.ID); err != nil {
				return err
			}
			continue
		}
		s, err := c.mayStart(ctx, change)
		if err == nil {
			w.runs[i].place = s.place(change)
			continue
		}
		// A run that exists does not start: the transition is written again.
		current, known := c.findCurrent(ctx, w.owner, change.ID)
		switch {
		case errors.Is(known, automation.ErrNotFound):
			return err
		case known != nil:
			return known
		}
		w.runs[i] = current
	}
	return nil
}

// startable is the outcome of a look-up of a version whose runs are to be started.
type startable struct {
	no  int64 // of the automation
	err error // why no run can be started
}

// place returns the place at which a run of the version stands after a change.
func (s *startable) place(change *automation.RunChange) place {
	return place{automationNo: s.no, version: change.Version, eventName: change.EventName}.of(change)
}

// of returns the place of a run after a change.
func (p place) of(change *automation.RunChange) place {
	p.status, p.step = record.StatusCode(change.Status), change.Step
	return p
}

// findStartable relies on the unique index on id and the primary key of versions.
const findStartable = `
SELECT a.no, a.status = 'enabled' AND a.deleted_at IS NULL,
	v.version IS NOT NULL
FROM automation_automations a LEFT JOIN automation_versions v ON v.automation_no = a.no AND v.version = ?2 WHERE a.id = ?1`

// mayStart returns what is known of the version whose run is started. The error is a
// refusal if no run of this version can be started.
func (c *committer) mayStart(ctx context.Context, run *automation.RunChange) (startable, error) {
	v := automation.VersionRef{AutomationID: run.AutomationID, Version: run.Version}
	if known, ok := c.startable[v]; ok {
		return known, known.err
	}
	var s startable
	var enabled, kept bool
	found, err := first(ctx, c.tx, findStartable, args(v.AutomationID, v.Version), &s.no, &enabled, &kept)
	switch {
	case err != nil:
		return s, failed("find automation", err)
	case !found || !enabled:
		s.err = record.AutomationDisabled(v.AutomationID)
	case !kept:
		s.err = record.VersionPruned(v)
	}
	c.startable[v] = s
	return s, s.err
}

// readContact reads the contact if the transition needs it.
func (c *committer) readContact(ctx context.Context, w *transitionWrite) (err error) {
	if !record.NeedsContact(w.t) {
		return nil
	}
	w.contact, w.known, err = c.findContact(ctx, w.t.Key)
	if err != nil {
		return failed("find contact", err)
	}
	if w.alive() && w.t.Change != nil {
		w.update, err = c.tx.prepareChange(ctx, &w.contact, w.t.Change)
	}
	return err
}
