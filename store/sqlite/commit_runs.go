package sqlite

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// put writes what became of a run.
func (c *committer) writeRun(ctx context.Context, w *transitionWrite, i int, res *automation.CommitResult) error {
	change, current := &w.t.Runs[i], &w.runs[i]
	if i == w.inLease {
		return nil
	}
	if current.no == 0 {
		started, err := c.start(ctx, w, change, current.place.automation)
		if err != nil || started {
			return err
		}
		if *current, err = c.findCurrent(ctx, w.owner, change.ID); err != nil {
			return err
		}
	}
	r := newRunRow(w, change, current.request)
	if r.request != automation.RequestNone {
		if res.Requests == nil {
			res.Requests = map[string]automation.RunRequest{}
		}
		res.Requests[change.ID] = r.request
	}
	delete(c.current, current.id)
	return failed("change run", c.change(ctx, w, change, current, &r))
}

// row is what the columns of a run hold that change.
type runRow struct {
	table   table // to which it belongs
	request automation.RunRequest
	due     time.Time
}

// newRow returns how a change is kept. asked is the request about the run that the
// store knows of.
func newRunRow(w *transitionWrite, change *automation.RunChange, asked automation.RunRequest) runRow {
	r := runRow{table: endedRuns, request: remaining(asked, change), due: change.DueAt}
	running := change.Status == automation.RunRunning
	// Whoever wrote a run of a deleted contact may not have known that it is.
	if r.request != automation.RequestNone || running && w.gone() {
		r.due = earlier(r.due, w.t.Now)
	}
	switch {
	case running && r.request == automation.RequestNone && record.FitsInLease(w.t, change):
		r.table = inLeaseRuns
	case running || r.request == automation.RequestRetry:
		r.table = activeRuns
	}
	return r
}

// columns returns what follows the number of the place.
func (r *runRow) columns(change *automation.RunChange) []any {
	if r.table == inLeaseRuns {
		return args(r.due.UnixMicro(), bytesOrNull(change.State))
	}
	return args(timeOrNull(r.due), bytesOrNull(change.State), record.RequestCode(r.request), small(change.DecodeFailures),
		timeOrNull(change.CompletedAt), textOrNull(record.EncodeError(change.Error)))
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
func (c *committer) newRunValues(
	ctx context.Context, w *transitionWrite, change *automation.RunChange, automationNo int64, r *runRow,
) (values []any, at int64, err error) {
	at, err = c.placeNumber(ctx, placeOf(automationNo, change.Version, change))
	values = append(args(c.number, w.owner, idKey(change.ID).column(), idKey(change.EventID).column(),
		change.CreatedAt.UnixMicro(), at), r.columns(change)...)
	return values, at, err
}

// started notes that a run was started.
func (c *committer) noteStarted(at int64) {
	c.number++
	c.tally[at]++
}

// start keeps a new run. It reports false if the run is known already.
func (c *committer) start(ctx context.Context, w *transitionWrite, change *automation.RunChange, automationNo int64) (bool, error) {
	r := newRunRow(w, change, automation.RequestNone)
	if r.table == inLeaseRuns {
		r.table = activeRuns // the lease has another
	}
	values, at, err := c.newRunValues(ctx, w, change, automationNo, &r)
	if err != nil {
		return false, err
	}
	query := [...]string{activeRuns: startActive, endedRuns: startEnded}[r.table]
	n, err := changed(ctx, c.tx, query, values...)
	if err != nil || n == 0 {
		return false, failed("start run", err)
	}
	c.noteStarted(at)
	return true, nil
}

// placeOf returns the place at which a run stands.
func placeOf(automationNo int64, version int, change *automation.RunChange) place {
	return place{automationNo, version, record.StatusCode(change.Status), change.Step, change.WaitEvent}
}

// By the primary keys.
const (
	updateInLease = `UPDATE automation_leases SET run_place_no = ?, run_due_at = ?, run_state = ? WHERE owner = ?`
	updateActive  = `
UPDATE automation_active_runs
SET place_no = ?, due_at = ?, state = ?, control = ?, setbacks = ?, completed_at = ?, error = ? WHERE no = ?`
	updateEnded = `
UPDATE automation_ended_runs
SET place_no = ?, due_at = ?, state = ?, control = ?, setbacks = ?, completed_at = ?, error = ? WHERE no = ?`
	insertActive = `INSERT INTO automation_active_runs ` + runValues + ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertEnded  = `INSERT INTO automation_ended_runs ` + runValues + ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	clearInLease = `
UPDATE automation_leases
SET run_no = NULL, run_id = NULL, run_event_no = NULL, run_created_at = NULL, run_place_no = NULL, run_due_at = NULL, run_state = NULL
WHERE owner = ?`
	deleteActive = `DELETE FROM automation_active_runs WHERE no = ?`
	deleteEnded  = `DELETE FROM automation_ended_runs WHERE no = ?`
)

// change writes a run that is known, into the table to which it belongs now.
func (c *committer) change(ctx context.Context, w *transitionWrite, change *automation.RunChange, current *currentRun, r *runRow) error {
	if r.table == inLeaseRuns && current.table != inLeaseRuns {
		r.table = activeRuns // it may stay longer than it takes
	}
	at, err := c.placeNumber(ctx, placeOf(current.place.automation, current.place.version, change))
	if err != nil {
		return err
	}
	c.tally[current.placeNo]--
	c.tally[at]++
	values := append(args(at), r.columns(change)...)
	if r.table == current.table {
		query := [...]string{inLeaseRuns: updateInLease, activeRuns: updateActive, endedRuns: updateEnded}[r.table]
		_, err = c.tx.exec(ctx, query, append(values, current.key(w.owner))...)
		return err
	}
	query := [...]string{inLeaseRuns: clearInLease, activeRuns: deleteActive, endedRuns: deleteEnded}[current.table]
	if current.table != inLeaseRuns || !w.t.Release { // or it has gone with the lease
		if _, err := c.tx.exec(ctx, query, current.key(w.owner)); err != nil {
			return err
		}
	}
	query = [...]string{activeRuns: insertActive, endedRuns: insertEnded}[r.table]
	_, err = c.tx.exec(ctx, query, append(args(current.no, w.owner, current.id.column(), current.event, current.created), values...)...)
	return err
}

// key returns the primary key of the row that a run of owner has.
func (s *currentRun) key(owner any) any {
	if s.table == inLeaseRuns {
		return owner
	}
	return s.no
}
