package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
)

// stats measures the work in one snapshot. Its counts end after $2 rows: they rely on
// pending_accepted and active_runs_due, which they read in order. The oldest due work is
// found as by leaseDue. The last subquery looks up the work of each leased contact, and
// relies on pending_pkey and active_runs_owner. "+ interval '0'" rules out the indexes by
// time, which would be read from their beginning, and OFFSET 0 keeps the server from looking
// up the work once for each aggregate.
const stats = `
SELECT
	(SELECT count(*) FROM (SELECT FROM automation.pending WHERE accepted_at <= $1::timestamptz ORDER BY accepted_at LIMIT $2::int) p),
	(SELECT count(*) FROM (SELECT FROM automation.active_runs WHERE due_at <= $1::timestamptz ORDER BY due_at LIMIT $2::int) r)
		+ (SELECT count(*) FROM automation.leases WHERE ` + begun + ` AND run_due_at <= $1::timestamptz),
	(SELECT count(*) FROM (
		SELECT setbacks FROM automation.active_runs WHERE due_at <= $3::timestamptz ORDER BY due_at LIMIT $2::int) r WHERE setbacks > 0),
	least((
		SELECT p.accepted_at FROM automation.pending p LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[p.owner])
		WHERE p.accepted_at <= $1::timestamptz AND (l.owner IS NULL OR l.until <= $1::timestamptz) ORDER BY p.accepted_at LIMIT 1
	), (
		SELECT r.due_at FROM automation.active_runs r LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[r.owner])
		WHERE r.due_at <= $1::timestamptz AND (l.owner IS NULL OR l.until <= $1::timestamptz) ORDER BY r.due_at LIMIT 1
	), (
		SELECT min(run_due_at) FROM automation.leases WHERE ` + begun + ` AND run_due_at <= $1::timestamptz AND until <= $1::timestamptz
	)),
	l.valid, l.expired, l.oldest
FROM (
	SELECT count(*) FILTER (WHERE until > $1::timestamptz) AS valid,
		count(*) FILTER (WHERE until <= $1::timestamptz AND due <= $1::timestamptz) AS expired,
		min(due) FILTER (WHERE until > $1::timestamptz AND due <= $1::timestamptz) AS oldest
	FROM (
		SELECT l.until, least(l.run_due_at,
			(SELECT min(p.accepted_at + interval '0') FROM automation.pending p WHERE p.owner = l.owner),
			(SELECT min(r.due_at + interval '0') FROM automation.active_runs r WHERE r.owner = l.owner)) AS due
		FROM (SELECT owner, until, run_due_at FROM automation.leases ORDER BY owner LIMIT $2::int) l OFFSET 0
	) l
) l`

// Stats implements automation.StatsReader.
func (s *Store) Stats(ctx context.Context, p automation.StatsParams) (automation.StoreStats, error) {
	var st automation.StoreStats
	if err := s.ready(ctx); err != nil {
		return st, err
	}
	var oldestDue, oldestLeased pgtype.Timestamptz
	var sc script
	sc.query(func(scan scanFunc) error {
		return scan(&st.PendingEvents, &st.DueRuns, &st.SetAside, &oldestDue, &st.Leases, &st.ExpiredLeases, &oldestLeased)
	}, stats, p.Now, p.Limit, p.SetAsideUntil)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return automation.StoreStats{}, fmt.Errorf("postgres store: stats: %w", err)
	}
	st.DueRuns = min(st.DueRuns, p.Limit)
	st.OldestDue, st.OldestLeased = timeOf(oldestDue), timeOf(oldestLeased)
	return st, nil
}
