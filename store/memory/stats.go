package memory

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// Stats implements automation.StatsReader. It looks at the contacts that are leased, and
// at those that are due by p.Now or p.SetAsideUntil.
func (s *Store) Stats(ctx context.Context, p automation.StatsParams) (automation.StoreStats, error) {
	if err := s.lock(ctx); err != nil {
		return automation.StoreStats{}, err
	}
	defer s.mu.Unlock()
	m := meter{now: toMicros(p.Now), setAsideUntil: toMicros(p.SetAsideUntil)}
	for cs := range s.leased {
		m.add(cs)
	}
	s.due.each(max(m.now, m.setAsideUntil), 0, func(cs *contactState) {
		if cs.leasedUntil == 0 {
			m.add(cs)
		}
	})
	return m.stats(p.Limit), nil
}

// meter adds up the work of contacts.
type meter struct {
	now, setAsideUntil         micros
	pending, dueRuns, setAside int
	leases, expired            int
	oldestDue, oldestLeased    micros
}

func (m *meter) add(cs *contactState) {
	for _, e := range cs.pending() {
		if e.accepted <= m.now {
			m.pending++
		}
	}
	for _, r := range cs.running {
		if r.due != 0 && r.due <= m.now {
			m.dueRuns++
		}
		if r.due != 0 && r.due <= m.setAsideUntil && r.decodeFailures > 0 {
			m.setAside++
		}
	}
	due := cs.work()
	isDue, leased := due != 0 && due <= m.now, cs.leasedUntil > m.now
	if leased {
		m.leases++
	}
	switch {
	case isDue && leased:
		m.oldestLeased = earlier(m.oldestLeased, due)
	case isDue:
		m.oldestDue = earlier(m.oldestDue, due)
		if cs.leasedUntil != 0 {
			m.expired++
		}
	}
}

func (m *meter) stats(limit int) automation.StoreStats {
	st := automation.StoreStats{
		PendingEvents: min(m.pending, limit), DueRuns: min(m.dueRuns, limit), SetAside: min(m.setAside, limit),
		Leases: min(m.leases, limit), ExpiredLeases: min(m.expired, limit),
		OldestDue: m.oldestDue.time(),
	}
	if limit > 0 {
		st.OldestLeased = m.oldestLeased.time()
	}
	return st
}
