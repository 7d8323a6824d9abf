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
// The rows before the first work are kept, and read again to find the first lease to expire.
const nextDue = `
WITH waiting AS MATERIALIZED (
	SELECT p.accepted_at AS due, l.until, row_number() OVER (ORDER BY p.accepted_at) AS place
	FROM automation.pending p LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[p.owner])
), sleeping AS MATERIALIZED (
	SELECT r.due_at AS due, l.until, row_number() OVER (ORDER BY r.due_at) AS place
	FROM automation.active_runs r LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[r.owner])
	WHERE r.due_at IS NOT NULL
), event AS MATERIALIZED (
	SELECT due, place FROM waiting WHERE until IS NULL OR until <= due LIMIT 1
), run AS MATERIALIZED (
	SELECT due, place FROM sleeping WHERE until IS NULL OR until <= due LIMIT 1
)
SELECT least(
	(SELECT due FROM event), (SELECT due FROM run),
	(SELECT min(until) FROM (SELECT until FROM waiting LIMIT (SELECT place - 1 FROM event)) l),
	(SELECT min(until) FROM (SELECT until FROM sleeping LIMIT (SELECT place - 1 FROM run)) l),
	(SELECT min(until) FROM automation.leases WHERE ` + begun + `)
)`

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
