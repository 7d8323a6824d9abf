package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// claimAlone has claims of due work come one after the other, to the end of the
// transaction: each sees the leases of those before it, and so finds other contacts.
// Where several looked at once they would find the same, and wait for each other, and
// for commits that wait for them.
const claimAlone = `SELECT pg_advisory_xact_lock(hashtextextended('automation.leases', 0))`

// leaseDue leases the contacts whose work is due longest. It passes over those that
// have a valid lease. A lease that has expired is taken over unless its holder is just
// committing, and unless it has a run: those are parked before.
//
// It relies on pending_accepted and active_runs_due, both read in order until there
// are enough, and on the primary key of leases.
const (
	leaseDue = leaseFree + leaseTaken

	// leaseOthers is leaseDue for when somebody leases one of these contacts alone, or
	// deletes it, just then. It costs more.
	leaseDueContended = leaseFree + `
	ON CONFLICT (owner) DO NOTHING` + leaseTaken

	leaseFree = `
WITH waiting AS (
	SELECT p.owner, p.accepted_at AS due, l.owner IS NOT NULL AS taken
	FROM automation.pending p LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[p.owner])
	WHERE p.accepted_at <= $1::timestamptz AND (l.owner IS NULL OR l.until <= $1::timestamptz)
	ORDER BY p.accepted_at LIMIT $2::int
), sleeping AS (
	SELECT r.owner, r.due_at AS due, l.owner IS NOT NULL AS taken
	FROM automation.active_runs r LEFT JOIN automation.leases l ON l.owner = ANY (ARRAY[r.owner])
	WHERE r.due_at <= $1::timestamptz AND (l.owner IS NULL OR l.until <= $1::timestamptz)
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
	UPDATE automation.leases l SET token = nextval('automation.tokens'), until = $3::timestamptz
	FROM expired WHERE l.owner = ANY (ARRAY[expired.owner])
	RETURNING l.owner, l.token
), leased AS (
	INSERT INTO automation.leases (owner, token, until)
	SELECT owner, nextval('automation.tokens'), $3::timestamptz FROM (SELECT owner FROM chosen WHERE NOT taken ORDER BY owner) AS free`

	leaseTaken = `
	RETURNING owner, token
)
SELECT owner, token FROM leased UNION ALL SELECT owner, token FROM taken`
)

// leaseOne relies on the primary key of leases.
const leaseOne = `
INSERT INTO automation.leases AS l (owner, token, until) VALUES ($1::text, nextval('automation.tokens'), $2::timestamptz)
ON CONFLICT (owner) DO UPDATE SET token = excluded.token, until = excluded.until WHERE l.until <= $3::timestamptz AND l.run_id IS NULL
RETURNING owner, token`

// heldLease is a lease that a claim has got.
type heldLease struct {
	owner string
	token int64
}

// lease leases contacts, in no order.
func (s *Store) lease(ctx context.Context, p automation.ClaimParams) (held []heldLease, err error) {
	row := func(scan scanFunc) error {
		var l heldLease
		err := scan(&l.owner, &l.token)
		held = append(held, l)
		return err
	}
	var sc script
	var first *time.Time // to expire of the leases with runs
	until, look := p.Now.Add(p.Lease), p.Contact != (automation.ContactRef{}) || s.expiry.due(p.Now)
	if look {
		sc.exec(parkExpired, p.Now)
		sc.query(func(scan scanFunc) error { return scan(&first) }, nextExpiry)
	}
	if p.Contact != (automation.ContactRef{}) {
		sc.query(row, leaseOne, ownerOf(p.Contact), until, p.Now)
	} else {
		sc.exec(claimAlone)
		sc.query(row, leaseDue, p.Now, p.Limit, until)
	}
	lease := func() error {
		return s.transact(ctx, func(tx *transaction) error {
			held = nil
			return tx.commit(ctx, sc)
		})
	}
	if err = lease(); errorCode(err) == uniqueViolation {
		sc[len(sc)-1].sql = leaseDueContended
		err = lease()
	}
	if err == nil && look {
		s.expiry.looked(p.Now, timeOf(first))
	}
	return held, err
}

