package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the primary key of projections.
const (
	// engaged is a condition: another engine than the one of a source has the store.
	engaged = `EXISTS (SELECT FROM automation.projections WHERE source >= '` + record.EngineSources + `' AND source < '` + record.EngineSourcesEnd + `' AND source <> `

	findEngine = `
SELECT source FROM automation.projections
WHERE source >= '` + record.EngineSources + `' AND source < '` + record.EngineSourcesEnd + `' AND source <> $1::text LIMIT 1`

	deleteSources = `DELETE FROM automation.projections WHERE source = $1::text OR source >= $2::text AND source < $3::text`
)

// checkEngine fails if an engine other than the given one has the store.
func checkEngine(ctx context.Context, in session, engine string) error {
	var sc script
	var source string
	sc.query(func(scan scanFunc) error { return scan(&source) }, findEngine, record.EngineSource(engine))
	return engineOf(ctx, in, sc, &source)
}

// shareWithoutEngine fails if an engine has the store, and otherwise lets none take it before
// the end of the transaction.
func shareWithoutEngine(ctx context.Context, tx *transaction) error {
	var sc script
	var source string
	sc.exec(shareClaims)
	sc.query(func(scan scanFunc) error { return scan(&source) }, findEngine, record.EngineSource(""))
	return engineOf(ctx, tx, sc, &source)
}

func engineOf(ctx context.Context, in session, sc script, source *string) error {
	if err := in.run(ctx, sc); err != nil {
		return err
	}
	if *source != "" {
		return record.EngagedBy(record.EngineOf(*source))
	}
	return nil
}

// Engage implements automation.Catalog. It waits for claims that are in progress.
func (s *Store) Engage(ctx context.Context, engine string) error {
	if err := record.CheckEngine(engine); err != nil {
		return err
	}
	return s.changeEngine(ctx, "engage", engine, func(sc *script) {
		sc.exec(insertSequence, record.EngineSource(engine), 1)
	})
}

// Disengage implements automation.Catalog.
func (s *Store) Disengage(ctx context.Context, engine string) error {
	return s.changeEngine(ctx, "disengage", engine, func(sc *script) {
		from, until := record.SourcesOf(engine)
		sc.exec(deleteSources, record.EngineSource(engine), from, until)
		s.notify(sc)
	})
}

// changeEngine executes what write adds, unless another engine has the store.
func (s *Store) changeEngine(ctx context.Context, what, engine string, write func(sc *script)) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	err := s.transact(ctx, func(tx *transaction) error {
		var lock script
		lock.exec(claimAlone)
		if err := tx.run(ctx, lock); err != nil {
			return err
		}
		if err := checkEngine(ctx, tx, engine); err != nil {
			return err
		}
		var sc script
		write(&sc)
		return tx.commit(ctx, sc)
	})
	if err != nil {
		return fmt.Errorf("postgres store: %s: %w", what, err)
	}
	return nil
}

// These rely on the primary keys of pending and leases, and on active_runs_owner. They read the
// rows of each contact that they return.
const (
	waitingEvents = `
SELECT p.owner, max(p.no) FROM automation.pending p WHERE p.owner > $1::bytea GROUP BY p.owner ORDER BY p.owner LIMIT $2::int`
	waitingWorking = `
SELECT w.owner, max(w.newest) FROM (
	(SELECT p.owner, max(p.no) AS newest FROM automation.pending p WHERE p.owner > $1::bytea GROUP BY p.owner ORDER BY p.owner LIMIT $2::int)
	UNION ALL
	(SELECT DISTINCT r.owner, 0::bigint FROM automation.active_runs r WHERE r.owner > $1::bytea ORDER BY r.owner LIMIT $2::int)
	UNION ALL
	(SELECT l.owner, 0::bigint FROM automation.leases l WHERE l.owner > $1::bytea ORDER BY l.owner LIMIT $2::int)
) w GROUP BY w.owner ORDER BY w.owner LIMIT $2::int`
)

