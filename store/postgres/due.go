package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// nextDue finds the first work whose contact has no lease when the work is due, and the
// first lease to expire among those of contacts with earlier work. It relies on
// pending_accepted and active_runs_due, both of which it reads in order up to that first
// work, and on the primary key of leases, which it also reads from end to end (see begun).
//
// It reads the rows before the first work twice. Numbered rows could be kept, and read once, but
// the planner does not know that few of them are wanted: of many runs it would sort all.
const nextDue = `
WITH free AS MATERIALIZED (
	SELECT least((
		SELECT p.accepted_at FROM automation.pending p LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[p.owner])
		WHERE l.owner IS NULL OR l.until <= p.accepted_at ORDER BY p.accepted_at LIMIT 1
	), (
		SELECT r.due_at FROM automation.active_runs r LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[r.owner])
		WHERE r.due_at IS NOT NULL AND (l.owner IS NULL OR l.until <= r.due_at) ORDER BY r.due_at LIMIT 1
	)) AS at
)
SELECT least(free.at, (
	SELECT min(l.until) FROM automation.pending p JOIN automation.leases l ON l.owner = ANY (ARRAY[p.owner])
	WHERE p.accepted_at < coalesce(free.at, 'infinity') AND l.until > p.accepted_at
), (
	SELECT min(l.until) FROM automation.active_runs r JOIN automation.leases l ON l.owner = ANY (ARRAY[r.owner])
	WHERE r.due_at < coalesce(free.at, 'infinity') AND l.until > r.due_at
), (
	SELECT min(until) FROM automation.leases WHERE ` + begun + `
)) FROM free`

// NextDue implements automation.WorkStore.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	if err := s.ready(ctx); err != nil {
		return time.Time{}, err
	}
	var at pgtype.Timestamptz
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&at) }, nextDue)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return time.Time{}, fmt.Errorf("postgres store: next due: %w", err)
	}
	return timeOf(at), nil
}
