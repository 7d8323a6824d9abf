package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// An in-lease run lives in the row of the lease under which it was started, or has woken. The
// commit that starts the run writes this row in any case, and most runs end so soon that a row
// in a table with indexes would not be worth its cost. The store parks an in-lease run,
// which means that it moves the run to the active runs, when the run sleeps, when a
// request about it is recorded, and when its lease is lost.
//
// The view of these runs is named automation_begun_runs.

// startInLease also extends the lease. It changes nothing if the run exists, or if the
// lease has a run. It relies on the primary key of leases, and the unique indexes on the
// ids of runs.
const startInLease = `
UPDATE automation_leases
SET run_no = ?1, run_id = ?3, run_event_no = ?4, run_created_at = ?5,
	run_event_age = ?6, run_event_payload = ?7, run_event_more = ?8,
	run_place_no = ?9, run_due_at = ?10, run_state = ?11, run_listen_no = ?12, until = ?13
WHERE owner = ?2 AND fence = ?14 AND run_no IS NULL
	AND NOT EXISTS (SELECT 1 FROM automation_active_runs WHERE id = ?3)
	AND NOT EXISTS (SELECT 1 FROM automation_ended_runs WHERE id = ?3)`

// startInLease extends the lease and writes a new run into its row, if one of the
// transition's new runs fits there. It reports false if it has written nothing.
func (c *committer) startInLease(ctx context.Context, w *transitionWrite) (bool, error) {
	for i := range w.t.Runs {
		change := &w.t.Runs[i]
		r := newRunRow(w, change, automation.RequestNone)
		if w.runs[i].no != 0 || r.table != inLeaseRuns {
			continue
		}
		values, at, err := c.newRunValues(ctx, w, i, &r)
		if err != nil {
			return false, err
		}
		n, err := changed(ctx, c.tx, startInLease, append(values, w.t.Extend.UnixMicro(), w.t.Token)...)
		if err != nil || n == 0 {
			return false, err
		}
		c.noteStarted(at)
		w.inLease = i
		return true, nil
	}
	return false, nil
}

// enterLease changes nothing if the lease has a run. It relies on the primary key of leases.
const enterLease = `
UPDATE automation_leases
SET run_no = ?, run_id = ?, run_event_no = ?, run_created_at = ?,
	run_event_age = ?, run_event_payload = ?, run_event_more = ?, run_place_no = ?, run_due_at = ?, run_state = ?, run_listen_no = ?
WHERE owner = ? AND run_no IS NULL`

// enterLease moves an active run into the row of the lease, because the run has woken and goes
// on at once. Each change of an active run would write a page of the table and pages of its
// indexes, which are others for each run. This way they are written once, until the run sleeps
// again. It reports false if the lease has a run.
func (c *committer) enterLease(
	ctx context.Context, w *transitionWrite, change *automation.RunChange, current *currentRun, r *runRow, at int64,
) (bool, error) {
	if current.table != activeRuns {
		return false, nil
	}
	values := append(args(current.no, current.id.column(), current.eventNo, current.created), current.event.columns()...)
	values = append(append(values, at), r.columns(change)...)
	n, err := changed(ctx, c.tx, enterLease, append(values, w.owner)...)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = c.tx.exec(ctx, deleteActive, current.no)
	return true, err
}

const (
	// parkInLease relies on the primary key of leases.
	parkInLease = `INSERT INTO automation_active_runs ` + activeValues + `
SELECT no, owner, id, event_no, created_at, event_age, event_payload, event_more, place_no, due_at, state, 0, 0, NULL, NULL, listen_no FROM automation_begun_runs WHERE owner = ?`
	// inLeaseOwners scans the leases, of which there are as many as contacts with work in
	// progress.
	inLeaseOwners = `
SELECT b.owner FROM automation_begun_runs b CROSS JOIN automation_places p ON p.no = b.place_no WHERE p.automation_no = ?`
)

// park moves the in-lease run of a contact to the active runs. The holder of the lease
// finds it there.
func (tx *transaction) park(ctx context.Context, owner any) error {
	n, err := changed(ctx, tx, parkInLease, owner)
	if err == nil && n > 0 {
		_, err = tx.exec(ctx, clearInLease, owner)
	}
	return failed("park runs", err)
}

// parkAll moves the in-lease runs of an automation to the active runs.
func (tx *transaction) parkAll(ctx context.Context, automationNo int64) error {
	owners, err := all(ctx, tx, scanKey, inLeaseOwners, automationNo)
	if err != nil {
		return failed("park runs", err)
	}
	for _, owner := range owners {
		if err := tx.park(ctx, owner.column()); err != nil {
			return err
		}
	}
	return nil
}
