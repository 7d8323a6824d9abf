package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// claimAlone is a lock that lets claims of due work run one after the other, to the end
// of the transaction. Each one sees the leases of the claims before it, and so finds
// other contacts. Concurrent claims would find the same contacts, and would wait for
// each other and for commits that wait for them.
const claimAlone = `SELECT pg_advisory_xact_lock(hashtextextended('automation.leases', 0))`

// shareClaims is the same lock for what may happen at the same time, though not while an
// engine takes the store.
const shareClaims = `SELECT pg_advisory_xact_lock_shared(hashtextextended('automation.leases', 0))`

// leaseDue leases the contacts whose work is due longest, except those with a valid
// lease. It takes over an expired lease, unless its holder is committing at this moment
// or the lease has a run. Claims park the runs of expired leases beforehand.
//
// It relies on pending_accepted and active_runs_due, both of which it reads in order
// until it has enough, and on the primary keys of leases and projections.
const (
	leaseDue = leaseFree + leaseTaken

	// leaseDueContended is leaseDue for when another transaction at this moment leases
	// one of these contacts by its key, or deletes one. It costs more.
	leaseDueContended = leaseFree + `
	ON CONFLICT (owner) DO NOTHING` + leaseTaken

	leaseFree = `
WITH waiting AS (
	SELECT p.owner, p.accepted_at AS due, l.owner IS NOT NULL AS taken
	FROM automation.pending p LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[p.owner])
	WHERE p.accepted_at <= $1::timestamptz AND (l.owner IS NULL OR l.until <= $1::timestamptz) AND NOT ` + engaged + `$4::text)
	ORDER BY p.accepted_at LIMIT $2::int
), sleeping AS (
	SELECT r.owner, r.due_at AS due, l.owner IS NOT NULL AS taken
	FROM automation.active_runs r LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[r.owner])
	WHERE r.due_at <= $1::timestamptz AND (l.owner IS NULL OR l.until <= $1::timestamptz) AND NOT ` + engaged + `$4::text)
	ORDER BY r.due_at LIMIT $2::int
), chosen AS (
	SELECT owner, min(due) AS due, bool_or(taken) AS taken
	FROM (SELECT * FROM waiting UNION ALL SELECT * FROM sleeping) AS work
	GROUP BY owner ORDER BY min(due), owner LIMIT $2::int
), expired AS (
	SELECT owner FROM automation.leases
	WHERE owner = ANY (ARRAY(SELECT owner FROM chosen WHERE taken)) AND until <= $1::timestamptz AND run_id IS NULL
	ORDER BY owner FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
	UPDATE automation.leases l SET fence_no = nextval('automation.fences'), until = $3::timestamptz
	FROM expired WHERE l.owner = ANY (ARRAY[expired.owner])
	RETURNING l.owner, l.fence_no
), leased AS (
	INSERT INTO automation.leases (owner, fence_no, until)
	SELECT owner, nextval('automation.fences'), $3::timestamptz FROM (SELECT owner FROM chosen WHERE NOT taken ORDER BY owner) AS free`

	leaseTaken = `
	RETURNING owner, fence_no
)
SELECT owner, fence_no FROM leased UNION ALL SELECT owner, fence_no FROM taken`
)

// leaseOne relies on the primary keys of leases and projections.
const leaseOne = `
INSERT INTO automation.leases AS l (owner, fence_no, until)
SELECT $1::bytea, nextval('automation.fences'), $2::timestamptz WHERE NOT ` + engaged + `$4::text)
ON CONFLICT (owner) DO UPDATE SET fence_no = excluded.fence_no, until = excluded.until WHERE l.until <= $3::timestamptz AND l.run_id IS NULL
RETURNING owner, fence_no`

// heldLease is a lease that a claim has taken.
type heldLease struct {
	owner ownerKey
	token int64
}

// lease leases contacts, in no order. In the same transaction it reads what early foresees.
func (s *Store) lease(ctx context.Context, p automation.ClaimParams, early *foresight) (held []heldLease, err error) {
	row := func(scan scanFunc) error {
		var l heldLease
		err := scan(&l.owner, &l.token)
		held = append(held, l)
		return err
	}
	var firstExpiry pgtype.Timestamptz // of the leases with runs
	until, parks := p.Now.Add(p.Lease), p.Contact != (automation.ContactRef{}) || s.expiry.due(p.Now)
	lease := func(due string) error {
		return s.transact(ctx, func(tx *transaction) error {
			held = nil
			var sc script
			if parks {
				sc.exec(parkExpired, p.Now)
				sc.query(func(scan scanFunc) error { return scan(&firstExpiry) }, nextExpiry)
			}
			if p.Contact != (automation.ContactRef{}) {
				sc.exec(shareClaims)
				sc.query(row, leaseOne, ownerOf(p.Contact), until, p.Now, record.EngineSource(p.Engine))
			} else {
				sc.exec(claimAlone)
				sc.query(row, due, p.Now, p.Limit, until, record.EngineSource(p.Engine))
			}
			early.query(&sc)
			return tx.commit(ctx, sc)
		})
	}
	if err = lease(leaseDue); errorCode(err) == uniqueViolation {
		err = lease(leaseDueContended)
	}
	if err == nil && parks {
		s.expiry.checked(p.Now, timeOf(firstExpiry))
	}
	if err == nil && len(held) == 0 {
		err = checkEngine(ctx, implicit{s}, p.Engine)
	}
	return held, err
}

