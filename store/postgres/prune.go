package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Prune implements automation.Pruner.
func (s *Store) Prune(ctx context.Context, p automation.PruneParams) (automation.PruneResult, error) {
	var res automation.PruneResult
	if err := s.ready(ctx); err != nil {
		return res, err
	}
	for _, part := range []func(context.Context, automation.PruneParams, *automation.PruneResult) error{
		s.pruneRuns, s.pruneLooseEvents, s.pruneKeys, s.pruneBulks, s.pruneEntries, s.pruneLeases, s.pruneVersions,
	} {
		if err := part(ctx, p, &res); err != nil {
			return res, fmt.Errorf("postgres store: prune: %w", err)
		}
	}
	return res, nil
}

const (
	// pruneLock lets one process at a time remove runs. If two processes removed the last
	// two runs of an event at once, neither would see that the event can be removed.
	pruneLock = `SELECT pg_advisory_xact_lock(hashtextextended('automation.ended_runs', 0))`

	// deleteEnded relies on ended_runs_completed.
	deleteEnded = `
DELETE FROM automation.ended_runs WHERE id = ANY (ARRAY(
	SELECT r.id FROM (
		SELECT DISTINCT p.no FROM automation.places p JOIN automation.run_counts c ON c.place_no = p.no WHERE p.status <> 0 AND c.n <> 0
	) p CROSS JOIN LATERAL (
		SELECT r.id FROM automation.ended_runs r
		WHERE r.place_no = p.no AND r.completed_at < $1::timestamptz
		ORDER BY r.completed_at LIMIT $2::int FOR UPDATE SKIP LOCKED
	) r LIMIT $2::int))
RETURNING id, place_no, event_id, event_at IS NOT NULL`

	// deleteEvents relies on the primary keys of events, leases and decisions, and on
	// the indexes of both tables of runs by owner.
	deleteEvents = `
WITH gone AS (
DELETE FROM automation.events e WHERE e.id = ANY ($1::uuid[])
	AND NOT EXISTS (SELECT FROM automation.ended_runs r WHERE r.owner = e.owner AND r.event_id = e.id)
	AND NOT EXISTS (SELECT FROM automation.active_runs r WHERE r.owner = e.owner AND r.event_id = e.id)
	AND NOT EXISTS (SELECT FROM automation.leases l WHERE l.owner = e.owner AND l.run_event_id = e.id)
RETURNING e.id
), undecided AS (
	DELETE FROM automation.decisions d USING gone WHERE d.event_id = ANY (ARRAY[gone.id])
)
SELECT id FROM gone`

	deleteDecisions = `DELETE FROM automation.decisions WHERE event_id = ANY ($1::uuid[])`
)

// pruneRuns removes runs, and the events that have started no other run.
func (s *Store) pruneRuns(ctx context.Context, p automation.PruneParams, res *automation.PruneResult) error {
	err := s.transact(ctx, func(tx *transaction) error {
		*res = automation.PruneResult{}
		tally, seen := record.Tally[int32]{}, map[string]bool{}
		var runs, events, undecided uuids
		var sc script
		sc.exec(pruneLock)
		sc.query(func(scan scanFunc) error {
			var place int32
			var run string
			var event pgtype.Text
			var hasEvent bool
			err := scan(&run, &place, &event, &hasEvent)
			tally.Move(&place, nil)
			if id := event.String; id != "" && !seen[id] {
				seen[id] = true
				events = append(events, uuidOf(id))
			}
			if hasEvent {
				res.Events++
				undecided = append(undecided, uuidOf(uuid.Twin(run)))
			}
			runs = append(runs, uuidOf(run))
			res.Runs++
			return err
		}, deleteEnded, p.Before, p.Limit)
		if err := tx.run(ctx, sc); err != nil || res.Runs == 0 {
			return err
		}
		sc = nil
		sc.exec(deleteOutputs, runs)
		sc.exec(deleteDecisions, undecided)
		sc.query(func(scan scanFunc) error {
			res.Events++
			return scan(new(string))
		}, deleteEvents, events)
		count(&sc, int16(rand.IntN(slots)), tally)
		return tx.commit(ctx, sc)
	})
	if err != nil {
		*res = automation.PruneResult{}
	}
	return err
}

// deleteLoose relies on the primary key of loose_events and on loose_events_event.
const deleteLoose = `
WITH old AS MATERIALIZED (
	SELECT handled_at, event_id FROM automation.loose_events
	WHERE handled_at < $1::timestamptz ORDER BY handled_at, event_id LIMIT $2::int FOR UPDATE SKIP LOCKED
)
DELETE FROM automation.loose_events e USING old
WHERE e.handled_at = ANY (ARRAY[old.handled_at]) AND e.event_id = ANY (ARRAY[old.event_id])
RETURNING e.event_id`

// pruneLooseEvents removes events that started no run when they were handled. An event
// that started one before that stays, and is removed with its run.
func (s *Store) pruneLooseEvents(ctx context.Context, p automation.PruneParams, res *automation.PruneResult) error {
	for res.Events < p.Limit {
		limit := p.Limit - res.Events
		found, removed := 0, 0
		err := s.transact(ctx, func(tx *transaction) (err error) {
			found, removed, err = s.pruneLoose(ctx, tx, p.Before, limit)
			return err
		})
		res.Events += removed
		if err != nil || found < limit {
			return err
		}
	}
	return nil
}

