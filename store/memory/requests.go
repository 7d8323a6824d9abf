package memory

import (
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// requestCode is the index of a RunRequest in requests.
type requestCode uint8

const (
	noRequest requestCode = iota
	cancelRequest
	retryRequest
)

var requests = [...]automation.RunRequest{automation.RequestNone, automation.RequestCancel, automation.RequestRetry}

func toRequestCode(r automation.RunRequest) requestCode {
	return requestCode(slices.Index(requests[:], r))
}

// RecordRunRequest implements automation.WorkStore.
func (s *Store) RecordRunRequest(ctx context.Context, id string, request automation.RunRequest, now time.Time) (automation.RunRecord, error) {
	if err := s.lock(ctx); err != nil {
		return automation.RunRecord{}, err
	}
	defer s.mu.Unlock()
	if s.engine != "" {
		return automation.RunRecord{}, record.EngagedBy(s.engine)
	}
	r, ok := s.runs[id]
	if !ok {
		return automation.RunRecord{}, record.NotFound("run", id)
	}
	before := r.record()
	if accepted, err := request.Accepts(&before); err != nil || !accepted {
		return before, err
	}
	s.recordRequest(r, toRequestCode(request), toMicros(now))
	s.wake()
	return before, nil
}

// CancelRuns implements automation.WorkStore.
func (s *Store) CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	if s.engine != "" {
		return 0, record.EngagedBy(s.engine)
	}
	a, ok := s.automations[automationID]
	if !ok {
		return 0, record.NotFound("automation", automationID)
	}
	n := s.cancelRunsOf(a, toMicros(now))
	s.wake()
	return n, nil
}

// cancelRunsOf records a cancel for the running runs of an automation.
func (s *Store) cancelRunsOf(a *automationEntry, now micros) (n int) {
	for _, r := range a.runs {
		if r.status == running {
			s.recordRequest(r, cancelRequest, now)
			n++
		}
	}
	return n
}

// recordRequest records a request and makes the run due.
func (s *Store) recordRequest(r *run, request requestCode, now micros) {
	r.request = request
	if r.status != running {
		r.contact.reopenRun(r)
	}
	r.dueBy(now)
	r.contact.running.moved(r)
	s.scheduleBy(r.contact, r.due)
}

// cancelRuns records a cancel for the contact's running runs. The list also contains
// ended runs with a request, which are due in any case.
func (cs *contactState) cancelRuns(now micros) {
	for _, r := range cs.running {
		if r.status == running {
			r.request = cancelRequest
		}
		r.dueBy(now)
	}
	cs.running.restore()
}
