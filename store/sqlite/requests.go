package sqlite

import (
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// recordRequest relies on the primary key. The scalar min of NULL is NULL.
const recordRequest = `
UPDATE automation_active_runs SET control = ?1, due_at = min(coalesce(due_at, ?2), ?2) WHERE no = ?3`

// RecordRunRequest implements automation.WorkStore.
func (s *Store) RecordRunRequest(ctx context.Context, id string, request automation.RunRequest, now time.Time) (before automation.RunRecord, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *transaction) error {
		if err := checkEngine(ctx, tx, ""); err != nil {
			return err
		}
		run, err := findStoredRun(ctx, tx, id)
		if err != nil {
			return err
		}
		before = run.RunRecord
		if accepted, err := request.Accepts(&before); err != nil || !accepted {
			return err
		}
		if err := tx.activate(ctx, &run); err != nil {
			return err
		}
		_, err = tx.exec(ctx, recordRequest, record.RequestCode(request), now.UnixMicro(), run.no)
		return failed("record run request", err)
	})
	return before, err
}

// activate moves a run to the active ones, which alone have a column for requests.
func (tx *transaction) activate(ctx context.Context, run *storedRun) error {
	switch run.table {
	case inLeaseRuns:
		return tx.park(ctx, run.owner.column())
	case endedRuns:
		return tx.reopen(ctx, run.no)
	default:
		return nil
	}
}

const (
	// isRunning relies on the primary keys.
	isRunning = `(SELECT p.status FROM automation_places p WHERE p.no = place_no) = 0`
	// cancelOwner relies on automation_active_runs_owner.
	cancelOwner = `
UPDATE automation_active_runs SET control = 1, due_at = min(coalesce(due_at, ?1), ?1) WHERE owner = ?2 AND ` + isRunning
)

// cancelOwner records a cancel for the running runs of a contact.
func (tx *transaction) cancelOwner(ctx context.Context, ref automation.ContactRef, now time.Time) error {
	owner := ownerKey(ref).column()
	if err := tx.park(ctx, owner); err != nil {
		return err
	}
	_, err := tx.exec(ctx, cancelOwner, now.UnixMicro(), owner)
	return failed("cancel runs", err)
}

// CancelRuns implements automation.WorkStore.
func (s *Store) CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error) {
	if err := s.read(ctx, func(q session) error { return checkEngine(ctx, q, "") }); err != nil {
		return 0, err
	}
	check := func(ctx context.Context, tx *transaction) error { return checkEngine(ctx, tx, "") }
	return s.cancelAll(ctx, automationID, now, check, func(context.Context, *transaction, int64) error { return nil })
}

// cancelBatch is how many cancels are recorded in one transaction, so that other calls
// that write do not wait for all of them.
const cancelBatch = 1000

// These rely on the unique index of places and automation_active_runs_place.
const (
	selectRunning = `
SELECT r.no FROM automation_places p
CROSS JOIN automation_active_runs r INDEXED BY automation_active_runs_place ON r.place_no = p.no
WHERE p.automation_no = ? AND p.status = 0`
	selectUnasked = selectRunning + ` AND r.control <> 1`
	cancelRun     = `
UPDATE automation_active_runs SET control = 1, due_at = min(coalesce(due_at, ?1), ?1) WHERE no = ?2 AND ` + isRunning
	countRunning = `SELECT coalesce(sum(n), 0) FROM automation_places WHERE automation_no = ? AND status = 0`
)

// cancelAll records a cancel for all running runs of an automation and returns how many
// there are. If there are many it records most of the cancels in batches beforehand. It
// records the rest in one transaction with what last writes, unless check refuses that. If
// the call fails before that transaction, it can be repeated.
func (s *Store) cancelAll(ctx context.Context, id string, now time.Time, check func(ctx context.Context, tx *transaction) error, last func(ctx context.Context, tx *transaction, no int64) error) (n int, err error) {
	if err := s.cancelMost(ctx, id, now); err != nil {
		return 0, err
	}
	err = s.write(ctx, func(ctx context.Context, tx *transaction) error {
		if err := check(ctx, tx); err != nil {
			return err
		}
		a, err := findStoredAutomation(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := tx.parkAll(ctx, a.no); err != nil {
			return err
		}
		rest, err := all(ctx, tx, scanInt, selectUnasked, a.no)
		if err != nil {
			return failed("cancel runs", err)
		}
		if err := tx.cancel(ctx, rest, now); err != nil {
			return err
		}
		if _, err := first(ctx, tx, countRunning, args(a.no), &n); err != nil {
			return failed("cancel runs", err)
		}
		return last(ctx, tx, a.no)
	})
	return n, err
}

// cancelMost records a cancel for the running runs of an automation, in batches, if
// there are more of them than a batch.
func (s *Store) cancelMost(ctx context.Context, id string, now time.Time) error {
	var running []int64
	err := s.read(ctx, func(q session) error {
		a, err := findStoredAutomation(ctx, q, id)
		if err != nil {
			return err
		}
		running, err = all(ctx, q, scanInt, selectRunning, a.no)
		return failed("cancel runs", err)
	})
	if err != nil || len(running) <= cancelBatch {
		return err
	}
	for batch := range slices.Chunk(running, cancelBatch) {
		err := s.write(ctx, func(ctx context.Context, tx *transaction) error { return tx.cancel(ctx, batch, now) })
		if err != nil {
			return err
		}
	}
	return nil
}

// cancel records a cancel for those of the runs that are still running.
func (tx *transaction) cancel(ctx context.Context, running []int64, now time.Time) error {
	for _, no := range running {
		if _, err := tx.exec(ctx, cancelRun, now.UnixMicro(), no); err != nil {
			return failed("cancel runs", err)
		}
	}
	return nil
}

// reopenEnded relies on the primary key.
const reopenEnded = `
INSERT INTO automation_active_runs (no, owner, id, event_no, created_at, event_age, event_payload, event_more, place_no, due_at, state, control, setbacks, completed_at, error)
SELECT no, owner, id, event_no, created_at, event_age, event_payload, event_more, place_no, due_at, state, control, setbacks, completed_at, error
FROM automation_ended_runs WHERE no = ?`

// reopen moves an ended run back to the active ones.
func (tx *transaction) reopen(ctx context.Context, no int64) error {
	if _, err := tx.exec(ctx, reopenEnded, no); err != nil {
		return failed("reopen run", err)
	}
	_, err := tx.exec(ctx, deleteEnded, no)
	return failed("reopen run", err)
}
