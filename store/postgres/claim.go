package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Claim implements automation.WorkStore. It needs two round trips, however many contacts
// it leases, and one if it has foreseen which ones. It commits the leases in the first one, so
// that the next claim does not wait while this one reads work. It needs another round trip if
// there are events with names that recent claims have not brought, and one if an event starts
// an automation that gathers.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	early := s.foresee(p)
	held, err := s.lease(ctx, p, early)
	if err != nil {
		s.abandonLeases(ctx, held) // the server may have committed them although their work cannot be read
		return nil, fmt.Errorf("postgres store: claim: %w", err)
	}
	if len(held) == 0 {
		return nil, nil
	}
	c := newClaimer(s, p, held)
	if early.foresaw(held) {
		c = &early.claimer
	} else {
		err = c.readWork(ctx)
	}
	if err == nil {
		err = c.readRest(ctx)
	}
	if err != nil {
		s.abandonLeases(ctx, held)
		return nil, fmt.Errorf("postgres store: claim: %w", err)
	}
	return c.works, nil
}

// claimer reads the contacts that a claim has leased, and their work. Other processes
// only add to the work of a leased contact.
type claimer struct {
	s       *Store
	params  automation.ClaimParams
	owners  owners
	works   []automation.Work
	indexes map[ownerKey]int         // of owners in works
	astray  []string                 // ids of contacts that have events under their email
	starts  map[string]record.Starts // by name of the event, as far as they were read
	waits   []waitingRun
	// gathered are the running runs of automations that gather. Most claims have none.
	gathered []waitingRun

	damaged map[ownerKey]bool // owners whose contact cannot be read
	reason  error             // why one of them cannot
}

// waitingRun is a run that listens to one of its contact's pending events.
type waitingRun struct {
	owner ownerKey
	automation.ClaimedRun
}

func newClaimer(s *Store, p automation.ClaimParams, held []heldLease) *claimer {
	c := &claimer{
		s: s, params: p, starts: map[string]record.Starts{}, owners: make(owners, len(held)), works: make([]automation.Work, len(held)),
		indexes: make(map[ownerKey]int, len(held)), damaged: map[ownerKey]bool{},
	}
	for i, l := range held {
		c.owners[i], c.indexes[l.owner] = l.owner, i
		c.works[i] = automation.Work{Key: refOf(l.owner), Token: l.token}
	}
	return c
}

// readRest reads what depends on the work that was read, and adds it to the work.
func (c *claimer) readRest(ctx context.Context) error {
	if len(c.astray) > 0 {
		if err := c.adoptStrays(ctx); err != nil {
			return err
		}
	}
	if err := c.dropDamaged(); err != nil {
		return err
	}
	if err := c.readOtherStarts(ctx); err != nil {
		return err
	}
	if err := c.readGathered(ctx); err != nil {
		return err
	}
	c.match()
	return nil
}

// All of these except the last return a bounded part of each owner's rows. They rely on
// the primary keys of contacts, pending, events and listens, and on active_runs_owner. They sort
// the rows of an owner, which are few.
const (
	claimedContacts = `
SELECT ` + contactColumns + `, EXISTS (SELECT FROM automation.pending p WHERE p.owner = ` + emailOwner + `)
FROM automation.contacts c WHERE c.id = ANY ($1::text[]) AND c.deleted_at IS NULL`

	claimedEvents = `
SELECT ` + pendingEvent + `, e.unannounced IS NOT NULL
FROM unnest($1::bytea[]) AS o (owner)
CROSS JOIN LATERAL (
	SELECT * FROM automation.pending e WHERE e.owner = o.owner
	ORDER BY e.accepted_at + interval '0', e.no LIMIT $2::int
) e
ORDER BY e.accepted_at, e.no`

	claimedRuns = `
SELECT ` + activeColumns + triggerColumns + `
FROM unnest($1::bytea[]) AS o (owner)
CROSS JOIN LATERAL (
	SELECT * FROM automation.active_runs r WHERE r.owner = o.owner AND r.due_at + interval '0' <= $2::timestamptz
	ORDER BY r.due_at + interval '0', r.id LIMIT $3::int
) r
JOIN automation.places p ON p.no = ANY (ARRAY[r.place_no])` + joinTrigger + `
ORDER BY r.due_at, r.id`

	// claimedWaits returns the runs that listen to an event that claimedEvents returns. Both
	// must see the same pending events, so they share a snapshot. OFFSET 0 keeps the server
	// from another order: for each run of the owner it would read the names of the events, and
	// for each event of a name the sets that have the name.
	claimedWaits = `
SELECT ` + activeColumns + triggerColumns + `
FROM (
	SELECT o.owner FROM unnest($1::bytea[]) AS o (owner)
	WHERE (SELECT true FROM automation.active_runs w WHERE w.owner = o.owner AND w.listen_no IS NOT NULL LIMIT 1) OFFSET 0
) o
CROSS JOIN LATERAL (
	SELECT DISTINCT l.no FROM (
		SELECT DISTINCT e.name FROM (
			SELECT p.name FROM automation.pending p WHERE p.owner = o.owner
			ORDER BY p.accepted_at + interval '0', p.no LIMIT $2::int
		) e OFFSET 0
	) e JOIN automation.listens l ON l.event_name = ANY (ARRAY[e.name]) OFFSET 0
) n
CROSS JOIN LATERAL (
	SELECT * FROM automation.active_runs r WHERE r.owner = o.owner AND r.listen_no = n.no OFFSET 0
) r
JOIN automation.places p ON p.no = ANY (ARRAY[r.place_no])` + joinTrigger + `
ORDER BY r.created_at, r.id`
)

// readWork reads the leased contacts, their events, the runs that are due or listen to
// one of these events, and what those events start that are likely to be among them.
func (c *claimer) readWork(ctx context.Context) error { return c.run(ctx, c.queryWork) }

// queryWork discards what was read, and adds the statements that read it.
func (c *claimer) queryWork(sc *script) {
	var ids []string
	for i := range c.works {
		if id := c.works[i].Key.ID; id != "" {
			ids = append(ids, id)
		}
	}
	for i := range c.works {
		c.works[i] = automation.Work{Key: c.works[i].Key, Token: c.works[i].Token}
	}
	c.astray, c.waits, c.damaged = nil, nil, map[ownerKey]bool{}
	sc.query(c.addEvent, claimedEvents, c.owners, c.params.Events)
	sc.query(c.addRun, claimedRuns, c.owners, c.params.Now, c.params.Runs)
	sc.query(c.addWait, claimedWaits, c.owners, c.params.Events)
	c.readStarts(sc, c.s.recent.list())
	sc.query(c.addContact, claimedContacts, ids)
}

// run runs the script that build makes, in a transaction of its own that only reads, and
// sees one state of the database. If the transaction fails because of another one, run
// calls build again, which discards the rows of the first attempt.
func (c *claimer) run(ctx context.Context, build func(sc *script)) error {
	return c.s.transact(ctx, func(tx *transaction) error {
		tx.snapshot = true
		var sc script
		build(&sc)
		return tx.commit(ctx, sc)
	})
}

// readOtherStarts reads what those events start whose names readWork did not include.
func (c *claimer) readOtherStarts(ctx context.Context) error {
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
	c.s.recent.add(names)
	return c.run(ctx, func(sc *script) { c.readStarts(sc, names) })
}

// adoptStrays moves stray events to their contacts (see the statement adoptStrays) and
// reads all events again, in the right order.
func (c *claimer) adoptStrays(ctx context.Context) error {
	of := make(owners, len(c.astray))
	for i, id := range c.astray {
		of[i] = ownerOf(automation.ContactRef{ID: id})
	}
	err := c.s.transact(ctx, func(tx *transaction) error {
		var sc script
		sc.exec(adoptStrays, c.astray, of)
		return tx.commit(ctx, sc)
	})
	if err != nil {
		return err
	}
	return c.run(ctx, func(sc *script) {
		for i := range c.works {
			c.works[i].Events = nil
		}
		c.waits = nil
		sc.query(c.addEvent, claimedEvents, c.owners, c.params.Events)
		sc.query(c.addWait, claimedWaits, c.owners, c.params.Events)
	})
}

