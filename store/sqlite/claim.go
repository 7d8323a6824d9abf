package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// The owners of due work that have no valid lease, those whose work is due longest
// first. They rely on automation_pending_accepted and automation_active_runs_due, and on
// the primary key of leases. claimableInLease scans the leases, of which there are as
// many as contacts with work in progress.
const (
	claimableEvents = `
SELECT p.owner, p.accepted_at FROM automation_pending p
WHERE p.accepted_at <= ?1 AND NOT EXISTS (SELECT 1 FROM automation_leases l WHERE l.owner = p.owner AND l.until > ?1)
ORDER BY p.accepted_at LIMIT 0 + ?2`
	claimableRuns = `
SELECT r.owner, r.due_at FROM automation_active_runs r
WHERE r.due_at <= ?1 AND NOT EXISTS (SELECT 1 FROM automation_leases l WHERE l.owner = r.owner AND l.until > ?1)
ORDER BY r.due_at LIMIT 0 + ?2`
	claimableInLease = `
SELECT b.owner, b.due_at FROM automation_begun_runs b
WHERE b.due_at <= ?1 AND NOT EXISTS (SELECT 1 FROM automation_leases l WHERE l.owner = b.owner AND l.until > ?1)
ORDER BY b.due_at LIMIT 0 + ?2`
)

// candidate is the owner of an event or a run that is due.
type candidate struct {
	owner key
	due   int64
}

func scanCandidate(rows *sql.Rows) (c candidate, err error) {
	err = rows.Scan(&c.owner, &c.due)
	return c, err
}

// Claim implements automation.WorkStore. It takes the lock for writing only to lease
// contacts. It looks for candidates before that, because usually there are none. It
// reads their work after that, because no other process takes any of it away once the
// contacts are leased.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	owners, err := s.candidates(ctx, p)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	c := claimer{params: p, starts: map[string]record.Starts{}, gathers: gathering{}}
	err = s.write(ctx, func(ctx context.Context, tx *transaction) error {
		if err := checkEngine(ctx, tx, p.Engine); err != nil {
			return err
		}
		return failed("claim", c.lease(ctx, tx, owners))
	})
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // otherwise the leases would stay without a holder
	err = s.read(ctx, func(q session) error { return failed("claim", c.read(ctx, q)) })
	if err != nil {
		s.abandonLeases(ctx, c.works, c.leased)
		return nil, err
	}
	works, idle, err := c.splitWork()
	s.abandonLeases(ctx, c.works, idle)
	return works, err
}

// candidates returns the owners to lease. It fails if an engine has the store, because a caller
// learns that even while nothing is due.
func (s *Store) candidates(ctx context.Context, p automation.ClaimParams) (owners []key, err error) {
	if err := s.read(ctx, func(q session) error { return checkEngine(ctx, q, p.Engine) }); err != nil {
		return nil, err
	}
	if p.Contact != (automation.ContactRef{}) {
		return []key{ownerKey(p.Contact)}, nil
	}
	err = s.read(ctx, func(q session) error {
		var due []candidate
		for _, query := range []string{claimableEvents, claimableRuns, claimableInLease} {
			some, err := all(ctx, q, scanCandidate, query, p.Now.UnixMicro(), p.Limit)
			if err != nil {
				return failed("claim", err)
			}
			due = append(due, some...)
		}
		owners = oldest(due, p.Limit)
		return nil
	})
	return owners, err
}

// oldest returns the owners of the candidates that are due longest, each owner once.
func oldest(due []candidate, limit int) []key {
	slices.SortStableFunc(due, func(a, b candidate) int { return cmp.Compare(a.due, b.due) })
	owners := make([]key, 0, min(limit, len(due)))
	seen := make(map[key]bool, cap(owners))
	for _, c := range due {
		if len(owners) == limit {
			break
		}
		if !seen[c.owner] {
			seen[c.owner] = true
			owners = append(owners, c.owner)
		}
	}
	return owners
}

// claimer leases contacts and reads their work.
type claimer struct {
	params automation.ClaimParams
	leased []key
	works  map[key]*claimedWork
	starts map[string]record.Starts // by event name
	// gathers is empty unless an event starts an automation that gathers.
	gathers gathering
}

// claimedWork is the work of a contact that was leased.
type claimedWork struct {
	automation.Work
	unreadable error // why the contact cannot be read, nil if it can
}

// splitWork returns the claimed work, and the contacts that have none. The error is why
// no contact with work can be read.
func (c *claimer) splitWork() (works []automation.Work, idle []key, unreadable error) {
	works = make([]automation.Work, 0, len(c.leased))
	for _, owner := range c.leased {
		w := c.works[owner]
		switch {
		case w.unreadable != nil:
			unreadable = w.unreadable // it stays leased, so that it does not keep the next claims busy
		case len(w.Events) == 0 && len(w.Runs) == 0 && c.params.Contact == (automation.ContactRef{}):
			idle = append(idle, owner) // another process has done the work since candidates found it
		default:
			works = append(works, w.Work)
		}
	}
	if len(works) > 0 {
		return works, idle, nil
	}
	return nil, idle, failed("claim", unreadable)
}

// read reads the leased contacts and their work.
func (c *claimer) read(ctx context.Context, q session) error {
	if err := c.readContacts(ctx, q); err != nil {
		return err
	}
	if err := c.readEvents(ctx, q); err != nil {
		return err
	}
	return c.readRuns(ctx, q)
}