// pruneLoose returns how many events it found, and how many of them it removed.
func (s *Store) pruneLoose(ctx context.Context, tx *transaction, before time.Time, limit int) (found, removed int, err error) {
	var events uuids
	var sc script
	sc.query(func(scan scanFunc) error {
		var id string
		err := scan(&id)
		events = append(events, uuidOf(id))
		return err
	}, deleteLoose, before, limit)
	if err := tx.run(ctx, sc); err != nil || len(events) == 0 {
		return 0, 0, err
	}
	sc = nil
	sc.query(func(scan scanFunc) error {
		removed++
		return scan(new(string))
	}, deleteEvents, events)
	if err := tx.commit(ctx, sc); err != nil {
		return 0, 0, err
	}
	return len(events), removed, nil
}

// deleteExpiredKeys relies on idempotency_keys_expiry.
const deleteExpiredKeys = `
WITH old AS MATERIALIZED (
	SELECT name, key FROM automation.idempotency_keys
	WHERE expires_at <= $1::timestamptz ORDER BY expires_at LIMIT $2::int FOR UPDATE SKIP LOCKED
), gone AS (
	DELETE FROM automation.idempotency_keys k USING old
	WHERE k.name = ANY (ARRAY[old.name]) AND k.key = ANY (ARRAY[old.key])
	RETURNING 1
)
SELECT count(*)::int FROM gone`

// keyPruneBatch is how many expired keys one statement removes. The caller's limit does
// not apply to keys.
const keyPruneBatch = 1000

func (s *Store) pruneKeys(ctx context.Context, p automation.PruneParams, _ *automation.PruneResult) error {
	for n := keyPruneBatch; n == keyPruneBatch; {
		var sc script
		sc.query(func(scan scanFunc) error { return scan(&n) }, deleteExpiredKeys, p.Now, keyPruneBatch)
		if err := (implicit{s}).run(ctx, sc); err != nil {
			return err
		}
	}
	return nil
}

// abandonedAfter is how long ago a lease must have expired before it is removed, because
// its holder may still be about to commit.
const abandonedAfter = time.Hour

// deleteLeases reads all leases, of which there are as many as contacts with work in
// progress. It leaves those of contacts with work, which claims take over.
const deleteLeases = `
DELETE FROM automation.leases l WHERE l.until <= $1::timestamptz AND l.run_id IS NULL
	AND NOT EXISTS (SELECT FROM automation.pending p WHERE p.owner = l.owner)
	AND NOT EXISTS (SELECT FROM automation.active_runs r WHERE r.owner = l.owner AND r.due_at IS NOT NULL)`

func (s *Store) pruneLeases(ctx context.Context, p automation.PruneParams, _ *automation.PruneResult) error {
	var sc script
	sc.exec(deleteLeases, p.Now.Add(-abandonedAfter))
	return implicit{s}.run(ctx, sc)
}

// All of these read tables that are small, because there are few automations. No
// transaction can start a run of an automation that is locked. The first parameter of
// unused is how many of the newest versions stay.
const (
	lockUnused = `
SELECT a.no FROM automation.automations a WHERE EXISTS (
	SELECT FROM automation.versions v WHERE v.automation_no = a.no AND ` + unused + `)
ORDER BY a.no FOR NO KEY UPDATE`

	deleteVersions = `
DELETE FROM automation.versions v USING automation.automations a
WHERE a.no = ANY ($2::bigint[]) AND v.automation_no = a.no AND ` + unused

	unused = `(v.version <= a.version - $1::int OR a.deleted_at IS NOT NULL) AND coalesce((
		SELECT sum(c.n) FROM automation.places p JOIN automation.run_counts c ON c.place_no = p.no WHERE p.automation_id = a.id AND p.version = v.version), 0) = 0`

	deleteCounts = `
DELETE FROM automation.run_counts c USING automation.places p, automation.automations a
WHERE a.no = ANY ($1::bigint[]) AND p.automation_id = a.id AND c.place_no = p.no
	AND NOT EXISTS (SELECT FROM automation.versions v WHERE v.automation_no = a.no AND v.version = p.version)
	AND (SELECT sum(o.n) FROM automation.places q JOIN automation.run_counts o ON o.place_no = q.no WHERE q.automation_id = a.id AND q.version = p.version) = 0`
)

// pruneVersions removes versions that no run uses and that are not among the newest ones of
// an automation, and the counters of their runs. Runs that were projected may be of a version
// that is not kept, and their counters stay.
func (s *Store) pruneVersions(ctx context.Context, _ automation.PruneParams, _ *automation.PruneResult) error {
	return s.transact(ctx, func(tx *transaction) error {
		var nos []int64
		var sc script
		sc.query(func(scan scanFunc) error {
			var no int64
			err := scan(&no)
			nos = append(nos, no)
			return err
		}, lockUnused, automation.KeptVersions)
		if err := tx.run(ctx, sc); err != nil || len(nos) == 0 {
			return err
		}
		sc = nil
		sc.exec(deleteVersions, automation.KeptVersions, nos)
		sc.exec(deleteCounts, nos)
		return tx.commit(ctx, sc)
	})
}
