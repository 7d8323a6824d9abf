package main

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// River keeps three jobs of a complete run. They are written by hand, because River would need hours to
// perform them.
const (
	riverEndedColumns = `
INSERT INTO river_job (args, kind, state, attempt, max_attempts, created_at, scheduled_at, attempted_at, finalized_at)`
	riverEndedPgx = riverEndedColumns + `
SELECT jsonb_build_object('contact', i % $3::int, 'plan', 'pro'), kind, 'completed', 1, 25, $4, $4, $4, $4
FROM generate_series($1::int, $2::int - 1) AS i, unnest('{condition,update,email}'::text[]) AS kind`
	riverEndedSQLite = `WITH RECURSIVE r (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM r WHERE i < ?2 - 1)` + riverEndedColumns + `
SELECT jsonb(json_object('contact', i % ?3, 'plan', 'pro')), kind, 'completed', 1, 25, ?4, ?4, ?4, ?4
FROM r, (SELECT 'condition' AS kind UNION ALL SELECT 'update' UNION ALL SELECT 'email')`
)

// riverJobs is how many jobs a complete run has.
const riverJobs = 3

// Grow implements grower.
func (e *riverEngine) Grow(ctx context.Context, from, to, contacts int, ago time.Duration) error {
	for at := from; at < to; at += riverGrowing {
		if err := e.end(ctx, at, min(at+riverGrowing, to), contacts, time.Now().Add(-ago)); err != nil {
			return err
		}
	}
	return nil
}

// riverGrowing is how many runs are written with a statement.
const riverGrowing = 100_000

// ListEnded implements grower.
func (e *riverEngine) ListEnded(ctx context.Context) (int, error) {
	return e.list(ctx, river.NewJobListParams().States(rivertype.JobStateCompleted))
}

// riverDeleted is how many jobs one call deletes, as many as a River client deletes by itself at a time.
const riverDeleted = 10_000

// Prune implements pruner. A River client deletes old jobs by itself, every 30 seconds.
func (e *riverEngine) Prune(ctx context.Context, age time.Duration) (int, error) {
	old := river.NewJobDeleteManyParams().States(rivertype.JobStateCompleted).First(riverDeleted).
		Where("finalized_at < @before", river.NamedArgs{"before": riverMoment(time.Now().Add(-age))})
	for jobs := 0; ; {
		deleted, err := e.client.JobDeleteMany(ctx, old)
		if err != nil {
			return jobs / riverJobs, err
		}
		if len(deleted.Jobs) == 0 {
			return jobs / riverJobs, nil
		}
		jobs += len(deleted.Jobs)
	}
}

// riverMoment writes a time as River writes it on SQLite. Postgres reads it, too.
func riverMoment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }
