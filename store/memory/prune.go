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
	s.pruneEntries(p.Now)
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
	for r := range removed {
		delete(s.outputs, r.id)
	}
	s.removeRuns(removed)
	return len(removed)
}

// removeRuns removes runs, and leaves their outputs.
func (s *Store) removeRuns(removed map[*run]bool) {
	isRemoved := func(r *run) bool { return removed[r] }
	s.history = slices.DeleteFunc(s.history, isRemoved)
	lists, queues := map[*[]*run]bool{}, map[*runQueue]bool{}
	for r := range removed {
		delete(s.runs, r.id)
		if r.active() {
			queues[&r.contact.running] = true
		}
		lists[r.contact.list(r)], lists[&r.automation.runs] = true, true
		if r.event != nil {
			r.event.references--
		}
		s.countRun(r, -1)
	}
	for list := range lists {
		*list = slices.DeleteFunc(*list, isRemoved)
	}
	for queue := range queues {
		queue.restore()
	}
}

// list returns the list of the contact's runs that has r.
func (cs *contactState) list(r *run) *[]*run {
	if r.active() {
		return (*[]*run)(&cs.running)
	}
	return cs.ended
}

// active reports whether the run has not ended, or has a request.
func (r *run) active() bool { return r.status == running || r.request != noRequest }

// countRun adds n to how many runs of r's version are kept.
func (s *Store) countRun(r *run, n int) {
	v := automation.VersionRef{AutomationID: r.automation.ID, Version: int(r.version)}
	if s.runsOf[v] += n; s.runsOf[v] == 0 {
		delete(s.runsOf, v)
	}
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
	for ref := range s.versions {
		if a := s.automations[ref.AutomationID]; s.runsOf[ref] == 0 && (a == nil || ref.Version <= a.Version-automation.KeptVersions) {
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
		delete(s.decisions, id)
		if i := slices.Index(e.contact.events[:e.contact.handled], e); i >= 0 {
			e.contact.events = slices.Delete(e.contact.events, i, i+1)
			e.contact.handled--
		}
		removed++
	}
	return removed
}
