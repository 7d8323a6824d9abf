package memory

import (
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// control is a Control by its place in controls.
type requestCode uint8

const (
	noRequest requestCode = iota
	cancelRequest
	retryRequest
)

var requests = [...]automation.RunRequest{automation.RequestNone, automation.RequestCancel, automation.RequestRetry}

func toRequestCode(c automation.RunRequest) requestCode {
	return requestCode(slices.Index(requests[:], c))
}

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
	s.recordRequest(r, toRequestCode(c), toMicros(now))
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
	n := s.cancelRunsOf(a, toMicros(now))
	s.wake()
	return n, nil
}

func (s *Store) cancelRunsOf(a *automationEntry, now micros) (n int) {
	for _, r := range a.runs {
		if r.status == running {
			s.recordRequest(r, cancelRequest, now)
			n++
		}
	}
	return n
}

// request records what somebody wants of a run, and makes it due.
func (s *Store) recordRequest(r *run, c requestCode, now micros) {
	r.request = c
	if r.status != running {
		r.contact.reopenRun(r)
	}
	r.dueBy(now)
	s.scheduleBy(r.contact, r.due)
}

func (cs *contactState) cancelRuns(now micros) {
	for _, r := range cs.running {
		if r.status == running {
			r.request = cancelRequest
		}
		r.dueBy(now)
	}
}
