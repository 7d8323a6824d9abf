package temporal

import (
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// contactState is what the workflow of a contact carries from turn to turn. Only turns read it.
type contactState struct {
	Format int `json:"format"`
	// Sequence is the number of the last turn that changed something. The catalog has the
	// copies up to a turn under the same number.
	Sequence int64 `json:"sequence"`
	// Runs are the runs in progress.
	Runs []storedRun `json:"runs,omitempty"`
}

// storedRun is a run with the data that advancing it needs.
type storedRun struct {
	automation.ClaimedRun
	// InFlight means that an effect of the run is in flight, or waits for its turn.
	InFlight bool `json:",omitempty"`
	// PayloadApart means that TriggerPayload is in the catalog only, because it is large.
	PayloadApart bool `json:",omitempty"`
}

// largePayload is the size from which a payload is in the catalog only. The state is in the
// history with each turn.
const largePayload = 4 << 10

// run returns the run with an id, or nil.
func (s *contactState) run(id string) *storedRun {
	i := slices.IndexFunc(s.Runs, func(r storedRun) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Runs[i]
}

// due returns when the first run needs a turn by time, or zero if none does.
func (s *contactState) due() (due time.Time) {
	for i := range s.Runs {
		r := &s.Runs[i]
		if r.InFlight || r.DueAt.IsZero() {
			continue
		}
		if due.IsZero() || r.DueAt.Before(due) {
			due = r.DueAt
		}
	}
	return due
}

// change applies a change of a run.
func (s *contactState) change(c *automation.RunChange, events []automation.PendingEvent) {
	run := s.run(c.ID)
	if run == nil {
		s.Runs = append(s.Runs, storedRun{})
		run = &s.Runs[len(s.Runs)-1]
		i := slices.IndexFunc(events, func(e automation.PendingEvent) bool { return e.ID == c.EventID })
		if i >= 0 {
			run.TriggerPayload, run.Cause = events[i].Payload, events[i].Cause
		}
		run.PayloadApart = len(run.TriggerPayload) > largePayload
	}
	run.RunRecord = c.RunRecord
	ended := run.Status != automation.RunRunning
	if run.Request == c.Served || run.Request == automation.RequestCancel && ended || run.Request == automation.RequestRetry && !ended {
		run.Request = automation.RequestNone
	}
}

// forget drops the runs that have ended, and payloads that the catalog has.
func (s *contactState) forget() {
	s.Runs = slices.DeleteFunc(s.Runs, func(r storedRun) bool {
		return r.Status != automation.RunRunning && r.Request == automation.RequestNone
	})
	for i := range s.Runs {
		if r := &s.Runs[i]; r.PayloadApart {
			r.TriggerPayload = nil
		}
	}
}
