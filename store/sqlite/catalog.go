package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the primary key.
const (
	findEngine    = `SELECT source FROM automation_projections WHERE source >= ?1 AND source < ?2 AND source <> ?3 LIMIT 1`
	insertEngine  = `INSERT OR IGNORE INTO automation_projections (source, sequence) VALUES (?, 1)`
	deleteSources = `DELETE FROM automation_projections WHERE source = ?1 OR source >= ?2 AND source < ?3`
)

// checkEngine fails if an engine other than the given one has the store.
func checkEngine(ctx context.Context, q session, engine string) error {
	var source string
	arguments := args(record.EngineSources, record.EngineSourcesEnd, record.EngineSource(engine))
	other, err := first(ctx, q, findEngine, arguments, &source)
	if other {
		return record.EngagedBy(record.EngineOf(source))
	}
	return failed("find engine", err)
}

// Engage implements automation.Catalog.
func (s *Store) Engage(ctx context.Context, engine string) error {
	if err := record.CheckEngine(engine); err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		if err := checkEngine(ctx, tx, engine); err != nil {
			return err
		}
		_, err := tx.exec(ctx, insertEngine, record.EngineSource(engine))
		return failed("engage", err)
	})
}

// Disengage implements automation.Catalog.
func (s *Store) Disengage(ctx context.Context, engine string) error {
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		if err := checkEngine(ctx, tx, engine); err != nil {
			return err
		}
		from, until := record.SourcesOf(engine)
		_, err := tx.exec(ctx, deleteSources, record.EngineSource(engine), from, until)
		return failed("disengage", err)
	})
}

// These rely on the primary keys of pending and leases, and on automation_active_runs_owner.
const (
	waitingEvents = `
SELECT owner, max(no) FROM automation_pending WHERE owner > ?1 GROUP BY owner ORDER BY owner LIMIT 0 + ?2`
	waitingWorking = `
SELECT owner, max(newest) FROM (
	SELECT owner, newest FROM (
		SELECT owner, max(no) AS newest FROM automation_pending WHERE owner > ?1 GROUP BY owner ORDER BY owner LIMIT 0 + ?2)
	UNION ALL SELECT owner, 0 FROM (SELECT DISTINCT owner FROM automation_active_runs WHERE owner > ?1 ORDER BY owner LIMIT 0 + ?2)
	UNION ALL SELECT owner, 0 FROM (SELECT owner FROM automation_leases WHERE owner > ?1 ORDER BY owner LIMIT 0 + ?2)
) GROUP BY owner ORDER BY owner LIMIT 0 + ?2`
)

// ListWaiting implements automation.Catalog.
func (s *Store) ListWaiting(ctx context.Context, q automation.WaitingQuery) (list []automation.WaitingContact, err error) {
	query, after := waitingEvents, key("")
	if q.Working {
		query = waitingWorking
	}
	if q.After != (automation.ContactRef{}) {
		after = ownerKey(q.After)
	}
	err = s.read(ctx, func(in session) error {
		list, err = all(ctx, in, scanWaiting, query, after.column(), q.Limit)
		return failed("list waiting", err)
	})
	return list, err
}

func scanWaiting(rows *sql.Rows) (w automation.WaitingContact, err error) {
	var owner key
	err = rows.Scan(&owner, &w.Newest)
	w.ContactRef = owner.ref()
	return w, err
}

const (
	// leasesOf and endExpired rely on the primary key of leases.
	leasesOf   = forKeys + `SELECT l.owner, l.until FROM keys CROSS JOIN automation_leases l ON l.owner = k`
	endExpired = `DELETE FROM automation_leases WHERE owner = ?1 AND until <= ?2`

	// takenRuns relies on automation_active_runs_owner.
	takenRuns = forKeys + claimColumns + `
FROM keys CROSS JOIN automation_active_runs r ON r.owner = k` + joinRun + `
ORDER BY r.created_at, r.no`
)

