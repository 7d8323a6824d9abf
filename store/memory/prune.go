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
	s.pruneVersions()
	return res, nil
}

func (s *Store) pruneRuns(before micros, limit int) int {
	removed := map[*run]bool{}
	for _, r := range s.history {
		if len(removed) == limit {
			break
		}
		if r.status != running && r.request == noRequest && r.completed < before {
			removed[r] = true
		}
	}
	if len(removed) == 0 {
		return 0
	}
	isRemoved := func(r *run) bool { return removed[r] }
	s.history = slices.DeleteFunc(s.history, isRemoved)
	lists := map[*[]*run]bool{}
	for r := range removed {
		delete(s.runs, r.id)
		delete(s.outputs, r.id)
		lists[r.contact.ended], lists[&r.automation.runs] = true, true
		if r.event != nil {
			r.event.references--
		}
		s.versions[automation.VersionRef{AutomationID: r.automation.ID, Version: int(r.version)}].runs--
	}
	for list := range lists {
		*list = slices.DeleteFunc(*list, isRemoved)
	}
	return len(removed)
}

func (s *Store) pruneKeys(now micros) {
	for k, u := range s.keys {
		if u.expires <= now {
			delete(s.keys, k)
		}
	}
}

// pruneVersions removes versions that have no runs and that are not among the newest ones
// of an automation.
func (s *Store) pruneVersions() {
	for ref, v := range s.versions {
		if a := s.automations[ref.AutomationID]; v.runs == 0 && (a == nil || ref.Version <= a.Version-automation.KeptVersions) {
			delete(s.versions, ref)
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
