package memory

import (
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
)

// Prune implements automation.Pruner.
func (s *Store) Prune(ctx context.Context, p automation.PruneParams) (automation.PruneResult, error) {
	if err := s.lock(ctx); err != nil {
		return automation.PruneResult{}, err
	}
	defer s.mu.Unlock()
	var res automation.PruneResult
	res.Runs = s.pruneRuns(toMicros(p.Before), p.Limit)
	res.Events = s.pruneEvents(toMicros(p.Before), p.Limit)
	s.pruneKeys(toMicros(p.Now))
	s.pruneDefinitions()
	return res, nil
}

func (s *Store) pruneRuns(before micros, limit int) int {
	gone := map[*run]bool{}
	for _, r := range s.history {
		if len(gone) == limit {
			break
		}
		if r.status != running && r.request == noRequest && r.completed < before {
			gone[r] = true
		}
	}
	if len(gone) == 0 {
		return 0
	}
	isGone := func(r *run) bool { return gone[r] }
	s.history = slices.DeleteFunc(s.history, isGone)
	lists := map[*[]*run]bool{}
	for r := range gone {
		delete(s.runs, r.id)
		lists[r.contact.ended], lists[&r.automation.runs] = true, true
		if r.event != nil {
			r.event.references--
		}
		s.versions[automation.VersionRef{AutomationID: r.automation.ID, Version: int(r.version)}].runs--
	}
	for list := range lists {
		*list = slices.DeleteFunc(*list, isGone)
	}
	return len(gone)
}

func (s *Store) pruneKeys(now micros) {
	for k, u := range s.keys {
		if u.expires <= now {
			delete(s.keys, k)
		}
	}
}

// pruneDefinitions forgets versions without runs of automations that are gone
// or have moved on.
func (s *Store) pruneDefinitions() {
	for v, d := range s.versions {
		if a := s.automations[v.AutomationID]; d.runs == 0 && (a == nil || a.Version != v.Version) {
			delete(s.versions, v)
		}
	}
}

func (s *Store) pruneEvents(before micros, limit int) int {
	removed := 0
	for id, e := range s.events {
		if removed == limit {
			break
		}
		if e.handled == 0 || e.handled >= before || e.references > 0 {
			continue
		}
		delete(s.events, id)
		if i := slices.Index(e.contact.events[:e.contact.handled], e); i >= 0 {
			e.contact.events = slices.Delete(e.contact.events, i, i+1)
			e.contact.handled--
		}
		removed++
	}
	return removed
}
