package sqlite

import (
	"context"
	"database/sql"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const (
	takeTokens = `UPDATE automation_tokens SET last_fence = last_fence + ? WHERE id = 1 RETURNING last_fence`
	// takeLeases leases owners that have no lease, or one that has expired. It has the owners ?1
	// to ?32, the fence ?33 of the first one, and relies on the primary key.
	takeLeases = forNumberedKeys + `
INSERT INTO automation_leases (owner, fence, until) SELECT k, ?33 - i, ?34 FROM keys WHERE k IS NOT NULL
ON CONFLICT (owner) DO UPDATE SET fence = excluded.fence, until = excluded.until WHERE automation_leases.until <= ?35
RETURNING owner, fence, run_no IS NOT NULL`
)

// takenLease is a lease that a claim has taken.
type takenLease struct {
	owner key
	fence int64
	run   bool // it has the run of a lease that has expired
}

func scanTakenLease(rows *sql.Rows) (l takenLease, err error) {
	err = rows.Scan(&l.owner, &l.fence, &l.run)
	return l, err
}

// lease leases those contacts that have no valid lease. The in-lease runs of leases that have
// expired are parked among the active runs, where claims look for due runs.
func (c *claimer) lease(ctx context.Context, tx *transaction, owners []key) error {
	var fence int64
	if _, err := first(ctx, tx, takeTokens, args(len(owners)), &fence); err != nil {
		return err
	}
	c.works = make(map[key]*claimedWork, len(owners))
	var parked []key
	take := func(l takenLease) {
		c.works[l.owner] = &claimedWork{Work: automation.Work{Key: l.owner.ref(), Token: l.fence}}
		if l.run {
			parked = append(parked, l.owner)
		}
	}
	until, now := c.params.Now.Add(c.params.Lease).UnixMicro(), c.params.Now.UnixMicro()
	for some := range slices.Chunk(owners, lookups) {
		if err := lookup(ctx, tx, scanTakenLease, takeLeases, some, take, fence, until, now); err != nil {
			return err
		}
		fence -= int64(len(some))
	}
	c.leased = slices.DeleteFunc(owners, func(owner key) bool { return c.works[owner] == nil })
	for _, owner := range parked {
		if err := tx.park(ctx, owner.column()); err != nil {
			return err
		}
	}
	return nil
}

// abandonLeases releases leases. If that fails, they expire.
func (s *Store) abandonLeases(ctx context.Context, works map[key]*claimedWork, owners []key) {
	if len(owners) == 0 {
		return
	}
	_ = s.write(ctx, func(ctx context.Context, tx *transaction) error {
		for _, owner := range owners {
			if _, err := tx.exec(ctx, endLease, owner.column(), works[owner].Token, nil); err != nil {
				return failed("claim", err)
			}
		}
		return nil
	})
}

// These rely on the primary key.
const (
	findLease   = `SELECT fence FROM automation_leases WHERE owner = ? AND fence = ?`
	extendLease = `UPDATE automation_leases SET until = ? WHERE owner = ? AND fence = ?`
	// endLease changes nothing if the lease has another run than the given one.
	endLease = `DELETE FROM automation_leases WHERE owner = ? AND fence = ? AND (run_no IS NULL OR run_no = ?)`
)

// lease fails if the transition's lease is lost. Otherwise it releases or extends the
// lease, provided that the transition is going to be written.
func (c *committer) lease(ctx context.Context, w *transitionWrite, write bool) (err error) {
	var held bool
	switch {
	case !write:
		held, err = first(ctx, c.tx, findLease, args(w.owner, w.t.Token), new(int64))
	case w.t.Release:
		held, err = c.release(ctx, w)
	default:
		held, err = c.extend(ctx, w)
	}
	if err == nil && !held {
		return record.LeaseLost(w.t.Key)
	}
	return failed("lease", err)
}

// extend extends the lease. It reports false if the lease is lost.
func (c *committer) extend(ctx context.Context, w *transitionWrite) (held bool, err error) {
	if held, err := c.startInLease(ctx, w); err != nil || held {
		return held, err
	}
	n, err := changed(ctx, c.tx, extendLease, w.t.Extend.UnixMicro(), w.owner, w.t.Token)
	return n > 0, err
}

// release deletes the lease with its in-lease run, which the transition then writes to
// another table. It reports false if the lease is lost.
func (c *committer) release(ctx context.Context, w *transitionWrite) (held bool, err error) {
	var run any
	for i := range w.runs {
		if w.runs[i].table == inLeaseRuns && w.runs[i].no != 0 {
			run = w.runs[i].no
		}
	}
	n, err := changed(ctx, c.tx, endLease, w.owner, w.t.Token, run)
	if err != nil || n > 0 {
		return n > 0, err
	}
	held, err = first(ctx, c.tx, findLease, args(w.owner, w.t.Token), new(int64))
	if err != nil || !held {
		return false, err
	}
	// The lease has a run that this transition does not contain.
	if err := c.tx.park(ctx, w.owner); err != nil {
		return false, err
	}
	_, err = c.tx.exec(ctx, endLease, w.owner, w.t.Token, nil)
	return true, err
}
