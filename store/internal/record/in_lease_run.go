package record

import (
	"github.com/seed-b636437c/automation"
)

// ActsNow reports whether a running run is about to do something under a lease that goes
// on, and nothing else is to be known of it: only if the lease expires is it looked for.
func FitsInLease(t *automation.Transition, r *automation.RunChange) bool {
	return !t.Release && !r.DueAt.IsZero() && !r.DueAt.After(t.Now) && r.WaitEvent == "" &&
		r.DecodeFailures == 0 && r.Error == nil && r.CompletedAt.IsZero()
}