func (c *claimer) work(owner ownerKey) *automation.Work { return &c.works[c.indexes[owner]] }

func (c *claimer) addContact(scan scanFunc) error {
	var astray bool
	row, err := scanStoredContact(scan, &astray)
	owner := ownerOf(automation.ContactRef{ID: row.ID})
	if astray {
		c.astray = append(c.astray, row.ID)
	}
	switch {
	case errors.Is(err, record.ErrDamaged):
		c.damaged[owner], c.reason = true, err
		return nil
	case err == nil:
		c.work(owner).Contact = &row.Contact
	}
	return err
}

// dropDamaged leaves out the contacts that cannot be read. They stay leased, so that
// they do not keep the next claims busy. It fails if no contact is left.
func (c *claimer) dropDamaged() error {
	if len(c.damaged) == 0 {
		return nil
	}
	works, owners := c.works[:0], c.owners[:0]
	for i, owner := range c.owners {
		if !c.damaged[owner] {
			c.indexes[owner] = len(works)
			works, owners = append(works, c.works[i]), append(owners, owner)
		}
	}
	c.works, c.owners = works, owners
	if len(works) == 0 {
		return c.reason
	}
	return nil
}

func (c *claimer) addEvent(scan scanFunc) error {
	var unannounced bool
	e, owner, err := scanEvent(scan, &unannounced)
	if err == nil {
		w := c.work(owner)
		w.Events = append(w.Events, automation.PendingEvent{Event: e, Unannounced: unannounced})
	}
	return err
}

func (c *claimer) addRun(scan scanFunc) error {
	r, err := scanClaimed(scan)
	if err == nil {
		w := c.work(r.owner)
		w.Runs = append(w.Runs, r.ClaimedRun)
	}
	return err
}

func (c *claimer) addWait(scan scanFunc) error {
	r, err := scanClaimed(scan)
	c.waits = append(c.waits, r)
	return err
}

func scanClaimed(scan scanFunc) (waitingRun, error) {
	var trigger []byte
	var text pgtype.Text
	row, err := scanActiveRun(scan, &trigger, &text)
	if err != nil {
		return waitingRun{}, err
	}
	cause, err := record.DecodeCause(text.String)
	return waitingRun{row.owner, automation.ClaimedRun{
		RunRecord: row.RunRecord, Request: row.request, TriggerPayload: trigger, Cause: cause,
	}}, err
}

// match sets what the events start. It adds the runs that listen to events of the claim, and
// those that are gathered, except those that are in the claim already.
func (c *claimer) match() {
	for _, r := range c.waits {
		if c.damaged[r.owner] {
			continue
		}
		w := c.work(r.owner)
		if !hasRun(w, r.ID) && record.HasAny(w.Events, r.Listens) {
			w.Runs = append(w.Runs, r.ClaimedRun)
		}
	}
	for _, r := range c.gathered {
		if w := c.work(r.owner); !hasRun(w, r.ID) {
			w.Runs = append(w.Runs, r.ClaimedRun)
		}
	}
	for i := range c.works {
		for j := range c.works[i].Events {
			e := &c.works[i].Events[j]
			st := c.starts[e.Name]
			e.Starts, e.Disabled = st.Refs, st.Disabled
		}
	}
	slices.SortFunc(c.works, func(a, b automation.Work) int {
		return cmp.Or(dueAt(&a).Compare(dueAt(&b)), cmp.Compare(a.Token, b.Token))
	})
}

// hasRun reports whether a claim brings a run already.
func hasRun(w *automation.Work, id string) bool {
	return slices.ContainsFunc(w.Runs, func(r automation.ClaimedRun) bool { return r.ID == id })
}

// dueAt returns since when a contact has work.
func dueAt(w *automation.Work) (at time.Time) {
	if len(w.Events) > 0 {
		at = w.Events[0].AcceptedAt
	}
	if len(w.Runs) > 0 && (at.IsZero() || w.Runs[0].DueAt.Before(at)) && !w.Runs[0].DueAt.IsZero() {
		at = w.Runs[0].DueAt
	}
	return at
}
