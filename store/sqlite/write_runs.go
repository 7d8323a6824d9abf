package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// standing is how the store knows a run that a transition is about.
type standing struct {
	no      int64 // 0: it is new
	id      key
	active  bool
	control automation.Control
	place   record.Place
	event   sql.NullInt64
	created int64
}

// By the unique indexes on id.
const (
	selectStanding = `
SELECT r.no, r.id, r.automation_no, r.version, r.status, r.step, r.control, r.event_no, r.created_at, `
	findStanding = selectStanding + `1 FROM automation_active_runs r WHERE r.id = ?1 UNION ALL ` +
		selectStanding + `0 FROM automation_ended_runs r WHERE r.id = ?1`
)

func scanStanding(rows *sql.Rows) (r standing, err error) {
	var control int16
	err = rows.Scan(&r.no, &r.id, &r.place.Automation, &r.place.Version, &r.place.Status, &r.place.Step, &control,
		&r.event, &r.created, &r.active)
	r.control = record.ControlOf(control)
	return r, err
}

// standing returns how a run stands that must exist.
func (c *committer) standing(ctx context.Context, id string) (standing, error) {
	if r, ok := c.standings[idKey(id)]; ok {
		return r, nil
	}
	r, found, err := one(ctx, c.tx, scanStanding, findStanding, idKey(id).column())
	if err == nil && !found {
		return r, notFound("run", id)
	}
	return r, failed("find run", err)
}

// planRuns looks up the runs of a transition, and refuses one that would start a
// run that must not start.
func (c *committer) planRuns(ctx context.Context, p *plan) (err error) {
	p.runs = make([]standing, len(p.t.Runs))
	for i := range p.t.Runs {
		change := &p.t.Runs[i]
		if !change.New {
			if p.runs[i], err = c.standing(ctx, change.ID); err != nil {
				return err
			}
			continue
		}
		p.runs[i].place.Automation, err = c.mayStart(ctx, change)
		if err == nil {
			continue
		}
		// One that is there already is written again, which is no start.
		stands, known := c.standing(ctx, change.ID)
		switch {
		case errors.Is(known, automation.ErrNotFound):
			return err
		case known != nil:
			return known
		}
		p.runs[i] = stands
	}
	return nil
}

// startable says whether runs of a version can be started.
type startable struct {
	no  int64
	err error
}

// By the unique index on id and the primary key of versions.
const findStartable = `
SELECT a.no, a.status = 'enabled' AND a.deleted_at IS NULL,
	EXISTS (SELECT 1 FROM automation_versions v WHERE v.automation_no = a.no AND v.version = ?2)
FROM automation_automations a WHERE a.id = ?1`

// mayStart returns the number of the automation of a run that is started.
func (c *committer) mayStart(ctx context.Context, run *automation.RunChange) (int64, error) {
	v := automation.VersionRef{AutomationID: run.AutomationID, Version: run.Version}
	if known, ok := c.startable[v]; ok {
		return known.no, known.err
	}
	var s startable
	var enabled, kept bool
	found, err := first(ctx, c.tx, findStartable, args(v.AutomationID, v.Version), &s.no, &enabled, &kept)
	switch {
	case err != nil:
		return 0, failed("find automation", err)
	case !found || !enabled:
		s.err = conflict("automation %q is not enabled any more", v.AutomationID)
	case !kept:
		s.err = conflict("version %d of automation %q is not in use any more", v.Version, v.AutomationID)
	}
	c.startable[v] = s
	return s.no, s.err
}

// put writes what became of a run.
func (c *committer) put(ctx context.Context, p *plan, i int, res *automation.CommitResult) error {
	change, stands := &p.t.Runs[i], &p.runs[i]
	if stands.no == 0 {
		started, err := c.start(ctx, p, change, stands.place.Automation)
		if err != nil || started && change.Status == automation.RunRunning {
			return err
		}
		if *stands, err = c.standing(ctx, change.ID); err != nil {
			return err
		}
	}
	r := newRow(p, change, stands.control)
	if r.control != automation.ControlNone {
		if res.Controls == nil {
			res.Controls = map[string]automation.Control{}
		}
		res.Controls[change.ID] = r.control
	}
	delete(c.standings, stands.id)
	to := stands.place
	to.Status, to.Step = r.status, change.Step
	c.tally.Move(&stands.place, &to)
	return failed("change run", c.change(ctx, p, change, stands, &r))
}

// row is what the columns of a run hold that change.
type row struct {
	control automation.Control
	status  int16
	active  bool // it belongs to the active runs
	columns []any
}

// newRow returns how a change is kept. asked is the request about the run that the
// store knows of.
func newRow(p *plan, change *automation.RunChange, asked automation.Control) row {
	r := row{control: remaining(asked, change), status: record.StatusCode(change.Status)}
	running := change.Status == automation.RunRunning
	r.active = running || r.control == automation.ControlRetry
	due := change.DueAt
	// Whoever wrote a run of a deleted contact may not have known that it is.
	if r.control != automation.ControlNone || running && p.gone() {
		due = earlier(due, p.t.Now)
	}
	r.columns = args(r.status, record.ControlCode(r.control), small(change.Setbacks), change.Step, textOrNull(change.WaitEvent),
		orNull(due), orNull(change.CompletedAt), textOrNull(record.EncodeError(change.Error)), bytesOrNull(change.State))
	return r
}

