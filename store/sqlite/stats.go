package sqlite

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
)

// These end after ?2 rows. They rely on automation_pending_accepted and
// automation_active_runs_due, which they read in order. countInLease scans the leases, of
// which there are as many as contacts with work in progress.
const (
	countPending = `
SELECT count(*) FROM (SELECT 1 FROM automation_pending WHERE accepted_at <= ?1 ORDER BY accepted_at LIMIT 0 + ?2)`
	countDue = `
SELECT count(*) FROM (SELECT 1 FROM automation_active_runs WHERE due_at <= ?1 ORDER BY due_at LIMIT 0 + ?2)`
	countInLease = `
SELECT count(*) FROM (SELECT 1 FROM automation_begun_runs WHERE due_at <= ?1 LIMIT 0 + ?2)`
	countSetAside = `
SELECT count(*) FROM (SELECT setbacks FROM automation_active_runs WHERE due_at <= ?1 ORDER BY due_at LIMIT 0 + ?2) WHERE setbacks > 0`
)

// someLeasedWork is leasedWork for the first leases to end.
const someLeasedWork = leasedWork + ` LIMIT 0 + ?1`

// Stats implements automation.StatsReader. It reads in several statements without a common
// transaction, because what happens between two of them would only make the numbers those
// of slightly different moments.
func (s *Store) Stats(ctx context.Context, p automation.StatsParams) (automation.StoreStats, error) {
	m := meter{params: p}
	err := s.read(ctx, func(q session) error { return failed("stats", m.read(ctx, q)) })
	if err != nil {
		return automation.StoreStats{}, err
	}
	return m.stats, nil
}

// meter reads the stats of a store.
type meter struct {
	params automation.StatsParams
	stats  automation.StoreStats
}

func (m *meter) read(ctx context.Context, q session) error {
	if err := m.readOldest(ctx, q); err != nil || m.params.Limit == 0 {
		return err
	}
	if err := m.count(ctx, q); err != nil {
		return err
	}
	return m.readLeases(ctx, q)
}

// readOldest reads since when the oldest work without a valid lease is due.
func (m *meter) readOldest(ctx context.Context, q session) error {
	oldest := soonest{}
	for _, query := range []string{claimableEvents, claimableRuns, claimableInLease} {
		c, found, err := one(ctx, q, scanCandidate, query, m.params.Now.UnixMicro(), 1)
		if err != nil {
			return err
		}
		if found {
			oldest.add(c.due)
		}
	}
	m.stats.OldestDue = oldest.time()
	return nil
}

func (m *meter) count(ctx context.Context, q session) error {
	for _, c := range []struct {
		query string
		until time.Time
		n     *int
	}{
		{countPending, m.params.Now, &m.stats.PendingEvents},
		{countDue, m.params.Now, &m.stats.DueRuns},
		{countInLease, m.params.Now, &m.stats.DueRuns},
		{countSetAside, m.params.SetAsideUntil, &m.stats.SetAside},
	} {
		n, _, err := one(ctx, q, scanInt, c.query, c.until.UnixMicro(), m.params.Limit)
		if err != nil {
			return err
		}
		*c.n = min(*c.n+int(n), m.params.Limit)
	}
	return nil
}

// readLeases reads the leases and the work of their contacts.
func (m *meter) readLeases(ctx context.Context, q session) error {
	oldest, now := soonest{}, m.params.Now.UnixMicro()
	err := each(ctx, q, scanLeased, func(l leased) {
		if l.until > now {
			m.stats.Leases++
		}
		due := l.due()
		switch {
		case !due.known || due.at > now:
		case l.until > now:
			oldest.add(due.at)
		default:
			m.stats.ExpiredLeases++
		}
	}, someLeasedWork, m.params.Limit)
	m.stats.OldestLeased = oldest.time()
	return err
}
