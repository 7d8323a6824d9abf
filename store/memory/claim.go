package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Claim implements automation.WorkStore.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if s.engine != "" && s.engine != p.Engine {
		return nil, record.EngagedBy(s.engine)
	}
	now := toMicros(p.Now)
	if p.Contact != (automation.ContactRef{}) {
		cs := s.stateFor(p.Contact.ID, p.Contact.Email, true)
		if cs.leasedUntil > now {
			return nil, nil
		}
		return []automation.Work{s.lease(cs, p)}, nil
	}
	works := s.claimed[:0]
	for len(works) < p.Limit && len(s.due) > 0 && s.due[0].due <= now {
		works = append(works, s.lease(s.due[0].contact, p))
	}
	out := slices.Clone(works)
	clear(works)
	s.claimed = works
	return out, nil
}

// lease leases a contact and returns its work.
func (s *Store) lease(cs *contactState, p automation.ClaimParams) automation.Work {
	cs.token++
	s.setLease(cs, toMicros(p.Now.Add(p.Lease)))
	w := automation.Work{Key: cs.ref(), Token: int64(cs.token), Contact: cs.recordOrNil()}
	var gathering map[string]bool
	for _, e := range cs.pending()[:min(p.Events, len(cs.pending()))] {
		starts := s.starts(e.name)
		w.Events = append(w.Events, automation.PendingEvent{
			Event: e.shared(), Starts: starts.Refs, Disabled: starts.Disabled, Unannounced: e.unannounced,
		})
		for _, id := range starts.Gathers {
			if gathering == nil {
				gathering = map[string]bool{}
			}
			gathering[id] = true
		}
	}
	w.Runs = cs.claimable(p, w.Events)
	cs.gather(&w, gathering)
	s.schedule(cs)
	return w
}

// recordOrNil returns a copy of the state's contact, nil if there is none.
func (cs *contactState) recordOrNil() *automation.Contact {
	if !cs.known {
		return nil
	}
	c := cs.record()
	return &c
}

// claimable returns the runs for a claim: up to p.Runs runs that are due, longest
// first, and then the remaining runs that listen to one of the events.
func (cs *contactState) claimable(p automation.ClaimParams, events []automation.PendingEvent) []automation.ClaimedRun {
	now := toMicros(p.Now)
	var due, waiting []*run
	for _, r := range cs.running {
		switch {
		case r.due != 0 && r.due <= now:
			due = append(due, r)
		case r.awaits(events):
			waiting = append(waiting, r)
		}
	}
	slices.SortFunc(due, func(a, b *run) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq)) })
	for i := p.Runs; i < len(due); i++ {
		if due[i].awaits(events) {
			waiting = append(waiting, due[i])
		}
	}
	slices.SortFunc(waiting, func(a, b *run) int { return cmp.Compare(a.seq, b.seq) })
	due = due[:min(p.Runs, len(due))]
	claimed := make([]automation.ClaimedRun, 0, len(due)+len(waiting))
	for _, r := range due {
		claimed = append(claimed, r.claimed())
	}
	for _, r := range waiting {
		claimed = append(claimed, r.claimed())
	}
	return claimed
}

// awaits reports whether the run listens to one of the events.
func (r *run) awaits(events []automation.PendingEvent) bool {
	return r.listens != nil && record.HasAny(events, r.listens.names)
}

func (r *run) claimed() automation.ClaimedRun {
	c := automation.ClaimedRun{RunRecord: r.shared(), Request: requests[r.request]}
	if r.event != nil {
		c.TriggerPayload = r.event.payload
		if r.event.asSent != nil {
			c.Cause = cloneCause(r.event.asSent.cause)
		}
	}
	return c
}
