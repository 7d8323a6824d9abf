package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/seed-b636437c/automation"
)

// The owners of work that is due, longest first, and free to be leased. By
// automation_pending_accepted and automation_active_runs_due, and the primary key
// of leases.
const (
	claimableEvents = `
SELECT p.owner, p.accepted_at FROM automation_pending p
WHERE p.accepted_at <= ?1 AND NOT EXISTS (SELECT 1 FROM automation_leases l WHERE l.owner = p.owner AND l.until > ?1)
ORDER BY p.accepted_at LIMIT 0 + ?2`
	claimableRuns = `
SELECT r.owner, r.due_at FROM automation_active_runs r
WHERE r.due_at <= ?1 AND NOT EXISTS (SELECT 1 FROM automation_leases l WHERE l.owner = r.owner AND l.until > ?1)
ORDER BY r.due_at LIMIT 0 + ?2`
)

// candidate is the owner of something that is due.
type candidate struct {
	owner key
	at    int64
}

func scanCandidate(rows *sql.Rows) (c candidate, err error) {
	err = rows.Scan(&c.owner, &c.at)
	return c, err
}

// Claim implements automation.WorkStore.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) (works []automation.Work, err error) {
	// Looked for without the lock: most often there is nothing.
	owners, err := s.candidates(ctx, p)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		c := claimer{tx: t, params: p, starts: map[string][]automation.VersionRef{}}
		works, err = c.claim(ctx, owners)
		return err
	})
	if err != nil {
		return nil, err
	}
	return works, nil
}

func (s *Store) candidates(ctx context.Context, p automation.ClaimParams) (owners []key, err error) {
	if p.Contact != (automation.ContactRef{}) {
		return []key{ownerKey(p.Contact)}, nil
	}
	err = s.read(ctx, func(q session) error {
		now := p.Now.UnixMicro()
		events, err := all(ctx, q, scanCandidate, claimableEvents, now, p.Limit)
		if err != nil {
			return failed("claim", err)
		}
		runs, err := all(ctx, q, scanCandidate, claimableRuns, now, p.Limit)
		owners = oldest(append(events, runs...), p.Limit)
		return failed("claim", err)
	})
	return owners, err
}

