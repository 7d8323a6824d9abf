package automation

import (
	"context"
	"time"
)

// StatsReader measures the work in a store, so that hosts find out whether work is done in
// time.
type StatsReader interface {
	// Stats measures the work at p.Now. It changes nothing. Its cost is bounded by
	// p.Limit and by how many contacts have a lease, however many runs sleep or have
	// ended. A store that keeps everything in memory may also look at all work that is
	// due.
	Stats(ctx context.Context, p StatsParams) (StoreStats, error)
}

// StatsParams select what Stats measures.
type StatsParams struct {
	// Now is the current time, at which work is due and leases are expired or not.
	Now time.Time
	// Limit is how far Stats counts: a number that equals Limit stands for that many or
	// more. If Limit is zero, Stats sets OldestDue only, which costs less than a claim.
	Limit int
	// SetAsideUntil bounds the search for StoreStats.SetAside to the runs that are due
	// by then. A Runner sets a run aside for a few minutes at a time.
	SetAsideUntil time.Time
}

// StoreStats measure the work in a store.
type StoreStats struct {
	// PendingEvents is how many pending events there are.
	PendingEvents int `json:"pending_events"`
	// DueRuns is how many runs are due. It includes the runs that a Runner works on.
	DueRuns int `json:"due_runs"`
	// OldestDue is since when the oldest work is due that no Runner works on: pending
	// events and due runs of contacts without a valid lease. Zero means that there is
	// none. An expired lease does not count as work on the contact, so the work of its
	// contact has been due since before the lease.
	OldestDue time.Time `json:"oldest_due,omitzero"`
	// OldestLeased is since when the oldest work of contacts under a valid lease is due,
	// and zero if there is none. It is long ago if a Runner has kept a lease for long,
	// or if Runners fail at a contact again and again. If there are more leases than
	// StatsParams.Limit, OldestLeased may be that of a part of them.
	OldestLeased time.Time `json:"oldest_leased,omitzero"`
	// Leases is how many leases are valid: how many contacts Runners work on.
	Leases int `json:"leases"`
	// ExpiredLeases is how many contacts have due work and a lease that expired before
	// it was released, because its Runner died or stalled.
	ExpiredLeases int `json:"expired_leases"`
	// SetAside is how many of the runs that are due by StatsParams.SetAsideUntil have
	// DecodeFailures. A store looks at the first StatsParams.Limit of these runs at
	// least, those that are due first.
	SetAside int `json:"runs_set_aside"`
}
