package sqlite

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// put writes what became of a run.
func (c *committer) put(ctx context.Context, p *plan, i int, res *automation.CommitResult) error {
	change, stands := &p.t.Runs[i], &p.runs[i]
	if i == p.begun {
		return nil
	}
	if stands.no == 0 {
		started, err := c.start(ctx, p, change, stands.place.automation)
		if err != nil || started {
			return err
		}
		if *stands, err = c.standing(ctx, p.owner, change.ID); err != nil {
			return err
		}
	}
	r := newRow(p, change, stands.control)
	if r.control != automation.RequestNone {
		if res.Requests == nil {
			res.Requests = map[string]automation.RunRequest{}
		}
		res.Requests[change.ID] = r.control
	}
	delete(c.standings, stands.id)
	return failed("change run", c.change(ctx, p, change, stands, &r))
}

// row is what the columns of a run hold that change.
type row struct {
	table   table // to which it belongs
	control automation.RunRequest
	due     time.Time
}

// newRow returns how a change is kept. asked is the request about the run that the
// store knows of.
func newRow(p *plan, change *automation.RunChange, asked automation.RunRequest) row {
	r := row{table: endedRuns, control: remaining(asked, change), due: change.DueAt}
	running := change.Status == automation.RunRunning
	// Whoever wrote a run of a deleted contact may not have known that it is.
	if r.control != automation.RequestNone || running && p.gone() {
		r.due = earlier(r.due, p.t.Now)
	}
	switch {
	case running && r.control == automation.RequestNone && record.ActsNow(p.t, change):
		r.table = begunRuns
	case running || r.control == automation.RequestRetry:
		r.table = activeRuns
	}
	return r
}

// columns returns what follows the number of the place.
func (r *row) columns(change *automation.RunChange) []any {
	if r.table == begunRuns {
		return args(r.due.UnixMicro(), bytesOrNull(change.State))
	}
	return args(orNull(r.due), bytesOrNull(change.State), record.ControlCode(r.control), small(change.DecodeFailures),
		orNull(change.CompletedAt), textOrNull(record.EncodeError(change.Error)))
}

// remaining returns the request about a run that is left when change was written.
func remaining(asked automation.RunRequest, change *automation.RunChange) automation.RunRequest {
	switch {
	case asked == change.Served:
	case asked == automation.RequestCancel && change.Status == automation.RunRunning:
		return asked
	case asked == automation.RequestRetry && change.Status == automation.RunFailed:
		return asked
	}
	return automation.RequestNone
}

// earlier returns the earlier one of two times, where the zero time is never.
func earlier(due, now time.Time) time.Time {
	if due.IsZero() || now.Before(due) {
		return now
	}
	return due
}

// A run is in one of three tables, and keeps its number when it moves: that tells the
// order of creation. As with events, only single rows of values are inserted.
const (
	runValues = `(no, owner, id, event_no, created_at, place_no, due_at, state, control, setbacks, completed_at, error)`
	// A new run that is in one of the tables already has no place, and a row without
	// is left out. By the primary key of leases, and the unique indexes on the ids of
	// runs and events.
	startValues = runValues + ` VALUES (?1, ?2, ?3, (SELECT no FROM automation_events WHERE id = ?4), ?5, iif(
	EXISTS (SELECT 1 FROM automation_leases WHERE owner = ?2 AND run_id = ?3)
	OR EXISTS (SELECT 1 FROM automation_active_runs WHERE id = ?3)
	OR EXISTS (SELECT 1 FROM automation_ended_runs WHERE id = ?3), NULL, ?6), ?7, ?8, ?9, ?10, ?11, ?12)`
	startActive = `INSERT OR IGNORE INTO automation_active_runs ` + startValues
	startEnded  = `INSERT OR IGNORE INTO automation_ended_runs ` + startValues
)