// oldest returns the owners of what is due longest, each once.
func oldest(due []candidate, limit int) []key {
	slices.SortStableFunc(due, func(a, b candidate) int { return cmp.Compare(a.at, b.at) })
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

// claimer leases contacts and reads their work, in one transaction.
type claimer struct {
	tx     *tx
	params automation.ClaimParams
	token  int64
	starts map[string][]automation.VersionRef // by event name
}

const takeTokens = `UPDATE automation_tokens SET last = last + ? WHERE id = 1 RETURNING last`

func (c *claimer) claim(ctx context.Context, owners []key) ([]automation.Work, error) {
	if _, err := first(ctx, c.tx, takeTokens, args(len(owners)), &c.token); err != nil {
		return nil, failed("claim", err)
	}
	c.token -= int64(len(owners))
	works := make([]automation.Work, 0, len(owners))
	var unreadable error
	for _, owner := range owners {
		w, leased, err := c.lease(ctx, owner)
		switch {
		case errors.Is(err, errDamaged):
			unreadable = err // it stays leased, so that it does not get in the way of the others
		case err != nil:
			return nil, failed("claim", err)
		case leased:
			works = append(works, w)
		}
	}
	if len(works) > 0 {
		return works, nil
	}
	return nil, failed("claim", unreadable)
}

// takeLease returns whether the owner has active runs, and no row if a valid lease
// stays with whoever has it. By the primary key and automation_active_runs_owner.
const takeLease = `
INSERT INTO automation_leases (owner, token, until) VALUES (?1, ?2, ?3)
ON CONFLICT (owner) DO UPDATE SET token = excluded.token, until = excluded.until WHERE until <= ?4
RETURNING EXISTS (SELECT 1 FROM automation_active_runs r WHERE r.owner = ?1)`

// lease takes a contact and reads its work. One that was due a moment ago and has
// no work any more is left alone, unless it was asked for by name.
func (c *claimer) lease(ctx context.Context, owner key) (w automation.Work, leased bool, err error) {
	c.token++
	now := c.params.Now
	var active bool
	leased, err = first(ctx, c.tx, takeLease, args(owner.column(), c.token, now.Add(c.params.Lease).UnixMicro(), now.UnixMicro()), &active)
	if err != nil || !leased {
		return w, false, err
	}
	if w, err = c.work(ctx, owner, active); err != nil {
		return w, false, err
	}
	if len(w.Events) == 0 && len(w.Runs) == 0 && c.params.Contact == (automation.ContactRef{}) {
		_, err := c.tx.exec(ctx, dropLease, owner.column(), c.token)
		return w, false, err
	}
	return w, true, nil
}

func (c *claimer) work(ctx context.Context, owner key, active bool) (w automation.Work, err error) {
	w.Contact, w.Token = owner.ref(), c.token
	if w.Contact.ID != "" {
		if w.Record, err = mayContact(ctx, c.tx, w.Contact); err != nil {
			return w, err
		}
	}
	if w.Events, err = c.events(ctx, owner); err != nil {
		return w, err
	}
	for i := range w.Events {
		if w.Events[i].Starts, err = c.startsOf(ctx, w.Events[i].Name); err != nil {
			return w, err
		}
	}
	if active {
		w.Runs, err = c.runs(ctx, owner, w.Events)
	}
	return w, err
}

// mayContact returns a contact, or nil if it does not exist.
func mayContact(ctx context.Context, q session, ref automation.ContactRef) (*automation.Contact, error) {
	c, found, err := contact(ctx, q, ref)
	if err != nil || !found || !c.deleted.IsZero() {
		return nil, err
	}
	return &c.Contact, nil
}

// By the primary keys of pending and events.
const pendingEvents = selectEvent + ` JOIN automation_pending p ON p.event_no = e.no
WHERE p.owner = ? ORDER BY p.accepted_at, p.event_no LIMIT 0 + ?`

func (c *claimer) events(ctx context.Context, owner key) ([]automation.PendingEvent, error) {
	return all(ctx, c.tx, func(rows *sql.Rows) (e automation.PendingEvent, err error) {
		e.Event, err = scanEvent(rows)
		return e, err
	}, pendingEvents, owner.column(), c.params.Events)
}

// By automation_active_runs_owner.
const (
	dueRuns     = selectClaim + ` WHERE r.owner = ? AND r.due_at <= ? ORDER BY r.due_at, r.no LIMIT 0 + ?`
	waitingRuns = selectClaim + ` WHERE r.owner = ? AND r.wait_event = ? ORDER BY r.created_at, r.no`
)

// runs returns the owner's due runs, longest first, as many as may be brought, and
// then the others that wait for one of the events, oldest first.
func (c *claimer) runs(ctx context.Context, owner key, events []automation.PendingEvent) ([]automation.ClaimedRun, error) {
	due, err := all(ctx, c.tx, scanRun, dueRuns, owner.column(), c.params.Now.UnixMicro(), c.params.Runs)
	if err != nil {
		return nil, err
	}
	var waiting []storedRun
	asked := map[string]bool{}
	for i := range events {
		name := events[i].Name
		if asked[name] {
			continue
		}
		asked[name] = true
		runs, err := all(ctx, c.tx, scanRun, waitingRuns, owner.column(), name)
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, runs...)
	}
	return merge(due, waiting), nil
}

// merge returns the due runs and, oldest first, those of the waiting ones that are
// not among them.
func merge(due, waiting []storedRun) []automation.ClaimedRun {
	runs := make([]automation.ClaimedRun, 0, len(due)+len(waiting))
	brought := make(map[int64]bool, len(due))
	for i := range due {
		brought[due[i].no] = true
		runs = append(runs, due[i].ClaimedRun)
	}
	slices.SortFunc(waiting, func(a, b storedRun) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.no, b.no))
	})
	for i := range waiting {
		if !brought[waiting[i].no] {
			runs = append(runs, waiting[i].ClaimedRun)
		}
	}
	return runs
}

// startsOf returns the versions that an event starts. The slice is shared by all
// events of the claim.
func (c *claimer) startsOf(ctx context.Context, event string) ([]automation.VersionRef, error) {
	if refs, ok := c.starts[event]; ok {
		return refs, nil
	}
	refs, err := all(ctx, c.tx, scanVersionRef, nextToStart, event)
	c.starts[event] = refs
	return refs, err
}
