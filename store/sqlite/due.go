package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// nextEvent and nextRun select when contacts without a lease have work. They rely on the
// same indexes as claims. The rows of leased contacts that they skip are work in
// progress.
const (
	nextEvent = `
SELECT p.accepted_at FROM automation_pending p
WHERE NOT EXISTS (SELECT 1 FROM automation_leases l WHERE l.owner = p.owner) ORDER BY p.accepted_at LIMIT 1`
	nextRun = `
SELECT r.due_at FROM automation_active_runs r
WHERE r.due_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM automation_leases l WHERE l.owner = r.owner) ORDER BY r.due_at LIMIT 1`
	// leasedWork selects when leases end and when the work of their contacts is due. The
	// lease that ends first comes first. It relies on the primary key of pending and
	// automation_active_runs_owner, for as many contacts as have work in progress.
	leasedWork = `
WITH leased AS MATERIALIZED (SELECT owner, until, run_due_at FROM automation_leases ORDER BY until)
SELECT l.until,
	(SELECT p.accepted_at FROM automation_pending p WHERE p.owner = l.owner ORDER BY p.accepted_at LIMIT 1),
	(SELECT min(r.due_at) FROM automation_active_runs r WHERE r.owner = l.owner),
	l.run_due_at
FROM leased l`
)

// NextDue implements automation.WorkStore. It reads in one transaction. Otherwise a
// contact whose lease is released between the queries would be in none of their
// results.
func (s *Store) NextDue(ctx context.Context) (next time.Time, err error) {
	err = s.read(ctx, func(session) error {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return failed("next due", err)
		}
		defer conn.Close()
		if _, err := conn.ExecContext(ctx, "BEGIN DEFERRED"); err != nil {
			return failed("next due", err)
		}
		defer conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		q, n := plain{conn}, soonest{}
		for _, query := range []string{nextEvent, nextRun} {
			at, found, err := one(ctx, q, scanInt, query)
			if err != nil {
				return failed("next due", err)
			}
			if found {
				n.add(at)
			}
		}
		if err := n.addLeased(ctx, q); err != nil {
			return failed("next due", err)
		}
		next = n.time()
		return nil
	})
	return next, err
}

// soonest is the earliest of the times that were added.
type soonest struct {
	known bool
	at    int64
}

func (n *soonest) add(at int64) {
	if !n.known || at < n.at {
		n.known, n.at = true, at
	}
}

func (n *soonest) time() time.Time {
	if !n.known {
		return time.Time{}
	}
	return time.UnixMicro(n.at).UTC()
}

// leased is a row of leasedWork.
type leased struct {
	until int64
	work  [3]sql.NullInt64 // when the first event, the first run and the in-lease run are due
}

func scanLeased(rows *sql.Rows) (l leased, err error) {
	err = rows.Scan(&l.until, &l.work[0], &l.work[1], &l.work[2])
	return l, err
}

// due returns when the first work of the contact is due.
func (l *leased) due() (first soonest) {
	for _, due := range l.work {
		if due.Valid {
			first.add(due.Int64)
		}
	}
	return first
}

// addLeased reads leases, the next to expire first, until no further one can be sooner.
func (n *soonest) addLeased(ctx context.Context, q session) error {
	rows, err := q.query(ctx, leasedWork)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		l, err := scanLeased(rows)
		if err != nil {
			return err
		}
		if n.known && l.until >= n.at {
			break
		}
		if due := l.due(); due.known {
			n.add(max(l.until, due.at))
		}
	}
	return rows.Err()
}
