package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Prune implements automation.Pruner.
func (s *Store) Prune(ctx context.Context, p automation.PruneParams) (res automation.PruneResult, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *transaction) error {
		r := pruner{tx: tx, params: p}
		if err := r.prune(ctx); err != nil {
			return failed("prune", err)
		}
		res = r.result
		return nil
	})
	if err != nil {
		return res, err
	}
	if err := s.pruneKeys(ctx, p.Now); err != nil {
		return res, err
	}
	return res, s.pruneEntries(ctx, p.Now)
}

// keyPruneBatch is how many expired keys are removed in one transaction.
const keyPruneBatch = 1000

// pruneKeys removes all keys that have expired. The limit of Prune is too low for them,
// because there are more expired keys than old runs.
func (s *Store) pruneKeys(ctx context.Context, now time.Time) (err error) {
	for n := keyPruneBatch; err == nil && n == keyPruneBatch; {
		err = s.write(ctx, func(ctx context.Context, tx *transaction) (err error) {
			n, err = changed(ctx, tx, deleteExpiredKeys, now.UnixMicro(), keyPruneBatch)
			return failed("prune", err)
		})
	}
	return err
}

// pruner removes old rows in one transaction.
type pruner struct {
	tx     *transaction
	params automation.PruneParams
	result automation.PruneResult
	events []int64 // the numbers of those that were removed
}

func (r *pruner) prune(ctx context.Context) error {
	if err := r.runs(ctx); err != nil {
		return err
	}
	if err := r.looseEvents(ctx); err != nil {
		return err
	}
	if err := r.decisions(ctx); err != nil {
		return err
	}
	for _, statement := range []struct {
		query string
		args  []any
	}{
		{deleteExpiredKeys, args(r.params.Now.UnixMicro(), r.params.Limit)},
		{deleteExpiredMarks, args(r.params.Now.UnixMicro())},
		{deleteExpiredBulks, args(r.params.Now.UnixMicro())},
		{deleteLeases, args(r.params.Now.UnixMicro(), r.params.Limit)},
		{deleteVersions, args(automation.KeptVersions)},
		{deletePlaces, nil},
	} {
		if _, err := r.tx.exec(ctx, statement.query, statement.args...); err != nil {
			return err
		}
	}
	return nil
}

// prunable is a run to remove, with its place and the event that started it.
type prunable struct {
	no      int64
	id      key
	outputs bool          // it has outputs beside its state
	event   sql.NullInt64 // its number, if the run does not hold it
	holds   bool
	placeNo int64
}

// prunableRuns relies on automation_ended_runs_completed and automation_run_outputs_run. It
// scans the places, of which there are few.
const prunableRuns = `
SELECT r.no, r.id, EXISTS (SELECT 1 FROM automation_run_outputs o WHERE o.run_id = r.id), r.event_no, r.event_age IS NOT NULL, r.place_no
FROM automation_places CROSS JOIN automation_ended_runs r ON r.place_no = automation_places.no
WHERE r.completed_at < ? LIMIT 0 + ?`

func scanPrunable(rows *sql.Rows) (r prunable, err error) {
	err = rows.Scan(&r.no, &r.id, &r.outputs, &r.event, &r.holds, &r.placeNo)
	return r, err
}

// runs removes runs, and the events that have started no other run.
func (r *pruner) runs(ctx context.Context) error {
	runs, err := all(ctx, r.tx, scanPrunable, prunableRuns, r.params.Before.UnixMicro(), r.params.Limit)
	if err != nil {
		return err
	}
	tally := record.Tally[int64]{}
	for i := range runs {
		if _, err := r.tx.exec(ctx, deleteEnded, runs[i].no); err != nil {
			return err
		}
		if runs[i].outputs {
			if _, err := r.tx.exec(ctx, deleteOutputs, runs[i].id.column()); err != nil {
				return err
			}
		}
		tally.Move(&runs[i].placeNo, nil)
		if runs[i].holds {
			r.result.Events++
		}
		if runs[i].event.Valid {
			if _, err := r.event(ctx, runs[i].event.Int64); err != nil {
				return err
			}
		}
	}
	r.result.Runs = len(runs)
	return r.tx.count(ctx, tally)
}

