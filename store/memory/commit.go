package memory

import (
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
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
	d := s.find(t.Key)
	now := toMicros(t.Now)
	if d == nil || int64(d.token) != t.Token || d.leased == 0 {
		res.Err = leaseLost(t.Key)
		return res
	}
	if res.Err = s.refusal(t); res.Err != nil {
		return res
	}
	d.handle(t, now)
	if t.Erase {
		s.erase(d, t.EraseEmail)
	}
	for i := range t.Runs {
		s.put(d, &t.Runs[i], now, &res)
	}
	s.changeContact(d, t, now)
	if t.MoveTo != "" {
		s.move(d, t)
	}
	d.leased = toMicros(t.Extend)
	if t.Release {
		d.leased = 0
	} else {
		res.Contact = d.mayRecord()
	}
	s.schedule(d)
	s.tidy(d)
	return res
}

// refusal reports why nothing of t may be written.
func (s *Store) refusal(t *automation.Transition) error {
	for i := range t.Runs {
		r := &t.Runs[i]
		a := s.automations[r.AutomationID]
		switch {
		case s.runs[r.ID] != nil: // also a new one that is written again
		case r.New && (a == nil || a.Status != automation.StatusEnabled):
			return conflict("automation %q is not enabled any more", r.AutomationID)
		case r.New && s.definitions[automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version}] == nil:
			return conflict("version %d of automation %q is not in use any more", r.Version, r.AutomationID)
		case !r.New:
			return notFound("run", r.ID)
		}
	}
	return nil
}

// handle marks events as handled. They are a prefix of the pending ones, in
// any order.
func (d *desk) handle(t *automation.Transition, now micros) {
	for _, id := range t.Handled {
		i := slices.IndexFunc(d.pending(), func(e *event) bool { return e.id == id })
		if i < 0 {
			continue
		}
		e := d.pending()[i]
		e.handled = now
		copy(d.pending()[1:i+1], d.pending()[:i])
		d.pending()[0] = e
		d.handled++
	}
}

func (s *Store) changeContact(d *desk, t *automation.Transition, now micros) {
	if !d.known {
		if t.Delete {
			d.cancelRuns(now)
		}
		return
	}
	if t.Change != nil {
		d.change(t.Change)
	}
	if t.Delete {
		s.remove(d, now)
	}
}