// claimedContacts relies on the unique index on id.
const claimedContacts = forKeys + selectContact + `FROM keys CROSS JOIN automation_contacts c ON c.id = k`

func (c *claimer) readContacts(ctx context.Context, q session) error {
	return lookup(ctx, q, scanStoredContact, claimedContacts, c.leased, func(stored storedContact) {
		w := c.works[idKey(stored.ID)]
		w.unreadable = stored.damage
		if stored.deleted.IsZero() {
			w.Contact = &stored.Contact
		}
	})
}

// claimedEvents relies on the primary key. It first finds the last event of each contact that it
// has room for, so that it reads no others.
const claimedEvents = forKeys + `, last AS MATERIALIZED (SELECT k,
	(SELECT p.accepted_at FROM automation_pending p WHERE p.owner = k ORDER BY p.accepted_at, p.no LIMIT 1 OFFSET 0 + ?33) AS at,
	(SELECT p.no FROM automation_pending p WHERE p.owner = k ORDER BY p.accepted_at, p.no LIMIT 1 OFFSET 0 + ?33) AS no FROM keys)
SELECT e.id, e.owner, e.email, e.name, e.payload, e.key, e.occurred_at, e.accepted_at, e.automation_id, e.cause, e.unannounced IS NOT NULL
FROM last CROSS JOIN automation_pending e ON e.owner = last.k AND 0 + ?33 >= 0
	AND (e.accepted_at, e.no) <= (coalesce(last.at, 9223372036854775807), coalesce(last.no, 9223372036854775807))
ORDER BY e.accepted_at, e.no`

// pendingEvent is an event that a claim brings.
type pendingEvent struct {
	storedEvent
	unannounced bool
}

func scanPendingEvent(rows *sql.Rows) (e pendingEvent, err error) {
	e.storedEvent, err = scanStoredEvent(rows, &e.unannounced)
	return e, err
}

// readEvents reads the pending events of each contact, up to the bound, and which
// automations they start.
func (c *claimer) readEvents(ctx context.Context, q session) error {
	err := lookup(ctx, q, scanPendingEvent, claimedEvents, c.leased, func(e pendingEvent) {
		w := c.works[e.owner]
		w.Events = append(w.Events, automation.PendingEvent{Event: e.Event, Unannounced: e.unannounced})
	}, c.params.Events-1)
	if err != nil {
		return err
	}
	for _, owner := range c.leased {
		events := c.works[owner].Events
		for i := range events {
			starts, err := c.startsOf(ctx, q, events[i].Name)
			if err != nil {
				return err
			}
			events[i].Starts, events[i].Disabled = starts.Refs, starts.Disabled
			c.gathers.add(owner, starts.Gathers)
		}
	}
	return nil
}

// These rely on automation_active_runs_owner, and the primary keys of pending and listens.
const (
	haveRuns = forKeys + `
SELECT k FROM keys WHERE EXISTS (SELECT 1 FROM automation_active_runs r WHERE r.owner = k)`
	claimedRuns = forKeys + claimColumns + `
FROM keys CROSS JOIN json_each((SELECT json_group_array(no) FROM (
	SELECT d.no FROM automation_active_runs d WHERE d.owner = k AND d.due_at <= ?33 ORDER BY d.due_at, d.no LIMIT 0 + ?34))) j
CROSS JOIN automation_active_runs r ON r.no = j.value` + joinRun + ` ORDER BY r.due_at, r.no`
	claimedWaits = forKeys + claimColumns + `
FROM keys CROSS JOIN automation_active_runs r ON r.owner = k AND r.listen_no IN (
	SELECT l.no FROM automation_listens l WHERE l.event_name IN (
		SELECT n.name FROM automation_pending n WHERE n.owner = k))` + joinRun + `
ORDER BY r.created_at, r.no`
)

// readRuns reads the due runs of each contact, longest first and up to the bound, and
// then the remaining runs that listen to one of its events, oldest first, and those that
// are gathered.
func (c *claimer) readRuns(ctx context.Context, q session) error {
	var owners []key
	if err := lookup(ctx, q, scanKey, haveRuns, c.leased, func(k key) { owners = append(owners, k) }); err != nil {
		return err
	}
	brought := map[int64]bool{}
	bring := func(r storedRun) {
		w := c.works[r.owner]
		w.Runs = append(w.Runs, r.ClaimedRun)
		brought[r.no] = true
	}
	if err := lookup(ctx, q, scanRun, claimedRuns, owners, bring, c.params.Now.UnixMicro(), c.params.Runs); err != nil {
		return err
	}
	err := lookup(ctx, q, scanRun, claimedWaits, owners, func(r storedRun) {
		if !brought[r.no] && record.HasAny(c.works[r.owner].Events, r.Listens) {
			bring(r)
		}
	})
	if err != nil {
		return err
	}
	return c.readGathered(ctx, q, brought, bring)
}

// startsOf returns what an event starts. All events of the claim with this name share the
// slice.
func (c *claimer) startsOf(ctx context.Context, q session, event string) (record.Starts, error) {
	if known, ok := c.starts[event]; ok {
		return known, nil
	}
	triggers, err := all(ctx, q, scanTrigger, claimedTriggers, event)
	var st record.Starts
	for _, t := range triggers {
		st.Add(t.VersionRef, t.enabled, t.gathers)
	}
	c.starts[event] = st
	return st, err
}
