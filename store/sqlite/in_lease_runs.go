package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// A run begins in the row of the lease under which it was started, which is written
// then in any case: most are over before they were worth a row in a table with
// indexes. It is parked among the active runs when it sleeps, when it is asked for
// something, and when the lease was lost.

// beginRun also extends the lease. It changes nothing if the run is known, or the lease
// has one. By the primary key of leases, and the unique indexes on the ids of runs and
// events.
const startInLease = `
UPDATE automation_leases
SET run_no = ?1, run_id = ?3, run_event_no = (SELECT no FROM automation_events WHERE id = ?4), run_created_at = ?5,
	run_place_no = ?6, run_due_at = ?7, run_state = ?8, until = ?9
WHERE owner = ?2 AND token = ?10 AND run_no IS NULL
	AND NOT EXISTS (SELECT 1 FROM automation_active_runs WHERE id = ?3)
	AND NOT EXISTS (SELECT 1 FROM automation_ended_runs WHERE id = ?3)`

// begin extends the lease and keeps a new run with it, if there is one that is about
// to do something. It reports false if nothing was written.
func (c *committer) startInLease(ctx context.Context, w *transitionWrite) (bool, error) {
	for i := range w.t.Runs {
		change := &w.t.Runs[i]
		r := newRunRow(w, change, automation.RequestNone)
		if w.runs[i].no != 0 || r.table != inLeaseRuns {
			continue
		}
		values, at, err := c.newRunValues(ctx, w, change, w.runs[i].place.automation, &r)
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

const (
	// By the primary key of leases.
	parkInLease = `INSERT INTO automation_active_runs ` + runValues + `
SELECT no, owner, id, event_no, created_at, place_no, due_at, state, 0, 0, NULL, NULL FROM automation_begun_runs WHERE owner = ?`
	// There are as many as are being worked on.
	inLeaseOwners = `
SELECT b.owner FROM automation_begun_runs b CROSS JOIN automation_places p ON p.no = b.place_no WHERE p.automation_no = ?`
)

// park moves the runs of a contact that have begun to the active ones. Whoever has
// the lease finds them there.
func (tx *transaction) park(ctx context.Context, owner any) error {
	n, err := changed(ctx, tx, parkInLease, owner)
	if err == nil && n > 0 {
		_, err = tx.exec(ctx, clearInLease, owner)
	}
	return failed("park runs", err)
}

// parkAll moves the runs of an automation that have begun to the active ones.
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
