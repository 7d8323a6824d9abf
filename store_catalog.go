package automation

import (
	"context"
	"time"
)

// Catalog is an optional interface of a Projector that can take turns with an engine: an
// application may move its runs in progress from the store to the engine and back, and may
// send events in its own transactions while the engine has the store.
//
// The rows of the store are the same whoever works on them. Only one does at a time: Runners,
// until Engage, and then the engine, until Disengage.
type Catalog interface {
	Projector
	// Engage makes the store the catalog of the engine with this name. When it has
	// returned, no Claim without this name in ClaimParams.Engine leases a contact, and
	// no request about a run is recorded. Leases that are valid stay so, and their holders
	// commit. To engage the same engine again changes nothing. Engage fails with ErrCatalog
	// if the store is the catalog of another engine.
	Engage(ctx context.Context, engine string) error
	// Disengage ends what Engage began, and forgets the sequences of the sources whose
	// names begin with the name of the engine and a slash. To repeat it changes nothing.
	Disengage(ctx context.Context, engine string) error
	// ListWaiting lists contacts, and emails without a contact, whose work may be in the
	// store only, in a fixed order of their own.
	ListWaiting(ctx context.Context, q WaitingQuery) ([]WaitingContact, error)
	// TakeWork returns the work of contacts for the engine, at most one Work for each, in any
	// order and with no Token. It leaves out contacts on which another lease is valid. A
	// lease that has expired ends, so that its holder commits nothing any more. Pending
	// events stay pending, and are returned again, until a projection has them.
	TakeWork(ctx context.Context, p TakeParams) ([]Work, error)
	// FindEventKey returns the use of an idempotency key of events with this name, or an error
	// that wraps ErrNotFound if the key is unknown, or has expired by now.
	FindEventKey(ctx context.Context, name, key string, now time.Time) (EventKey, error)
}

// WaitingQuery selects contacts for ListWaiting.
type WaitingQuery struct {
	// After is the last contact of the page before, zero for the first page.
	After ContactRef
	// Limit is how many contacts to return at most.
	Limit int
	// Working selects contacts with pending events, with runs that have not ended or have a
	// request, or with a lease. Without it only those with pending events are selected.
	Working bool
}

// WaitingContact is a contact, or an email without a contact, whose work may be in the store
// only.
type WaitingContact struct {
	ContactRef
	// Newest changes when an event for the contact is appended. It is 0 if none is pending.
	Newest int64
}

// TakeParams select what TakeWork returns.
type TakeParams struct {
	// Contacts are contacts, or emails without a contact, each once.
	Contacts []ContactRef
	// Now is the current time, at which leases are expired or not.
	Now time.Time
	// Events is how many pending events of one contact to return at most, the first ones.
	// Starts and Disabled of these events are not set.
	Events int
	// Runs asks for all runs of the contacts that have not ended or have a request, oldest
	// first.
	Runs bool
}

// EventKey is the use of an idempotency key.
type EventKey struct {
	// EventID is the event that came with the key, and ContentHash that of its NewEvent.
	EventID, ContentHash string
}