// abandonLeases ends leases whose contacts the claim could not read. If that fails,
// they expire.
func (s *Store) abandonLeases(ctx context.Context, held []heldLease) {
	if len(held) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	of, tokens := make(owners, len(held)), make([]int64, len(held))
	for i, l := range held {
		of[i], tokens[i] = l.owner, l.token
	}
	var sc script
	sc.exec(endLeases, of, tokens)
	_ = implicit{s}.run(ctx, sc)
}

// shortestLease is the least duration of a lease. A Runner takes no shorter ones.
const shortestLease = time.Second

// expirySchedule is when claims must next look for expired leases with runs. It is safe
// for concurrent use.
type expirySchedule struct {
	mu         sync.Mutex
	from, next time.Time
}

// due reports whether a claim must look. It also must if the clock was set back since
// the last look, because next is then worth nothing.
func (e *expirySchedule) due(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return now.Before(e.from) || !now.Before(e.next)
}

// checked records a look at a time, and when the first of the leases with runs that
// existed then expires, the zero time if there was none. Leases that are taken later
// last at least shortestLease.
func (e *expirySchedule) checked(at, first time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.from, e.next = at, at.Add(shortestLease)
	if !first.IsZero() && first.Before(e.next) {
		e.next = first
	}
}

// endLeases and extendLeases rely on the primary key of leases.
const (
	endLeases = `
DELETE FROM automation.leases l USING (SELECT unnest($1::bytea[]) AS owner, unnest($2::bigint[]) AS fence) t
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.fence_no = ANY (ARRAY[t.fence])
RETURNING l.owner, l.run_id, l.run_place_no, ` + leasedEvent

	extendLeases = `
UPDATE automation.leases l SET until = t.until
FROM (SELECT unnest($1::bytea[]) AS owner, unnest($2::bigint[]) AS fence, unnest($3::timestamptz[]) AS until) t
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.fence_no = ANY (ARRAY[t.fence])
RETURNING l.owner, l.run_id, l.run_place_no`
)

// fence ends or extends the leases of all transitions. An in-lease run starts or
// changes in the same statement, because it is in the same row.
func (c *committer) fence(sc *script) {
	c.held = make(map[ownerKey]*currentRun, len(c.writes))
	var parked, ended, extended owners
	var endTokens, tokens []int64
	var until []time.Time
	var started, continued inLeaseColumns
	for _, w := range c.writes {
		c.chooseInLease(w)
		c.chooseTaken(w)
		if w.parks {
			parked = append(parked, w.owner)
		}
		switch {
		case w.t.Release:
			ended, endTokens = append(ended, w.owner), append(endTokens, w.t.Token)
		case w.inLease == nil:
			extended, tokens, until = append(extended, w.owner), append(tokens, w.t.Token), append(until, w.t.Extend)
		case w.inLease.New:
			started.add(w, w.inLease, c.places.of(&w.inLease.RunRecord), c.listens.of(w.inLease.Listens))
		default:
			continued.add(w, w.inLease, c.places.of(&w.inLease.RunRecord), c.listens.of(w.inLease.Listens))
		}
	}
	if len(parked) > 0 {
		sc.exec(parkOwned, parked)
	}
	started.start(sc, c.addHeld)
	continued.update(sc, c.addHeld)
	if len(extended) > 0 {
		sc.query(c.addHeld, extendLeases, extended, tokens, until)
	}
	if len(ended) > 0 {
		sc.query(c.addEnded, endLeases, ended, endTokens)
	}
}

// leaseRow is what the statements of fence return.
type leaseRow struct {
	owner   ownerKey
	run     pgtype.Text
	placeNo pgtype.Int4
	event   runsEvent // of the run, if the lease ends
}

// addHeld scans a lease that goes on, with the run that was in its row.
func (c *committer) addHeld(scan scanFunc) error {
	var row leaseRow
	err := scan(&row.owner, &row.run, &row.placeNo)
	c.addLease(&row)
	return err
}

// addEnded scans a lease that has ended, with the run that was in its row, and what the row had of
// the run's event.
func (c *committer) addEnded(scan scanFunc) error {
	var row leaseRow
	e := &row.event
	err := scan(&row.owner, &row.run, &row.placeNo, &e.at, &e.occurred, &e.payload, &e.key, &e.automationID, &e.cause)
	c.addLease(&row)
	return err
}

func (c *committer) addLease(row *leaseRow) {
	held := &currentRun{}
	if row.run.Valid {
		*held = currentRun{id: row.run.String, inLease: true, placeNo: row.placeNo.Int32, event: &row.event}
		c.current[held.id] = *held
	}
	c.held[row.owner] = held
}
