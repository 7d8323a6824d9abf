package memory

import (
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Commit implements automation.WorkStore.
func (s *Store) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	results := make([]automation.CommitResult, len(ts))
	for i := range ts {
		results[i] = s.commit(&ts[i])
	}
	return results, nil
}

func (s *Store) commit(t *automation.Transition) (res automation.CommitResult) {
	cs := s.findState(t.Key)
	now := toMicros(t.Now)
	if cs == nil || int64(cs.token) != t.Token || cs.leasedUntil == 0 {
		res.Err = record.LeaseLost(t.Key)
		return res
	}
	if res.Err = s.refusal(t); res.Err != nil {
		return res
	}
	cs.handle(t, now)
	s.decide(t.Decisions)
	s.writeEntries(cs, t.Entries)
	s.send(cs, t.Events)
	if t.Erase {
		s.erase(cs, t.EraseEmail)
	}
	for i := range t.Runs {
		s.writeRun(cs, &t.Runs[i], now, &res)
	}
	s.changeContact(cs, t, now)
	if t.MoveTo != "" {
		s.move(cs, t)
	}
	res.Pending = t.Heed && len(cs.pending()) > 0
	if t.Release {
		s.setLease(cs, 0)
	} else {
		s.setLease(cs, toMicros(t.Extend))
		res.Contact = cs.recordOrNil()
	}
	s.schedule(cs)
	s.forgetEmpty(cs)
	return res
}

// refusal returns why no part of t may be written, nil if t may be written.
func (s *Store) refusal(t *automation.Transition) error {
	for i := range t.Runs {
		r := &t.Runs[i]
		a := s.automations[r.AutomationID]
		switch {
		case s.runs[r.ID] != nil: // it changes, or is new and the transition is written again
		case r.New && (a == nil || a.Status != automation.StatusEnabled):
			return record.AutomationDisabled(r.AutomationID)
		case r.New && s.versions[automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version}] == nil:
			return record.VersionPruned(automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version})
		case !r.New:
			return record.NotFound("run", r.ID)
		}
	}
	return nil
}

// handle marks events as handled. It moves each of them behind the events that were
// handled before, which precede the pending ones. They are not always the first pending
// events: an event that was accepted earlier may arrive after the claim.
func (cs *contactState) handle(t *automation.Transition, now micros) {
	for j := range t.Handled {
		cs.handleOne(&t.Handled[j], t.Handled[j].ID, now)
	}
}

// handleOne marks an event as handled, if it is pending.
func (cs *contactState) handleOne(h *automation.HandledEvent, id string, now micros) {
	i := slices.IndexFunc(cs.pending(), func(e *event) bool { return e.id == id })
	if i < 0 {
		return
	}
	e := cs.pending()[i]
	e.handled = now
	if len(h.Resumed)+len(h.Ended) > 0 || h.Reason != "" {
		e.outcome = &outcome{slices.Clone(h.Resumed), slices.Clone(h.Ended), h.Reason}
	}
	copy(cs.pending()[1:i+1], cs.pending()[:i])
	cs.pending()[0] = e
	cs.handled++
}

func (s *Store) changeContact(cs *contactState, t *automation.Transition, now micros) {
	if !cs.known {
		if t.Delete {
			cs.cancelRuns(now)
			s.forgetEntries(cs)
		}
		return
	}
	if t.Change != nil {
		cs.change(t.Change)
	}
	if t.Delete {
		s.deleteContact(cs, now)
	}
}
