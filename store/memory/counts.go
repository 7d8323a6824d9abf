package memory

import (
	"context"
	"slices"

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
	for i, id := range automationIDs {
		a, ok := s.automations[id]
		if !ok {
			return nil, record.NotFound("automation", id)
		}
		if slices.Contains(automationIDs[:i], id) {
			continue
		}
		for _, r := range a.runs {
			counts[automation.RunCount{AutomationID: id, Version: int(r.version), Step: r.step, Status: statuses[r.status]}]++
		}
	}
	out := make([]automation.RunCount, 0, len(counts))
	for c, n := range counts {
		c.Count = n
		out = append(out, c)
	}
	record.SortCounts(out)
	return out, nil
}