// ListWaiting implements automation.Catalog.
func (s *Store) ListWaiting(ctx context.Context, q automation.WaitingQuery) (list []automation.WaitingContact, err error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	query, after := waitingEvents, ownerKey("")
	if q.Working {
		query = waitingWorking
	}
	if q.After != (automation.ContactRef{}) {
		after = ownerOf(q.After)
	}
	var sc script
	sc.query(func(scan scanFunc) error {
		var owner ownerKey
		var w automation.WaitingContact
		err := scan(&owner, &w.Newest)
		w.ContactRef = refOf(owner)
		list = append(list, w)
		return err
	}, query, after, q.Limit)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return nil, fmt.Errorf("postgres store: list waiting: %w", err)
	}
	return list, nil
}

// These rely on the primary key of leases, on active_runs_owner, and on the
// primary key of events.
const (
	parkTaken = parkFrom + `owner = ANY ($1::bytea[]) AND until <= $2::timestamptz ORDER BY owner FOR UPDATE` + parkTo
	endTaken  = `DELETE FROM automation.leases WHERE owner = ANY ($1::bytea[]) AND until <= $2::timestamptz`
	busyOwned = `SELECT owner FROM automation.leases WHERE owner = ANY ($1::bytea[])`

	takenRuns = `
SELECT ` + activeColumns + triggerColumns + `
FROM unnest($1::bytea[]) AS o (owner)
CROSS JOIN LATERAL (SELECT * FROM automation.active_runs r WHERE r.owner = o.owner OFFSET 0) r
JOIN automation.places p ON p.no = ANY (ARRAY[r.place_no])` + joinTrigger + `
ORDER BY r.created_at, r.id`
)

// TakeWork implements automation.Catalog. It needs one round trip.
func (s *Store) TakeWork(ctx context.Context, p automation.TakeParams) ([]automation.Work, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if len(p.Contacts) == 0 {
		return nil, nil
	}
	c, busy := claimerOf(s, p.Contacts), map[ownerKey]bool{}
	var sc script
	sc.exec(parkTaken, c.owners, p.Now)
	sc.exec(endTaken, c.owners, p.Now)
	sc.query(func(scan scanFunc) error {
		var owner ownerKey
		err := scan(&owner)
		busy[owner] = true
		return err
	}, busyOwned, c.owners)
	sc.query(c.addContact, claimedContacts, idsOf(p.Contacts))
	sc.query(c.addEvent, claimedEvents, c.owners, p.Events)
	if p.Runs {
		sc.query(c.addRun, takenRuns, c.owners)
	}
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return nil, fmt.Errorf("postgres store: take work: %w", err)
	}
	works := c.works[:0]
	for i, owner := range c.owners {
		if !busy[owner] && !c.damaged[owner] {
			works = append(works, c.works[i])
		}
	}
	return works, nil
}

// claimerOf returns a claimer for contacts without leases.
func claimerOf(s *Store, refs []automation.ContactRef) *claimer {
	c := &claimer{s: s, indexes: make(map[ownerKey]int, len(refs)), damaged: map[ownerKey]bool{}}
	for i, ref := range refs {
		owner := ownerOf(ref)
		c.owners, c.works, c.indexes[owner] = append(c.owners, owner), append(c.works, automation.Work{Key: ref}), i
	}
	return c
}

func idsOf(refs []automation.ContactRef) (ids []string) {
	for _, ref := range refs {
		if ref.ID != "" {
			ids = append(ids, ref.ID)
		}
	}
	return ids
}

// findEventKey relies on the primary key of idempotency_keys.
const findEventKey = `
SELECT event_id, hash FROM automation.idempotency_keys WHERE name = $1::text AND key = $2::text AND expires_at > $3::timestamptz`

// FindEventKey implements automation.Catalog.
func (s *Store) FindEventKey(ctx context.Context, name, key string, now time.Time) (use automation.EventKey, err error) {
	if err := s.ready(ctx); err != nil {
		return use, err
	}
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&use.EventID, &use.ContentHash) }, findEventKey, name, key, now)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return use, fmt.Errorf("postgres store: find idempotency key: %w", err)
	}
	if use.EventID == "" {
		return use, record.NotFound("idempotency key", key)
	}
	return use, nil
}
