package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// All of these rely on the primary keys of active_runs and ended_runs.
const (
	lockActive = `
SELECT ` + activeColumns + `
FROM automation.active_runs r JOIN automation.automations a ON a.no = ANY (ARRAY[r.automation_no]) WHERE r.id = $1::uuid FOR UPDATE OF r`

	lockEnded = `
SELECT ` + endedColumns + `, r.state, 0::smallint
FROM automation.ended_runs r JOIN automation.automations a ON a.no = ANY (ARRAY[r.automation_no]) WHERE r.id = $1::uuid FOR UPDATE OF r`

	recordRequest = `UPDATE automation.active_runs SET control = $2::smallint, due_at = least(due_at, $3::timestamptz) WHERE id = $1::uuid`
)

// RecordRunRequest implements automation.WorkStore.
func (s *Store) RecordRunRequest(ctx context.Context, id string, request automation.RunRequest, now time.Time) (automation.RunRecord, error) {
	if err := s.ready(ctx); err != nil {
		return automation.RunRecord{}, err
	}
	var run *storedRun
	err := s.transact(ctx, func(tx *transaction) error {
		if err := shareWithoutEngine(ctx, tx); err != nil {
			return err
		}
		var active bool
		var err error
		if run, active, err = lockRun(ctx, tx, id); err != nil {
			return err
		}
		if run == nil {
			return record.NotFound("run", id)
		}
		if accepted, err := request.Accepts(&run.RunRecord); err != nil || !accepted {
			return err
		}
		var sc script
		if !active {
			sc.exec(reopenRuns, uuids{uuidOf(id)})
		}
		sc.exec(recordRequest, uuidOf(id), record.RequestCode(request), now)
		s.notify(&sc)
		return tx.commit(ctx, sc)
	})
	if run == nil {
		run = &storedRun{}
	}
	if err != nil {
		return run.RunRecord, fmt.Errorf("postgres store: record run request: %w", err)
	}
	return run.RunRecord, nil
}

// lockRun locks and returns a run, nil if it does not exist, and whether the run is
// among the active ones. It looks there a second time after the ended runs, in case
// another transaction has reopened the run in between.
func lockRun(ctx context.Context, tx *transaction, id string) (run *storedRun, active bool, err error) {
	row := func(scan scanFunc) error {
		r, err := scanActiveRun(scan)
		run = &r
		return err
	}
	for i, sql := range []string{lockActive, lockEnded, lockActive} {
		var sc script
		if i == 0 {
			sc.exec(parkRun, uuidOf(id))
		}
		sc.query(row, sql, uuidOf(id))
		if err := tx.run(ctx, sc); err != nil || run != nil {
			return run, sql == lockActive, err
		}
	}
	return nil, false, nil
}

// cancelOwnedRuns relies on active_runs_owner.
const cancelOwnedRuns = `
UPDATE automation.active_runs r
SET control = CASE r.status WHEN 0 THEN 1 ELSE r.control END, due_at = least(r.due_at, u.now)
FROM unnest($1::text[], $2::timestamptz[]) AS u (owner, now)
WHERE r.owner = ANY (ARRAY[u.owner])`

// cancelOwners records a cancel for the running runs of contacts, at a time for each
// contact.
func cancelOwners(sc *script, owners []string, at []time.Time) {
	sc.exec(parkOwned, owners)
	sc.exec(cancelOwnedRuns, owners, at)
}

// cancelPage and cancelRest rely on active_runs_place. cancelPage skips the runs that a
// commit is about to write, so that neither waits for the other.
const (
	cancelPage = `
SELECT r.id, r.version, r.step, r.created_at FROM automation.active_runs r
WHERE r.automation_no = $1::bigint AND r.status = 0 AND r.control <> 1
	AND (r.version, r.status, r.step, r.created_at, r.id) > ($2::int, 0::smallint, $3::text COLLATE "C", $4::timestamptz, $5::uuid)
ORDER BY r.version, r.status, r.step, r.created_at, r.id LIMIT $6::int FOR UPDATE SKIP LOCKED`

	cancelIDs = `UPDATE automation.active_runs SET control = 1, due_at = least(due_at, $2::timestamptz) WHERE id = ANY ($1::uuid[])`

	cancelRest = `
UPDATE automation.active_runs SET control = 1, due_at = least(due_at, $2::timestamptz)
WHERE automation_no = $1::bigint AND status = 0 AND control <> 1`
)

// CancelRuns implements automation.WorkStore.
func (s *Store) CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	if err := checkEngine(ctx, implicit{s}, ""); err != nil {
		return 0, fmt.Errorf("postgres store: cancel runs of automation %q: %w", automationID, err)
	}
	no, runs, err := s.countRunning(ctx, automationID)
	if err != nil {
		return 0, err
	}
	if err = s.cancelMost(ctx, no, now); err == nil {
		err = s.cancelRest(ctx, no, now)
	}
	if err != nil {
		return 0, fmt.Errorf("postgres store: cancel runs of automation %q: %w", automationID, err)
	}
	return runs, nil
}

// cancelRest records a cancel for the runs that cancelMost has missed.
func (s *Store) cancelRest(ctx context.Context, automationNo int64, now time.Time) error {
	return s.transact(ctx, func(tx *transaction) error {
		if err := shareWithoutEngine(ctx, tx); err != nil {
			return err
		}
		var sc script
		sc.exec(parkOfAutomation, automationNo)
		sc.exec(cancelRest, automationNo, now)
		s.notify(&sc)
		return tx.commit(ctx, sc)
	})
}

// cancelBatch is how many cancels are recorded in one transaction.
const cancelBatch = 1000

// listPosition is a position in active_runs_place.
type listPosition struct {
	version int
	step    string
	created time.Time
	id      string
}

// cancelMost records a cancel for the running runs of an automation, in short
// transactions. It can miss runs that move meanwhile. parkOfAutomation and cancelRest
// find those.
func (s *Store) cancelMost(ctx context.Context, automationNo int64, now time.Time) error {
	var from listPosition
	var sc script
	sc.exec(parkMostOfAutomation, automationNo)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return err
	}
	for {
		n := 0
		err := s.transact(ctx, func(tx *transaction) (err error) {
			n, err = s.cancelFrom(ctx, tx, automationNo, now, &from)
			return err
		})
		if err != nil || n < cancelBatch {
			return err
		}
	}
}

// cancelFrom records a cancel for the runs after a position, and moves the position
// behind them.
func (s *Store) cancelFrom(ctx context.Context, tx *transaction, automationNo int64, now time.Time, from *listPosition) (int, error) {
	next := *from
	var ids uuids
	var sc script
	sc.query(func(scan scanFunc) error {
		err := scan(&next.id, &next.version, &next.step, &next.created)
		ids = append(ids, uuidOf(next.id))
		return err
	}, cancelPage, automationNo, from.version, from.step, from.created, uuidOrLowest(from.id), cancelBatch)
	if err := tx.run(ctx, sc); err != nil {
		return 0, err
	}
	sc = nil
	sc.exec(cancelIDs, ids, now)
	err := tx.commit(ctx, sc)
	if err == nil {
		*from = next
	}
	return len(ids), err
}

// uuidOrLowest returns an id for a uuid column, the lowest UUID for "".
func uuidOrLowest(id string) pgtype.UUID {
	u := uuidOf(id)
	u.Valid = true
	return u
}
