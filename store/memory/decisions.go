package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
)

// decide keeps decisions with their events, each once.
func (s *Store) decide(decisions []automation.Decision) {
	for _, d := range decisions {
		if s.events[d.EventID] == nil {
			continue
		}
		kept := s.decisions[d.EventID]
		at, found := slices.BinarySearchFunc(kept, d, compareDecisions)
		if found {
			continue
		}
		d.At, d.Evidence = asKept(d.At), bytes.Clone(d.Evidence)
		s.decisions[d.EventID] = slices.Insert(kept, at, d)
	}
}

func compareDecisions(a, b automation.Decision) int {
	return cmp.Or(cmp.Compare(a.AutomationID, b.AutomationID), cmp.Compare(a.Code, b.Code))
}

// ListDecisions implements automation.EventReader.
func (s *Store) ListDecisions(ctx context.Context, eventID string) ([]automation.Decision, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	decisions := slices.Clone(s.decisions[eventID])
	for i := range decisions {
		decisions[i].Evidence = bytes.Clone(decisions[i].Evidence)
	}
	return decisions, nil
}

// eraseDecisions removes the evidence of the decisions about an event.
func (s *Store) eraseDecisions(eventID string) {
	for i := range s.decisions[eventID] {
		s.decisions[eventID][i].Evidence = nil
	}
}