// TakeWork implements automation.Catalog. It takes the lock for writing only to end leases.
func (s *Store) TakeWork(ctx context.Context, p automation.TakeParams) (works []automation.Work, err error) {
	t := taker{params: p, works: map[key]*claimedWork{}}
	for _, ref := range p.Contacts {
		owner := ownerKey(ref)
		t.owners = append(t.owners, owner)
		t.works[owner] = &claimedWork{Work: automation.Work{Key: ref}}
	}
	if err := t.endLeases(ctx, s); err != nil {
		return nil, err
	}
	if err := s.read(ctx, func(q session) error { return failed("take work", t.read(ctx, q)) }); err != nil {
		return nil, err
	}
	for _, owner := range t.owners {
		if w := t.works[owner]; w.unreadable == nil {
			works = append(works, w.Work)
		}
	}
	return works, nil
}

// taker reads the work of contacts for an engine.
type taker struct {
	params automation.TakeParams
	owners []key // without those on which a lease is valid
	works  map[key]*claimedWork
}

// ownedUntil is when a lease ends.
type ownedUntil struct {
	owner key
	until timestamp
}

func scanOwnedUntil(rows *sql.Rows) (l ownedUntil, err error) {
	err = rows.Scan(&l.owner, &l.until)
	return l, err
}

// endLeases ends the leases that have expired, and leaves out the contacts with others.
func (t *taker) endLeases(ctx context.Context, s *Store) error {
	busy, expired, err := t.leases(ctx, pooled{s}, s)
	if err != nil {
		return err
	}
	if len(expired) > 0 {
		err := s.write(ctx, func(ctx context.Context, tx *transaction) error {
			for _, owner := range expired {
				if err := t.endLease(ctx, tx, owner); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if busy, _, err = t.leases(ctx, pooled{s}, s); err != nil { // one may have been extended meanwhile
			return err
		}
	}
	free := t.owners[:0]
	for _, owner := range t.owners {
		if !busy[owner] {
			free = append(free, owner)
		}
	}
	t.owners = free
	return nil
}

// leases returns the contacts with valid leases, and those with expired ones.
func (t *taker) leases(ctx context.Context, q session, s *Store) (busy map[key]bool, expired []key, err error) {
	busy = map[key]bool{}
	err = s.read(ctx, func(session) error {
		return failed("take work", lookup(ctx, q, scanOwnedUntil, leasesOf, t.owners, func(l ownedUntil) {
			if l.until.After(t.params.Now) {
				busy[l.owner] = true
			} else {
				expired = append(expired, l.owner)
			}
		}))
	})
	return busy, expired, err
}

// endLease ends a lease if it has expired still, and parks its run.
func (t *taker) endLease(ctx context.Context, tx *transaction, owner key) error {
	if err := tx.park(ctx, owner.column()); err != nil {
		return err
	}
	_, err := tx.exec(ctx, endExpired, owner.column(), t.params.Now.UnixMicro())
	return failed("take work", err)
}

// read reads the contacts, their pending events and, if asked for, their runs.
func (t *taker) read(ctx context.Context, q session) error {
	c := claimer{params: automation.ClaimParams{Events: t.params.Events}, leased: t.owners, works: t.works}
	if err := c.readContacts(ctx, q); err != nil {
		return err
	}
	err := lookup(ctx, q, scanPendingEvent, claimedEvents, t.owners, func(e pendingEvent) {
		w := t.works[e.owner]
		w.Events = append(w.Events, automation.PendingEvent{Event: e.Event, Unannounced: e.unannounced})
	}, t.params.Events-1)
	if err != nil || !t.params.Runs {
		return err
	}
	return lookup(ctx, q, scanRun, takenRuns, t.owners, func(r storedRun) {
		w := t.works[r.owner]
		w.Runs = append(w.Runs, r.ClaimedRun)
	})
}

// FindEventKey implements automation.Catalog.
func (s *Store) FindEventKey(ctx context.Context, name, idempotencyKey string, now time.Time) (use automation.EventKey, err error) {
	err = s.read(ctx, func(q session) error {
		var id key
		known, err := first(ctx, q, findKey, args(name, idempotencyKey, now.UnixMicro()), &use.ContentHash, &id)
		if err == nil && !known {
			return record.NotFound("idempotency key", idempotencyKey)
		}
		use.EventID = id.id()
		return failed("find idempotency key", err)
	})
	return use, err
}
