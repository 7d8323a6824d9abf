package memory

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// ListRuns implements automation.RunReader.
func (s *Store) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.RunRecord]{}, err
	}
	defer s.mu.Unlock()
	cursor := -1
	candidates, compare := s.candidates(q), byCreation
	if q.ByCompletion() {
		compare = byCompletion
		candidates = slices.SortedFunc(slices.Values(candidates), compare)
	}
	if id := q.After + q.Before; id != "" {
		at, ok := s.runs[id]
		if !ok {
			return automation.Page[automation.RunRecord]{}, record.NotFound("run", id)
		}
		cursor = position(candidates, q.PageQuery, func(r *run) int { return compare(r, at) })
	}
	return pageFrom(candidates, q.PageQuery, cursor, func(r *run) bool { return r.matches(&q) }, (*run).record), nil
}

func byCreation(a, b *run) int {
	return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.seq, b.seq))
}

func byCompletion(a, b *run) int {
	return cmp.Or(cmp.Compare(a.end(), b.end()), cmp.Compare(a.seq, b.seq))
}

// merged returns list with added. Both are in order of creation, and so is the result. The
// cost is that of the runs which are newer than one of added.
func merged(list []*run, added ...*run) []*run {
	i := len(list) - 1
	list = append(list, added...)
	for at := len(list) - 1; len(added) > 0; at-- {
		last := added[len(added)-1]
		if i >= 0 && byCreation(list[i], last) > 0 {
			list[at] = list[i]
			i--
			continue
		}
		list[at], added = last, added[:len(added)-1]
	}
	return list
}

// end returns when the run ended. A run that has not ended will end after all others.
func (r *run) end() micros {
	if r.status == running {
		return math.MaxInt64
	}
	return r.completed
}

// candidates returns the smallest list, in order of creation, that contains every run
// the query can match.
func (s *Store) candidates(q automation.RunQuery) []*run {
	if cs := s.contacts[q.ContactID]; q.ContactID != "" {
		if cs == nil {
			return nil
		}
		return cs.runs()
	}
	if a := s.automations[q.AutomationID]; a != nil {
		return a.runs
	}
	return s.history
}

func (r *run) matches(q *automation.RunQuery) bool {
	event := automation.Event{}
	if r.event != nil {
		event.ID, event.Name = r.event.id, r.event.name
	}
	return (q.AutomationID == "" || r.automation.ID == q.AutomationID) &&
		(q.Version == 0 || int(r.version) == q.Version) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, statuses[r.status])) &&
		(q.ContactID == "" || r.contact.id == q.ContactID) &&
		(q.EventID == "" || event.ID == q.EventID) &&
		(q.EventName == "" || event.Name == q.EventName) &&
		(q.Step == "" || r.step == q.Step) &&
		(q.CreatedFrom.IsZero() || r.created >= toMicros(q.CreatedFrom)) &&
		(q.CreatedUntil.IsZero() || r.created < toMicros(q.CreatedUntil)) &&
		(q.CompletedFrom.IsZero() || r.completed >= toMicros(q.CompletedFrom)) &&
		(q.CompletedUntil.IsZero() || r.completed < toMicros(q.CompletedUntil)) &&
		(!q.ByCompletion() || r.status != running) &&
		(q.ErrorCode == "" || r.status != running && r.err() != nil && r.err().Code == q.ErrorCode)
}
