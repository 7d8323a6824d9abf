package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// All of these rely on the primary keys of active_runs and ended_runs. A statement that locks a
// run does not read it: it may see the place of the run before the last commit.
const (
	lockActive   = `SELECT FROM automation.active_runs WHERE id = $1::uuid FOR UPDATE`
	lockEnded    = `SELECT FROM automation.ended_runs WHERE id = $1::uuid FOR UPDATE`
	lockedActive = foundActive + theRun
	lockedEnded  = `
SELECT ` + endedColumns + `, r.state, 0::smallint
FROM automation.ended_runs r` + joinPlace + ` WHERE ` + theRun

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
	for i, active := range []bool{true, false, true} {
		var sc script
		if i == 0 {
			sc.exec(parkRun, uuidOf(id))
		}
		if active {
			sc.exec(lockActive, uuidOf(id))
			sc.query(row, lockedActive, uuidOf(id))
		} else {
			sc.exec(lockEnded, uuidOf(id))
			sc.query(row, lockedEnded, uuidOf(id))
		}
		if err := tx.run(ctx, sc); err != nil || run != nil {
			return run, active, err
		}
	}
	return nil, false, nil
}

// cancelOwnedRuns relies on active_runs_owner. Under the leases of the owners no run changes its
// place.
const cancelOwnedRuns = `
UPDATE automation.active_runs r
SET control = CASE (SELECT p.status FROM automation.places p WHERE p.no = r.place_no) WHEN 0 THEN 1 ELSE r.control END, due_at = least(r.due_at, u.now)
FROM unnest($1::bytea[], $2::timestamptz[]) AS u (owner, now)
WHERE r.owner = ANY (ARRAY[u.owner])`

// cancelOwners records a cancel for the running runs of contacts, at a time for each
// contact.
func cancelOwners(sc *script, of owners, at []time.Time) {
	sc.exec(parkOwned, of)
	sc.exec(cancelOwnedRuns, of, at)
}

// cancelPage and cancelRest rely on active_runs_place, and those that find places on places_key.
// cancelPage skips the runs that a commit is about to write, so that neither waits for the other.
const (
	findRunningPlaces = `
SELECT p.no FROM automation.places p JOIN automation.run_counts c ON c.place_no = p.no
WHERE p.automation_id = $1::text AND p.status = 0 GROUP BY p.no HAVING sum(c.n) > 0`

	cancelPage = `
SELECT r.id, r.created_at FROM automation.active_runs r
WHERE r.place_no = $1::int AND r.control IS DISTINCT FROM 1 AND (r.created_at, r.id) > ($2::timestamptz, $3::uuid)
ORDER BY r.created_at, r.id LIMIT $4::int FOR UPDATE SKIP LOCKED`

	cancelIDs = `UPDATE automation.active_runs SET control = 1, due_at = least(due_at, $2::timestamptz) WHERE id = ANY ($1::uuid[])`

	// cancelRest waits for commits that move runs. Places that are new for it cannot be among
	// those, because it is executed after lockPlaces.
	cancelRest = `
UPDATE automation.active_runs SET control = 1, due_at = least(due_at, $2::timestamptz)
WHERE place_no = ANY (ARRAY(SELECT no FROM automation.places WHERE automation_id = $1::text AND status = 0)) AND control IS DISTINCT FROM 1`
)

// CancelRuns implements automation.WorkStore.
func (s *Store) CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	if err := checkEngine(ctx, implicit{s}, ""); err != nil {
		return 0, fmt.Errorf("postgres store: cancel runs of automation %q: %w", automationID, err)
	}
	runs, err := s.countRunning(ctx, automationID)
	if err != nil {
		return 0, err
	}
	if err = s.cancelMost(ctx, automationID, now); err == nil {
		err = s.cancelRest(ctx, automationID, now)
	}
	if err != nil {
		return 0, fmt.Errorf("postgres store: cancel runs of automation %q: %w", automationID, err)
	}
	return runs, nil
}

// cancelRest records a cancel for the runs that cancelMost has missed.
func (s *Store) cancelRest(ctx context.Context, automationID string, now time.Time) error {
	return s.transact(ctx, func(tx *transaction) error {
		if err := shareWithoutEngine(ctx, tx); err != nil {
			return err
		}
		var sc script
		sc.exec(lockPlaces)
		sc.exec(parkOfAutomation, automationID)
		sc.exec(cancelRest, automationID, now)
		s.notify(&sc)
		return tx.commit(ctx, sc)
	})
}

// cancelBatch is how many cancels are recorded in one transaction.
const cancelBatch = 1000

// listPosition is a position in active_runs_place.
type listPosition struct {
	placeNo int32
	created time.Time
	id      string
}

// cancelMost records a cancel for the running runs of an automation, in short
// transactions. It can miss runs that move meanwhile. parkOfAutomation and cancelRest
// find those.
func (s *Store) cancelMost(ctx context.Context, automationID string, now time.Time) error {
	var places []int32
	var sc script
	sc.exec(parkMostOfAutomation, automationID)
	sc.query(func(scan scanFunc) error {
		var no int32
		err := scan(&no)
		places = append(places, no)
		return err
	}, findRunningPlaces, automationID)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return err
	}
	for _, no := range places {
		if err := s.cancelAt(ctx, no, now); err != nil {
			return err
		}
	}
	return nil
}

// cancelAt records a cancel for the runs at a place.
func (s *Store) cancelAt(ctx context.Context, placeNo int32, now time.Time) error {
	from := listPosition{placeNo: placeNo}
	for {
		n := 0
		err := s.transact(ctx, func(tx *transaction) (err error) {
			n, err = s.cancelFrom(ctx, tx, now, &from)
			return err
		})
		if err != nil || n < cancelBatch {
			return err
		}
	}
}

// cancelFrom records a cancel for the runs after a position, and moves the position
// behind them.
func (s *Store) cancelFrom(ctx context.Context, tx *transaction, now time.Time, from *listPosition) (int, error) {
	next := *from
	var ids uuids
	var sc script
	sc.query(func(scan scanFunc) error {
		err := scan(&next.id, &next.created)
		ids = append(ids, uuidOf(next.id))
		return err
	}, cancelPage, from.placeNo, from.created, uuidOrLowest(from.id), cancelBatch)
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
