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
	due := cs.running.take(toMicros(p.Now), p.Runs)
	waiting := cs.running.awaiting(events)
	for _, r := range due {
		cs.running.add(r)
	}
	claimed := make([]automation.ClaimedRun, 0, len(due)+len(waiting))
	for _, r := range due {
		claimed = append(claimed, r.claimed())
	}
	for _, r := range waiting {
		claimed = append(claimed, r.claimed())
	}
	return claimed
}

// awaiting returns the runs that listen to one of the events, in order of creation. Many runs
// share a set of names, which it compares with the events once.
func (q runQueue) awaiting(events []automation.PendingEvent) (waiting []*run) {
	if len(events) == 0 || len(q) == 0 {
		return nil
	}
	awaited := map[*listenSet]bool{nil: false}
	for _, r := range q {
		found, known := awaited[r.listens]
		if !known {
			found = record.HasAny(events, r.listens.names)
			awaited[r.listens] = found
		}
		if found {
			waiting = append(waiting, r)
		}
	}
	slices.SortFunc(waiting, func(a, b *run) int { return cmp.Compare(a.seq, b.seq) })
	return waiting
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
