package sqlite

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// writeRun writes the run of a transition with an index, unless startInLease has.
func (c *committer) writeRun(ctx context.Context, w *transitionWrite, i int, res *automation.CommitResult) (err error) {
	change, current := &w.t.Runs[i], &w.runs[i]
	if i == w.inLease {
		return nil
	}
	if current.no == 0 {
		started, err := c.start(ctx, w, i)
		if err != nil || started {
			return err
		}
		lost := current.event.age.Valid
		if *current, err = c.findCurrent(ctx, w.owner, change.ID); err != nil {
			return err
		}
		if lost {
			if err := c.keepEventOf(ctx, w, change.EventID); err != nil {
				return err
			}
		}
	}
	r := newRunRow(w, change, current.request)
	if r.listens, err = c.tx.listenNumber(ctx, change.Listens); err != nil {
		return err
	}
	if r.request != automation.RequestNone {
		if res.Requests == nil {
			res.Requests = map[string]automation.RunRequest{}
		}
		res.Requests[change.ID] = r.request
	}
	delete(c.current, current.id)
	return failed("change run", c.change(ctx, w, change, current, &r))
}

// keepEventOf keeps a handled event in events, because the run that it was for exists already.
func (c *committer) keepEventOf(ctx context.Context, w *transitionWrite, id string) error {
	for i, e := range w.handled {
		if e != nil && w.t.Handled[i].ID == id {
			return failed("handle event", c.tx.insertHandled(ctx, e))
		}
	}
	return nil
}

// runRow contains those values of a run's new row that do not follow from the change
// alone.
type runRow struct {
	table   table // the one that gets the row
	request automation.RunRequest
	due     time.Time
	listens any // number of the set, nil for none
}

// newRunRow returns the new row of a run. request is the one that the store has about
// the run.
func newRunRow(w *transitionWrite, change *automation.RunChange, request automation.RunRequest) runRow {
	r := runRow{table: endedRuns, request: request.Remaining(change), due: change.DueAt}
	running := record.GoesOn(*change)
	// The holder of the lease may not have seen that the contact was deleted. The run is
	// due at once, so that the next claim brings it together with that fact.
	if r.request != automation.RequestNone || running && w.gone() {
		r.due = record.DueBy(r.due, w.t.Now)
	}
	switch {
	case r.request == automation.RequestNone && record.FitsInLease(w.t, change):
		r.table = inLeaseRuns
	case running || r.request == automation.RequestRetry:
		r.table = activeRuns
	}
	return r
}

// columns returns the values of the columns after the number of the place.
func (r *runRow) columns(change *automation.RunChange) []any {
	if r.table == inLeaseRuns {
		return args(r.due.UnixMicro(), bytesOrNull(change.State), r.listens)
	}
	columns := args(timeOrNull(r.due), bytesOrNull(change.State), record.RequestCode(r.request), small(change.DecodeFailures),
		timeOrNull(change.CompletedAt), textOrNull(record.EncodeError(change.Error)))
	if r.table == activeRuns {
		return append(columns, r.listens)
	}
	return append(columns, textOrNull(record.EncodeExit(change.Exit))) // a run that has ended listens to nothing
}

// A run is in one of three tables. It keeps its number when it moves between them,
// because lists of runs are in the order of these numbers. As with events, each
// statement inserts a single row of values.
const (
	endedValues = `
	(no, owner, id, event_no, created_at, event_age, event_payload, event_more, place_no, due_at, state, control, setbacks, completed_at, error, exit)`
	activeValues = `
	(no, owner, id, event_no, created_at, event_age, event_payload, event_more, place_no, due_at, state, control, setbacks, completed_at, error, listen_no)`
	// For a run that is in one of the tables already the place is NULL, and a row
	// without a place is left out. The statements rely on the primary key of leases, and
	// the unique indexes on the ids of runs.
	startValues = ` VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, iif(
	EXISTS (SELECT 1 FROM automation_leases WHERE owner = ?2 AND run_id = ?3)
	OR EXISTS (SELECT 1 FROM automation_active_runs WHERE id = ?3)
	OR EXISTS (SELECT 1 FROM automation_ended_runs WHERE id = ?3), NULL, ?9), ?10, ?11, ?12, ?13, ?14, ?15, ?16)`
	startActive = `INSERT OR IGNORE INTO automation_active_runs ` + activeValues + startValues
	startEnded  = `INSERT OR IGNORE INTO automation_ended_runs ` + endedValues + startValues
)

