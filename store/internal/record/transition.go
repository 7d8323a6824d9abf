package record

import (
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// GoesOn reports whether a run is running after a change.
func GoesOn(r automation.RunChange) bool { return r.Status == automation.RunRunning }

// NeedsContact reports whether a store must read the contact of a transition before it
// writes the transition. The change of a contact needs it, and so does the result,
// which contains the contact while the lease goes on. Runs that go on need it because
// they are due at once if the contact was deleted.
func NeedsContact(t *automation.Transition) bool {
	return t.Key.ID != "" && (!t.Release || t.Change != nil || t.Delete || slices.ContainsFunc(t.Runs, GoesOn))
}

// StartsRun reports whether a transition starts a run for an event.
func StartsRun(t *automation.Transition, eventID string) bool {
	return slices.ContainsFunc(t.Runs, func(r automation.RunChange) bool { return r.New && r.EventID == eventID })
}

// FitsInLease reports whether the row of a lease can hold a run after a change. The
// lease goes on, and the run has something to do at once. The row has no columns for
// anything else. No process looks for such a run before the lease has expired.
func FitsInLease(t *automation.Transition, r *automation.RunChange) bool {
	return GoesOn(*r) && !t.Release && !r.DueAt.IsZero() && !r.DueAt.After(t.Now) && r.WaitEvent == "" &&
		r.DecodeFailures == 0 && r.Error == nil && r.CompletedAt.IsZero()
}

// DueBy returns due, or latest if that is earlier. The zero time means never.
func DueBy(due, latest time.Time) time.Time {
	if due.IsZero() || latest.Before(due) {
		return latest
	}
	return due
}