// giveBack ends leases whose contacts could not be read. Those that it cannot end
// expire.
func (s *Store) abandonLeases(ctx context.Context, held []heldLease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	owners, tokens := make([]string, len(held)), make([]int64, len(held))
	for i, l := range held {
		owners[i], tokens[i] = l.owner, l.token
	}
	var sc script
	sc.exec(endLeases, owners, tokens)
	_ = implicit{s}.run(ctx, sc)
}

// shortestLease is how long a lease lasts at the least: a Runner has no shorter ones.
const shortestLease = time.Second

// lookout knows when leases with runs may have expired next. It is safe for
// concurrent use.
type expirySchedule struct {
	mu         sync.Mutex
	from, next time.Time
}

// due reports whether to look. A clock that has been set back says nothing.
func (l *expirySchedule) due(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.from) || !now.Before(l.next)
}

// looked takes note of the lease that expires first, of those that there were at a
// time. The zero time: there was none. Later ones last longer than shortestLease.
func (l *expirySchedule) looked(at, first time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.from, l.next = at, at.Add(shortestLease)
	if !first.IsZero() && first.Before(l.next) {
		l.next = first
	}
}

// endLeases and extendLeases rely on the primary key of leases.
const (
	endLeases = `
DELETE FROM automation.leases l USING (SELECT unnest($1::text[]) AS owner, unnest($2::bigint[]) AS token) t
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.token = ANY (ARRAY[t.token])
RETURNING l.owner, l.run_id, l.run_automation_no, l.run_version, l.run_step`

	extendLeases = `
UPDATE automation.leases l SET until = t.until
FROM (SELECT unnest($1::text[]) AS owner, unnest($2::bigint[]) AS token, unnest($3::timestamptz[]) AS until) t
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.token = ANY (ARRAY[t.token])
RETURNING l.owner, l.run_id, l.run_automation_no, l.run_version, l.run_step`
)

func (c *committer) fence(sc *script) {
	c.held = make(map[string]*currentRun, len(c.writes))
	var parked, ended, extended []string
	var endTokens, tokens []int64
	var until []time.Time
	var beginning, going inLeaseColumns
	for _, w := range c.writes {
		c.chooseInLease(w)
		if w.parks {
			parked = append(parked, w.owner)
		}
		switch {
		case w.t.Release:
			ended, endTokens = append(ended, w.owner), append(endTokens, w.t.Token)
		case w.inLease == nil:
			extended, tokens, until = append(extended, w.owner), append(tokens, w.t.Token), append(until, w.t.Extend)
		case w.inLease.New:
			beginning.add(w, w.inLease, w.automationNo)
		default:
			going.add(w, w.inLease, 0)
		}
	}
	if len(parked) > 0 {
		sc.exec(parkOwned, parked)
	}
	beginning.start(sc, c.noteHeld)
	going.proceed(sc, c.noteHeld)
	if len(extended) > 0 {
		sc.query(c.noteHeld, extendLeases, extended, tokens, until)
	}
	if len(ended) > 0 {
		sc.query(c.noteHeld, endLeases, ended, endTokens)
	}
}

// hold notes that a lease is held, and the run that it has or had.
func (c *committer) noteHeld(scan scanFunc) error {
	var owner string
	var run, step *string
	var no *int64
	var version *int
	if err := scan(&owner, &run, &no, &version, &step); err != nil {
		return err
	}
	held := &currentRun{}
	if run != nil {
		*held = currentRun{id: *run, inLease: true, RunGroup: record.RunGroup{Automation: *no, Version: *version, Step: *step}}
		c.current[*run] = *held
	}
	c.held[owner] = held
	return nil
}