// newRunValues returns the values of a new run, and the number of its place.
func (c *committer) newRunValues(
	ctx context.Context, w *transitionWrite, i int, r *runRow,
) (values []any, at int64, err error) {
	change, current := &w.t.Runs[i], &w.runs[i]
	event, err := c.eventNumber(ctx, w, i)
	if err != nil {
		return nil, 0, err
	}
	if at, err = c.placeNumber(ctx, current.place); err != nil {
		return nil, 0, err
	}
	r.listens, err = c.tx.listenNumber(ctx, change.Listens)
	values = append(args(c.number, w.owner, idKey(change.ID).column(), event, change.CreatedAt.UnixMicro()), current.event.columns()...)
	return append(append(values, at), r.columns(change)...), at, err
}

// noteStarted counts a run that was inserted at a place, and uses its number up.
func (c *committer) noteStarted(placeNo int64) {
	c.number++
	c.tally.Move(nil, &placeNo)
}

// start inserts a new run. It reports false if the run exists already.
func (c *committer) start(ctx context.Context, w *transitionWrite, i int) (bool, error) {
	r := newRunRow(w, &w.t.Runs[i], automation.RequestNone)
	if r.table == inLeaseRuns {
		r.table = activeRuns // startInLease has written another run, or found this one
	}
	values, at, err := c.newRunValues(ctx, w, i, &r)
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

// These rely on the primary keys.
const (
	updateInLease = `UPDATE automation_leases SET run_place_no = ?, run_due_at = ?, run_state = ?, run_listen_no = ? WHERE owner = ?`
	updateActive  = `
UPDATE automation_active_runs
SET place_no = ?, due_at = ?, state = ?, control = ?, setbacks = ?, completed_at = ?, error = ?, listen_no = ? WHERE no = ?`
	updateEnded = `
UPDATE automation_ended_runs
SET place_no = ?, due_at = ?, state = ?, control = ?, setbacks = ?, completed_at = ?, error = ?, exit = ? WHERE no = ?`
	insertActive = `INSERT INTO automation_active_runs ` + activeValues + ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertEnded  = `INSERT INTO automation_ended_runs ` + endedValues + ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	clearInLease = `
UPDATE automation_leases
SET run_no = NULL, run_id = NULL, run_event_no = NULL, run_created_at = NULL, run_place_no = NULL, run_due_at = NULL, run_state = NULL,
	run_listen_no = NULL, run_event_age = NULL, run_event_payload = NULL, run_event_more = NULL
WHERE owner = ?`
	deleteActive = `DELETE FROM automation_active_runs WHERE no = ?`
	deleteEnded  = `DELETE FROM automation_ended_runs WHERE no = ?`
)

// change writes a run that exists, into the table to which it belongs now.
func (c *committer) change(ctx context.Context, w *transitionWrite, change *automation.RunChange, current *currentRun, r *runRow) error {
	at, err := c.placeNumber(ctx, current.place.of(change))
	if err != nil {
		return err
	}
	c.tally.Move(&current.placeNo, &at)
	if r.table == inLeaseRuns && current.table != inLeaseRuns {
		if entered, err := c.enterLease(ctx, w, change, current, r, at); err != nil || entered {
			return err
		}
		r.table = activeRuns
	}
	values := append(args(at), r.columns(change)...)
	if r.table == current.table {
		query := [...]string{inLeaseRuns: updateInLease, activeRuns: updateActive, endedRuns: updateEnded}[r.table]
		_, err = c.tx.exec(ctx, query, append(values, current.key(w.owner))...)
		return err
	}
	query := [...]string{inLeaseRuns: clearInLease, activeRuns: deleteActive, endedRuns: deleteEnded}[current.table]
	if current.table != inLeaseRuns || !w.t.Release { // else it was deleted with the lease
		if _, err := c.tx.exec(ctx, query, current.key(w.owner)); err != nil {
			return err
		}
	}
	query = [...]string{activeRuns: insertActive, endedRuns: insertEnded}[r.table]
	row := append(args(current.no, w.owner, current.id.column(), current.eventNo, current.created), current.event.columns()...)
	_, err = c.tx.exec(ctx, query, append(row, values...)...)
	return err
}

// key returns the primary key of the run's row.
func (r *currentRun) key(owner any) any {
	if r.table == inLeaseRuns {
		return owner
	}
	return r.no
}
