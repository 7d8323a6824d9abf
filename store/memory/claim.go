package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
)

// Claim implements automation.WorkStore.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
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

func (s *Store) lease(cs *contactState, p automation.ClaimParams) automation.Work {
	cs.token++
	cs.leasedUntil = toMicros(p.Now.Add(p.Lease))
	w := automation.Work{Key: cs.ref(), Token: int64(cs.token), Contact: cs.recordOrNil()}
	for _, e := range cs.pending()[:min(p.Events, len(cs.pending()))] {
		w.Events = append(w.Events, automation.PendingEvent{Event: e.shared(), Starts: s.starts(e.name)})
	}
	w.Runs = cs.claimable(p, w.Events)
	s.schedule(cs)
	return w
}

// mayRecord returns a copy of the desk's contact, or nil if there is none.
func (cs *contactState) recordOrNil() *automation.Contact {
	if !cs.known {
		return nil
	}
	c := cs.record()
	return &c
}

// starts returns the enabled automations that listen to an event. The slice is
// shared by all claims until one of them changes.
func (s *Store) starts(event string) []automation.VersionRef {
	list := s.triggers[event]
	if len(list) == 0 {
		return nil
	}
	if refs, ok := s.startsByEvent[event]; ok {
		return refs
	}
	refs := make([]automation.VersionRef, len(list))
	for i, a := range list {
		refs[i] = automation.VersionRef{AutomationID: a.ID, Version: a.Version}
	}
	s.startsByEvent[event] = refs
	return refs
}

// claimable returns the desk's due runs, longest first, as many as may be
// brought, and then the others that wait for one of the events.
func (cs *contactState) claimable(p automation.ClaimParams, events []automation.PendingEvent) []automation.ClaimedRun {
	now := toMicros(p.Now)
	var due, others []*run
	for _, r := range cs.running {
		switch {
		case r.due != 0 && r.due <= now:
			due = append(due, r)
		case r.awaits(events):
			others = append(others, r)
		}
	}
	slices.SortFunc(due, func(a, b *run) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq)) })
	for i := p.Runs; i < len(due); i++ {
		if due[i].awaits(events) {
			others = append(others, due[i])
		}
	}
	slices.SortFunc(others, func(a, b *run) int { return cmp.Compare(a.seq, b.seq) })
	due = due[:min(p.Runs, len(due))]
	claimed := make([]automation.ClaimedRun, 0, len(due)+len(others))
	for _, r := range due {
		claimed = append(claimed, r.claimed())
	}
	for _, r := range others {
		claimed = append(claimed, r.claimed())
	}
	return claimed
}

// awaits reports whether the run waits for one of the events.
func (r *run) awaits(events []automation.PendingEvent) bool {
	return r.waits != "" && slices.ContainsFunc(events, func(e automation.PendingEvent) bool { return e.Name == r.waits })
}

func (r *run) claimed() automation.ClaimedRun {
	c := automation.ClaimedRun{RunRecord: r.shared(), Request: requests[r.request]}
	if r.event != nil {
		c.TriggerPayload = r.event.payload
	}
	return c
}
