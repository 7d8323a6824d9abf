package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
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
	leaseOthers = leaseFree + `
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

// Claim implements automation.WorkStore. It needs two round trips, however many
// contacts it leases. The leases are committed with the first: the next claim does not
// wait until this one has read what it has leased. A third is needed when there are
// events with names that were not seen of late.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	held, err := s.lease(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("postgres store: claim: %w", err)
	}
	if len(held) == 0 {
		return nil, nil
	}
	c := newClaim(s, p, held)
	if err := c.read(ctx); err != nil {
		s.giveBack(ctx, held)
		return nil, fmt.Errorf("postgres store: claim: %w", err)
	}
	return c.works, nil
}

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
	until, look := p.Now.Add(p.Lease), p.Contact != (automation.ContactRef{}) || s.expired.due(p.Now)
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
	if err = lease(); code(err) == uniqueViolation {
		sc[len(sc)-1].sql = leaseOthers
		err = lease()
	}
	if err == nil && look {
		s.expired.looked(p.Now, timeOf(first))
	}
	return held, err
}

// giveBack ends leases whose contacts could not be read. Those that it cannot end
// expire.
func (s *Store) giveBack(ctx context.Context, held []heldLease) {
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

// claim reads what the contacts that a claim has leased have. What belongs to a leased
// contact is only added to by others.
type claim struct {
	s      *Store
	p      automation.ClaimParams
	owners []string
	works  []automation.Work
	places map[string]int                     // of owners in works
	astray []string                           // ids of contacts that have events under their email
	starts map[string][]automation.VersionRef // of events, by name, as far as they were read
	waits  []waitingRun

	damaged map[string]bool // owners whose contact cannot be read
	reason  error           // why not
}

// waitingRun is a run that waits for an event which has come.
type waitingRun struct {
	owner string
	automation.ClaimedRun
}

func newClaim(s *Store, p automation.ClaimParams, held []heldLease) *claim {
	c := &claim{
		s: s, p: p, starts: map[string][]automation.VersionRef{}, owners: make([]string, len(held)), works: make([]automation.Work, len(held)),
		places: make(map[string]int, len(held)), damaged: map[string]bool{},
	}
	for i, l := range held {
		c.owners[i], c.places[l.owner] = l.owner, i
		c.works[i] = automation.Work{Key: refOf(l.owner), Token: l.token}
	}
	return c
}

func (c *claim) read(ctx context.Context) error {
	if err := c.readWork(ctx); err != nil {
		return err
	}
	if err := c.dropDamaged(); err != nil {
		return err
	}
	if err := c.readOtherStarts(ctx); err != nil {
		return err
	}
	c.match()
	return nil
}

// All of these but the last bring a bounded part of each owner's rows. They rely on the
// primary keys of contacts, pending and events, and on active_runs_owner: an owner's
// rows are few, and are sorted.
const (
	claimedContacts = `
SELECT ` + contactColumns + `, EXISTS (SELECT FROM automation.pending p WHERE p.owner = '@' || c.email_key)
FROM automation.contacts c WHERE c.id = ANY ($1::text[]) AND c.deleted_at IS NULL`

	claimedEvents = `
SELECT ` + eventColumns + `
FROM unnest($1::text[]) AS o (owner)
CROSS JOIN LATERAL (
	SELECT p.event_id, p.accepted_at, p.no FROM automation.pending p WHERE p.owner = o.owner
	ORDER BY p.accepted_at + interval '0', p.no LIMIT $2::int
) p
JOIN automation.events e ON e.id = ANY (ARRAY[p.event_id])
ORDER BY p.accepted_at, p.no`

	claimedRuns = `
SELECT ` + activeColumns + `, t.payload
FROM unnest($1::text[]) AS o (owner)
CROSS JOIN LATERAL (
	SELECT * FROM automation.active_runs r WHERE r.owner = o.owner AND r.due_at + interval '0' <= $2::timestamptz
	ORDER BY r.due_at + interval '0', r.id LIMIT $3::int
) r
JOIN automation.automations a ON a.no = ANY (ARRAY[r.automation_no])
LEFT JOIN automation.events t ON t.id = ANY (ARRAY[r.event_id])
ORDER BY r.due_at, r.id`

	claimedWaits = `
