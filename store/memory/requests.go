package memory

import (
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// control is a Control by its place in controls.
type control uint8

const (
	noControl control = iota
	cancel
	retry
)

var controls = [...]automation.RunRequest{automation.RequestNone, automation.RequestCancel, automation.RequestRetry}

func toControl(c automation.RunRequest) control { return control(slices.Index(controls[:], c)) }

// RecordRunRequest implements automation.WorkStore.
func (s *Store) RecordRunRequest(ctx context.Context, id string, c automation.RunRequest, now time.Time) (automation.RunRecord, error) {
	if err := s.lock(ctx); err != nil {
		return automation.RunRecord{}, err
	}
	defer s.mu.Unlock()
	r, ok := s.runs[id]
	if !ok {
		return automation.RunRecord{}, notFound("run", id)
	}
	before := r.record()
	active := r.status == running
	switch {
	case c == automation.RequestRetry && !active && statuses[r.status] != automation.RunFailed:
		return before, conflict("run %q is %s, and only a failed run can be retried", id, r.status)
	case c == automation.RequestRetry && active, c == automation.RequestCancel && !active:
		return before, nil
	}
	s.request(r, toControl(c), toMicros(now))
	s.wake()
	return before, nil
}

// CancelRuns implements automation.WorkStore.
func (s *Store) CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	a, ok := s.automations[automationID]
	if !ok {
		return 0, notFound("automation", automationID)
	}
	n := s.cancel(a, toMicros(now))
	s.wake()
	return n, nil
}

func (s *Store) cancel(a *automationEntry, now micros) (n int) {
	for _, r := range a.runs {
		if r.status == running {
			s.request(r, cancel, now)
			n++
		}
	}
	return n
}

// request records what somebody wants of a run, and makes it due.
func (s *Store) request(r *run, c control, now micros) {
	r.control = c
	if r.status != running {
		r.desk.reopen(r)
	}
	r.hasten(now)
	s.hasten(r.desk, r.due)
}

func (d *desk) cancelRuns(now micros) {
	for _, r := range d.running {
		if r.status == running {
			r.control = cancel
		}
		r.hasten(now)
	}
}
