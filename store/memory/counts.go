package memory

import (
	"context"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// CountRuns implements automation.RunReader.
func (s *Store) CountRuns(ctx context.Context, automationIDs ...string) ([]automation.RunCount, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	counts := map[automation.RunCount]int{}
	for _, id := range automationIDs {
		a, ok := s.automations[id]
		if !ok {
			return nil, record.NotFound("automation", id)
		}
		count(counts, a)
	}
	out := make([]automation.RunCount, 0, len(counts))
	for c, n := range counts {
		c.Count = n
		out = append(out, c)
	}
	record.SortCounts(out)
	return out, nil
}

// count counts the runs of an automation. To count them again changes nothing.
func count(counts map[automation.RunCount]int, a *automationEntry) {
	group := func(r *run) automation.RunCount {
		return automation.RunCount{AutomationID: a.ID, Version: int(r.version), Step: r.step, Status: statuses[r.status]}
	}
	for _, r := range a.runs {
		counts[group(r)] = 0
	}
	for _, r := range a.runs {
		counts[group(r)]++
	}
}
