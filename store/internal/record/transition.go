package record

import (
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// GoesOn reports whether a run is running after a change.
func GoesOn(r automation.RunChange) bool { return r.Status == automation.RunRunning }

// NeedsContact reports whether a store must read the contact of a transition before it
// writes the transition. The change of a contact needs it, and so does the result,
// which contains the contact while the lease goes on. Runs that go on need it because
// they are due at once if the contact was deleted, and entries because they go with it.
func NeedsContact(t *automation.Transition) bool {
	return t.Key.ID != "" && (!t.Release || t.Change != nil || t.Delete || len(t.Entries) > 0 || slices.ContainsFunc(t.Runs, GoesOn))
}

// OnlyStartsRuns reports whether all that became of an event is that it starts runs in
// this transition. The runs name the event, so a store keeps nothing else about it.
func OnlyStartsRuns(t *automation.Transition, h *automation.HandledEvent) bool {
	return len(h.Resumed)+len(h.Ended) == 0 && slices.ContainsFunc(t.Runs, func(r automation.RunChange) bool { return r.New && r.EventID == h.ID })
}

// SoleRun returns the index of the run of a transition in whose row a store may keep an event, -1 for
// none: all that becomes of the event is that it starts this run, and their ids are twins.
func SoleRun(t *automation.Transition, h *automation.HandledEvent) int {
	if len(h.Resumed)+len(h.Ended) > 0 {
		return -1
	}
	sole := -1
	for i := range t.Runs {
		if r := &t.Runs[i]; r.New && r.EventID == h.ID {
			if sole >= 0 {
				return -1
			}
			sole = i
		}
	}
	if sole >= 0 && !uuid.AreTwins(t.Runs[sole].ID, h.ID) {
		return -1
	}
	return sole
}

// FitsInLease reports whether the row of a lease can hold a run after a change. The
// lease goes on, and the run has something to do at once. The row has no columns for
// anything else but what the run listens to. No process looks for such a run before the
// lease has expired.
func FitsInLease(t *automation.Transition, r *automation.RunChange) bool {
	return GoesOn(*r) && !t.Release && !r.DueAt.IsZero() && !r.DueAt.After(t.Now) &&
		r.DecodeFailures == 0 && r.Error == nil && r.CompletedAt.IsZero()
}

// DueBy returns due, or latest if that is earlier. The zero time means never.
func DueBy(due, latest time.Time) time.Time {
	if due.IsZero() || latest.Before(due) {
		return latest
	}
	return due
}
