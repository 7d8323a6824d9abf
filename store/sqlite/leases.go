package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const (
	takeTokens = `UPDATE automation_tokens SET last = last + ? WHERE id = 1 RETURNING last`
	// insertLease relies on the primary key.
	insertLease = `INSERT INTO automation_leases (owner, fence, until) VALUES (?, ?, ?) ON CONFLICT (owner) DO NOTHING`
	// takeOverLease changes nothing if the lease is valid.
	takeOverLease = `UPDATE automation_leases SET fence = ?2, until = ?3 WHERE owner = ?1 AND until <= ?4`
)

// lease leases those contacts that have no valid lease.
func (c *claimer) lease(ctx context.Context, tx *transaction, owners []key) error {
	var token int64
	if _, err := first(ctx, tx, takeTokens, args(len(owners)), &token); err != nil {
		return err
	}
	c.leased, c.works = nil, make(map[key]*claimedWork, len(owners))
	for _, owner := range owners {
		held, err := c.leaseOne(ctx, tx, owner, token)
		if err != nil {
			return err
		}
		if held {
			c.leased = append(c.leased, owner)
			c.works[owner] = &claimedWork{Work: automation.Work{Key: owner.ref(), Token: token}}
		}
		token--
	}
	return nil
}

// leaseOne leases a contact unless it has a valid lease. The in-lease run of an
// expired lease is parked among the active runs, where claims look for due runs.
func (c *claimer) leaseOne(ctx context.Context, tx *transaction, owner key, token int64) (held bool, err error) {
	column, until := owner.column(), c.params.Now.Add(c.params.Lease).UnixMicro()
	n, err := changed(ctx, tx, insertLease, column, token, until)
	if err != nil || n > 0 {
		return n > 0, err
	}
	n, err = changed(ctx, tx, takeOverLease, column, token, until, c.params.Now.UnixMicro())
	if err != nil || n == 0 {
		return false, err
	}
	return true, tx.park(ctx, column)
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