// deleteEvent relies on the primary keys, automation_active_runs_event and
// automation_ended_runs_event.
const deleteEvent = `
DELETE FROM automation_events WHERE no = ?1
	AND NOT EXISTS (SELECT 1 FROM automation_begun_runs b WHERE b.owner = automation_events.owner AND b.event_no = ?1)
	AND NOT EXISTS (SELECT 1 FROM automation_active_runs a WHERE a.event_no = ?1)
	AND NOT EXISTS (SELECT 1 FROM automation_ended_runs e WHERE e.event_no = ?1)`

// event removes an event, unless a run that it has started is kept.
func (r *pruner) event(ctx context.Context, no int64) (removed bool, err error) {
	n, err := changed(ctx, r.tx, deleteEvent, no)
	r.result.Events += n
	if n > 0 {
		r.events = append(r.events, no)
	}
	return n > 0, err
}

// decisions removes the decisions about the events that were removed.
func (r *pruner) decisions(ctx context.Context) error {
	if len(r.events) == 0 {
		return nil
	}
	numbers, err := json.Marshal(r.events)
	if err == nil {
		_, err = r.tx.exec(ctx, deleteDecisions, string(numbers))
	}
	return err
}

// These rely on the primary key.
const (
	oldLooseEvents = `
SELECT handled_at, event_no FROM automation_loose_events WHERE handled_at < ? ORDER BY handled_at, event_no LIMIT 0 + ?`
	deleteLooseEvent = `DELETE FROM automation_loose_events WHERE handled_at = ? AND event_no = ?`
)

func scanLooseEvent(rows *sql.Rows) (e [2]int64, err error) {
	err = rows.Scan(&e[0], &e[1])
	return e, err
}

// looseEvents removes events that started no run when they were handled. An event that
// started one at another time is removed with that run.
func (r *pruner) looseEvents(ctx context.Context) error {
	for r.result.Events < r.params.Limit {
		loose, err := all(ctx, r.tx, scanLooseEvent, oldLooseEvents, r.params.Before.UnixMicro(), r.params.Limit-r.result.Events)
		if err != nil || len(loose) == 0 {
			return err
		}
		for _, e := range loose {
			if _, err := r.tx.exec(ctx, deleteLooseEvent, e[0], e[1]); err != nil {
				return err
			}
			if _, err := r.event(ctx, e[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	// deleteExpiredKeys relies on automation_idempotency_keys_expiry.
	deleteExpiredKeys = `
DELETE FROM automation_idempotency_keys WHERE (name, key) IN (
	SELECT name, key FROM automation_idempotency_keys WHERE expires_at <= ? LIMIT 0 + ?)`
	// deleteLeases scans the leases, of which there are as many as contacts with work in
	// progress. Its subqueries rely on the primary key of pending and on
	// automation_active_runs_owner.
	deleteLeases = `
DELETE FROM automation_leases WHERE owner IN (
	SELECT l.owner FROM automation_leases l WHERE l.until <= ? AND l.run_no IS NULL
		AND NOT EXISTS (SELECT 1 FROM automation_pending p WHERE p.owner = l.owner)
		AND NOT EXISTS (SELECT 1 FROM automation_active_runs r WHERE r.owner = l.owner AND r.due_at IS NOT NULL)
	LIMIT 0 + ?)`
	// deleteVersions and deletePlaces scan versions and places. People create versions, so
	// there are few of either.
	deleteVersions = `
DELETE FROM automation_versions WHERE NOT EXISTS (
	SELECT 1 FROM automation_automations a
	WHERE a.no = automation_versions.automation_no AND a.version < automation_versions.version + ? AND a.deleted_at IS NULL)
AND NOT EXISTS (
	SELECT 1 FROM automation_places
	WHERE automation_places.automation_no = automation_versions.automation_no AND automation_places.version = automation_versions.version AND n > 0)`
	deletePlaces = `DELETE FROM automation_places WHERE n = 0`
)