SELECT ` + activeColumns + `, t.payload
FROM (
	SELECT o.owner FROM unnest($1::text[]) AS o (owner)
	WHERE (SELECT true FROM automation.active_runs w WHERE w.owner = o.owner AND w.wait_event IS NOT NULL LIMIT 1) OFFSET 0
) o
CROSS JOIN LATERAL (
	SELECT DISTINCT e.name FROM automation.pending p JOIN automation.events e ON e.id = ANY (ARRAY[p.event_id]) WHERE p.owner = o.owner
) n
JOIN automation.active_runs r ON r.owner = ANY (ARRAY[o.owner]) AND r.wait_event = ANY (ARRAY[n.name])
JOIN automation.automations a ON a.no = ANY (ARRAY[r.automation_no])
LEFT JOIN automation.events t ON t.id = ANY (ARRAY[r.event_id])
ORDER BY r.created_at, r.id`
)

// claimedStarts relies on automations_listening.
const claimedStarts = `
SELECT a.event_name, a.id, a.version, a.no FROM automation.automations a
WHERE a.event_name = ANY ($1::text[]) AND a.status = 'enabled' AND a.deleted_at IS NULL ORDER BY a.no`

// readWork reads what the leased contacts have: themselves, their events, the runs that
// are due or wait for one of these, and what events start that are likely to be among
// them.
func (c *claim) readWork(ctx context.Context) error {
	var ids []string
	for i := range c.works {
		if id := c.works[i].Key.ID; id != "" {
			ids = append(ids, id)
		}
	}
	err := c.run(ctx, func(sc *script) {
		for i := range c.works {
			c.works[i] = automation.Work{Key: c.works[i].Key, Token: c.works[i].Token}
		}
		c.astray, c.waits, c.damaged = nil, nil, map[string]bool{}
		sc.query(c.addContact, claimedContacts, ids)
		sc.query(c.addEvent, claimedEvents, c.owners, c.p.Events)
		sc.query(c.addRun, claimedRuns, c.owners, c.p.Now, c.p.Runs)
		sc.query(c.addWait, claimedWaits, c.owners)
		c.readStarts(sc, c.s.seen.list())
	})
	if err != nil || len(c.astray) == 0 {
		return err
	}
	return c.adoptStrays(ctx)
}

// run runs the script that build makes in a transaction of its own. If another is in the
// way it is made again: build forgets what rows have come before.
func (c *claim) run(ctx context.Context, build func(sc *script)) error {
	return c.s.transact(ctx, func(tx *transaction) error {
		var sc script
		build(&sc)
		return tx.commit(ctx, sc)
	})
}

// readStarts reads what events with these names start.
func (c *claim) readStarts(sc *script, names []string) {
	if len(names) == 0 {
		return
	}
	for _, name := range names {
		c.starts[name] = nil
	}
	sc.query(func(scan scanFunc) error {
		var name string
		var v automation.VersionRef
		var no int64
		err := scan(&name, &v.AutomationID, &v.Version, &no)
		c.starts[name] = append(c.starts[name], v)
		c.s.begun.numbered(v.AutomationID, no)
		return err
	}, claimedStarts, names)
}

// readOtherStarts reads what the other events start.
func (c *claim) readOtherStarts(ctx context.Context) error {
	var names []string
	for i := range c.works {
		for j := range c.works[i].Events {
			if name := c.works[i].Events[j].Name; !slices.Contains(names, name) {
				if _, ok := c.starts[name]; !ok {
					names = append(names, name)
				}
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	c.s.seen.add(names)
	return c.run(ctx, func(sc *script) { c.readStarts(sc, names) })
}

// adoptStrays reads the events again, with those that were sent for an email of the
// contacts before: order is kept here.
func (c *claim) adoptStrays(ctx context.Context) error {
	owners := make([]string, len(c.astray))
	for i, id := range c.astray {
		owners[i] = ownerOf(automation.ContactRef{ID: id})
	}
	return c.run(ctx, func(sc *script) {
		for i := range c.works {
			c.works[i].Events = nil
		}
		c.waits = nil
		sc.exec(adoptStrays, c.astray, owners)
		sc.query(c.addEvent, claimedEvents, c.owners, c.p.Events)
		sc.query(c.addWait, claimedWaits, c.owners)
	})
}

func (c *claim) work(owner string) *automation.Work { return &c.works[c.places[owner]] }

func (c *claim) addContact(scan scanFunc) error {
	var astray bool
	row, err := scanContact(scan, &astray)
	owner := ownerOf(automation.ContactRef{ID: row.ID})
	if astray {
		c.astray = append(c.astray, row.ID)
	}
	switch {
	case errors.Is(err, errDamaged):
		c.damaged[owner], c.reason = true, err
		return nil
	case err == nil:
		c.work(owner).Contact = &row.Contact
	}
	return err
}

// dropDamaged leaves out the contacts that cannot be read. They stay leased, so that
// they do not get in the way of the others; it is an error only if there are none.
func (c *claim) dropDamaged() error {
	if len(c.damaged) == 0 {
		return nil
	}
	works, owners := c.works[:0], c.owners[:0]
	for i, owner := range c.owners {
		if !c.damaged[owner] {
			c.places[owner] = len(works)
			works, owners = append(works, c.works[i]), append(owners, owner)
		}
	}
	c.works, c.owners = works, owners
	if len(works) == 0 {
		return c.reason
	}
	return nil
}

func (c *claim) addEvent(scan scanFunc) error {
	e, owner, err := scanEvent(scan)
	if err == nil {
		w := c.work(owner)
		w.Events = append(w.Events, automation.PendingEvent{Event: e})
	}
	return err
}

func (c *claim) addRun(scan scanFunc) error {
	r, err := scanClaimed(scan)
	if err == nil {
		w := c.work(r.owner)
		w.Runs = append(w.Runs, r.ClaimedRun)
	}
	return err
}

func (c *claim) addWait(scan scanFunc) error {
	r, err := scanClaimed(scan)
	c.waits = append(c.waits, r)
	return err
}

func scanClaimed(scan scanFunc) (waitingRun, error) {
	var trigger []byte
	row, err := scanActive(scan, &trigger)
	return waitingRun{row.owner, automation.ClaimedRun{RunRecord: row.RunRecord, Request: row.control, TriggerPayload: trigger}}, err
}

// match gives events what they start, and contacts the runs that wait for their events,
// unless these were brought because they are due.
func (c *claim) match() {
	for _, r := range c.waits {
		if c.damaged[r.owner] {
			continue
		}
		w := c.work(r.owner)
		brought := slices.ContainsFunc(w.Runs, func(o automation.ClaimedRun) bool { return o.ID == r.ID })
		comes := slices.ContainsFunc(w.Events, func(e automation.PendingEvent) bool { return e.Name == r.WaitEvent })
		if comes && !brought {
			w.Runs = append(w.Runs, r.ClaimedRun)
		}
	}
	for i := range c.works {
		for j := range c.works[i].Events {
			e := &c.works[i].Events[j]
			e.Starts = c.starts[e.Name]
		}
	}
	slices.SortFunc(c.works, func(a, b automation.Work) int {
		return cmp.Or(dueAt(&a).Compare(dueAt(&b)), cmp.Compare(a.Token, b.Token))
	})
}

// dueAt returns since when there is something to do for a contact.
func dueAt(w *automation.Work) (at time.Time) {
	if len(w.Events) > 0 {
		at = w.Events[0].AcceptedAt
	}
	if len(w.Runs) > 0 && (at.IsZero() || w.Runs[0].DueAt.Before(at)) && !w.Runs[0].DueAt.IsZero() {
		at = w.Runs[0].DueAt
	}
	return at
}

// recentNames are the names of events that claims have brought of late. They are safe
// for concurrent use.
type recentNames struct {
	mu    sync.Mutex
	names []string // the latest first
}

// maxRecent bounds them: each costs a look at an index with every claim.
const maxRecent = 32

func (r *recentNames) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.names)
}

// add adds names that it does not have.
func (r *recentNames) add(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = slices.DeleteFunc(r.names, func(name string) bool { return slices.Contains(names, name) })
	r.names = append(slices.Clone(names), r.names...)
	r.names = r.names[:min(len(r.names), maxRecent)]
}