// newRun returns the values of a new run, and the number of its place.
func (c *committer) newRun(
	ctx context.Context, p *plan, change *automation.RunChange, automationNo int64, r *row,
) (values []any, at int64, err error) {
	at, err = c.place(ctx, placeOf(automationNo, change.Version, change))
	values = append(args(c.number, p.owner, idKey(change.ID).column(), idKey(change.EventID).column(),
		change.CreatedAt.UnixMicro(), at), r.columns(change)...)
	return values, at, err
}

// started notes that a run was started.
func (c *committer) started(at int64) {
	c.number++
	c.tally[at]++
}

// start keeps a new run. It reports false if the run is known already.
func (c *committer) start(ctx context.Context, p *plan, change *automation.RunChange, automationNo int64) (bool, error) {
	r := newRow(p, change, automation.RequestNone)
	if r.table == begunRuns {
		r.table = activeRuns // the lease has another
	}
	values, at, err := c.newRun(ctx, p, change, automationNo, &r)
	if err != nil {
		return false, err
	}
	query := [...]string{activeRuns: startActive, endedRuns: startEnded}[r.table]
	n, err := changed(ctx, c.tx, query, values...)
	if err != nil || n == 0 {
		return false, failed("start run", err)
	}
	c.started(at)
	return true, nil
}

// placeOf returns the place at which a run stands.
func placeOf(automationNo int64, version int, change *automation.RunChange) place {
	return place{automationNo, version, record.StatusCode(change.Status), change.Step, change.WaitEvent}
}

// By the primary keys.
const (
	updateBegun  = `UPDATE automation_leases SET run_place_no = ?, run_due_at = ?, run_state = ? WHERE owner = ?`
	updateActive = `
UPDATE automation_active_runs
SET place_no = ?, due_at = ?, state = ?, control = ?, setbacks = ?, completed_at = ?, error = ? WHERE no = ?`
	updateEnded = `
UPDATE automation_ended_runs
SET place_no = ?, due_at = ?, state = ?, control = ?, setbacks = ?, completed_at = ?, error = ? WHERE no = ?`
	insertActive = `INSERT INTO automation_active_runs ` + runValues + ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertEnded  = `INSERT INTO automation_ended_runs ` + runValues + ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	deleteBegun  = `
UPDATE automation_leases
SET run_no = NULL, run_id = NULL, run_event_no = NULL, run_created_at = NULL, run_place_no = NULL, run_due_at = NULL, run_state = NULL
WHERE owner = ?`
	deleteActive = `DELETE FROM automation_active_runs WHERE no = ?`
	deleteEnded  = `DELETE FROM automation_ended_runs WHERE no = ?`
)

// change writes a run that is known, into the table to which it belongs now.
func (c *committer) change(ctx context.Context, p *plan, change *automation.RunChange, stands *standing, r *row) error {
	if r.table == begunRuns && stands.table != begunRuns {
		r.table = activeRuns // it may stay longer than it takes
	}
	at, err := c.place(ctx, placeOf(stands.place.automation, stands.place.version, change))
	if err != nil {
		return err
	}
	c.tally[stands.placeNo]--
	c.tally[at]++
	values := append(args(at), r.columns(change)...)
	if r.table == stands.table {
		query := [...]string{begunRuns: updateBegun, activeRuns: updateActive, endedRuns: updateEnded}[r.table]
		_, err = c.tx.exec(ctx, query, append(values, stands.key(p.owner))...)
		return err
	}
	query := [...]string{begunRuns: deleteBegun, activeRuns: deleteActive, endedRuns: deleteEnded}[stands.table]
	if stands.table != begunRuns || !p.t.Release { // or it has gone with the lease
		if _, err := c.tx.exec(ctx, query, stands.key(p.owner)); err != nil {
			return err
		}
	}
	query = [...]string{activeRuns: insertActive, endedRuns: insertEnded}[r.table]
	_, err = c.tx.exec(ctx, query, append(args(stands.no, p.owner, stands.id.column(), stands.event, stands.created), values...)...)
	return err
}

// key returns the primary key of the row that a run of owner has.
func (s *standing) key(owner any) any {
	if s.table == begunRuns {
		return owner
	}
	return s.no
}