// remaining returns the request about a run that is left when change was written.
func remaining(asked automation.Control, change *automation.RunChange) automation.Control {
	switch {
	case asked == change.Seen:
	case asked == automation.ControlCancel && change.Status == automation.RunRunning:
		return asked
	case asked == automation.ControlRetry && change.Status == automation.RunFailed:
		return asked
	}
	return automation.ControlNone
}

// earlier returns the earlier one of two times, where the zero time is never.
func earlier(due, now time.Time) time.Time {
	if due.IsZero() || now.Before(due) {
		return now
	}
	return due
}

// A run is in one of two tables, and keeps its number when it moves: that tells the
// order of creation. As with events, only single rows of values are inserted.
const (
	// A new run whose id is that of one that has ended has no status, and a row
	// without status is left out, like that of one that is active already. By the
	// unique indexes on the ids of runs and events.
	insertActive = `
INSERT OR IGNORE INTO automation_active_runs
	(id, automation_no, version, owner, event_no, created_at, status, control, setbacks, step, wait_event, due_at, completed_at, error, state)
VALUES (?1, ?2, ?3, ?4, (SELECT no FROM automation_events WHERE id = ?5), ?6,
	iif(EXISTS (SELECT 1 FROM automation_ended_runs WHERE id = ?1), NULL, ?7), ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)`
	insertEnded = `
INSERT INTO automation_ended_runs
	(no, id, automation_no, version, owner, event_no, created_at, status, control, setbacks, step, wait_event, due_at, completed_at, error, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateActive = `
UPDATE automation_active_runs
SET status = ?, control = ?, setbacks = ?, step = ?, wait_event = ?, due_at = ?, completed_at = ?, error = ?, state = ?
WHERE no = ?`
	updateEnded = `
UPDATE automation_ended_runs
SET status = ?, control = ?, setbacks = ?, step = ?, wait_event = ?, due_at = ?, completed_at = ?, error = ?, state = ?
WHERE no = ?`
	reopenEnded = `
INSERT INTO automation_active_runs
	(no, id, automation_no, version, owner, event_no, created_at, status, control, setbacks, step, wait_event, due_at, completed_at, error, state)
SELECT no, id, automation_no, version, owner, event_no, created_at, status, control, setbacks, step, wait_event, due_at, completed_at, error, state
FROM automation_ended_runs WHERE no = ?`
	deleteActive = `DELETE FROM automation_active_runs WHERE no = ?`
	deleteEnded  = `DELETE FROM automation_ended_runs WHERE no = ?`
)

// start keeps a new run among the active ones. It reports false if the run is known
// already.
func (c *committer) start(ctx context.Context, p *plan, change *automation.RunChange, automationNo int64) (bool, error) {
	r := newRow(p, change, automation.ControlNone)
	values := append(args(idKey(change.ID).column(), automationNo, change.Version, p.owner,
		idKey(change.EventID).column(), change.CreatedAt.UnixMicro()), r.columns...)
	n, err := changed(ctx, c.tx, insertActive, values...)
	if err != nil || n == 0 {
		return false, failed("start run", err)
	}
	c.tally.Move(nil, &record.Place{Automation: automationNo, Version: change.Version, Status: r.status, Step: change.Step})
	return true, nil
}

// change writes a run that is known, where it belongs now.
func (c *committer) change(ctx context.Context, p *plan, change *automation.RunChange, stands *standing, r *row) error {
	query := updateActive
	switch {
	case stands.active && !r.active:
		return c.end(ctx, p, change, stands, r)
	case !stands.active && r.active:
		if err := c.tx.reopen(ctx, stands.no); err != nil {
			return err
		}
	case !r.active:
		query = updateEnded
	}
	_, err := c.tx.exec(ctx, query, append(r.columns, stands.no)...)
	return err
}

// end moves a run to those that have ended.
func (c *committer) end(ctx context.Context, p *plan, change *automation.RunChange, stands *standing, r *row) error {
	if _, err := c.tx.exec(ctx, deleteActive, stands.no); err != nil {
		return err
	}
	values := append(args(stands.no, idKey(change.ID).column(), stands.place.Automation, stands.place.Version, p.owner,
		stands.event, stands.created), r.columns...)
	_, err := c.tx.exec(ctx, insertEnded, values...)
	return err
}

// reopen moves a run that has ended back to the active ones.
func (t *tx) reopen(ctx context.Context, no int64) error {
	if _, err := t.exec(ctx, reopenEnded, no); err != nil {
		return failed("reopen run", err)
	}
	_, err := t.exec(ctx, deleteEnded, no)
	return failed("reopen run", err)
}
