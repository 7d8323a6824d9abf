package automation

import (
	"context"
	"time"
)

// StoreAs returns the interface T of a store, such as Projector, or of the first store behind its
// wrappers that has it. A wrapper has a method Unwrap() Store, as those of package observe do.
// This is how a Runner finds the optional interfaces of this file.
func StoreAs[T any](s Store) (found T, ok bool) {
	for wraps := true; wraps; s, wraps = unwrap(s) {
		if found, ok = s.(T); ok {
			break
		}
	}
	return found, ok
}

// unwrap returns the store in a wrapper, or else the store itself.
func unwrap(s Store) (in Store, wraps bool) {
	wrapper, wraps := s.(interface{ Unwrap() Store })
	if !wraps {
		return s, false
	}
	return wrapper.Unwrap(), true
}

// TxCarrier is an optional interface of an EventWriter that writes inside the host's own
// transaction. Runner.SendTo passes the context of WithTx to the contact directory. The
// directory can then read through the transaction, which needs no second connection and
// returns the contacts that the transaction has inserted. Without this interface the
// directory receives the context of SendTo, and reads outside the transaction.
type TxCarrier interface {
	// WithTx returns a context that is ctx and carries the transaction. The package of
	// the store has a function that returns the transaction of such a context, such as
	// postgres.TxFrom.
	WithTx(ctx context.Context) context.Context
}

// ParallelCommitter is an optional interface of a Store that executes several commits at
// the same time. While one commit waits for the disk, another one can use the processor.
// Without this interface a Runner makes one commit after the other, and each commit takes
// everything that gathered during the one before.
type ParallelCommitter interface {
	// CommitsInParallel reports whether a Commit can proceed while another Commit,
	// about other contacts, is in progress.
	CommitsInParallel() bool
}

// Watcher is an optional interface of a Store that can signal new work of other Runners,
// in this process or another one. Without this interface a Runner finds such work only
// when it polls, every Options.PollInterval. A Runner that watches still polls.
type Watcher interface {
	// Watch calls wake whenever work may have been added, until ctx ends, and once when it
	// begins to watch, for work that was added before. wake does not block, and extra calls
	// do no harm. If Watch returns an error, the Runner polls, and calls Watch again after a
	// back-off. If the error wraps errors.ErrUnsupported or ErrClosed, the Runner does not
	// call Watch again.
	Watch(ctx context.Context, wake func()) error
}

// Projector is an optional interface of a Store that can be the catalog of an engine. An
// engine has its own queue of events and its own states of runs, and plans turns with
// Runner.Plan. It gives the catalog copies of both, from which events and runs are read,
// listed and counted.
type Projector interface {
	// Project keeps the copies of p, all of them or none, if the source is at p.After.
	// Afterwards the source is at p.Sequence. If the source is elsewhere, Project changes
	// nothing and fails with ErrConflict: another process has projected, or this call was
	// made before.
	//
	// It does not matter whether the automations, versions and contacts of the copies
	// still exist. An automation that the store has never had counts as deleted.
	//
	// Project fails with ErrInvalid if the projection has no Source, no higher Sequence,
	// or an event or a run that lacks what every one has.
	Project(ctx context.Context, p Projection) error
	// ProjectedTo returns the sequence that the source is at. It is 0 before the first
	// projection.
	ProjectedTo(ctx context.Context, source string) (int64, error)
}

// Projection is what an engine has done since an earlier projection of the same source.
type Projection struct {
	// Source names the part of the engine whose changes come in one order.
	Source string
	// After is the sequence that the source is at, and Sequence the one after this
	// projection, which is higher.
	After, Sequence int64
	// Events are events that were handled. An event that is pending in the store becomes
	// a handled one, and keeps its contact and its body. A store leaves an event that it has
	// as a handled one as it is. An event for an Email that started one of Runs belongs to
	// the run's contact.
	Events []ProjectedEvent
	// Runs are the runs that started or changed, as they are now. A run that the store
	// has already is replaced, with any request about it, and its New and Served have no
	// meaning. A run that is given several times is as it is last, with the outputs of all.
	// If the store lacks the event that started a run, because it has pruned
	// both, it makes up an event without a payload.
	Runs []RunChange
	// Decisions are about events of this projection or of an earlier one. Those about an event
	// that the store does not have are left out.
	Decisions []Decision
	// Entries replace the counts that have the same contact and EntryRef.
	Entries []ProjectedEntry
}

// ProjectedEntry is the count of a contact's starts that an engine has written.
type ProjectedEntry struct {
	ContactID string
	EntryCount
}

// ProjectedEvent is an event that an engine has handled.
type ProjectedEvent struct {
	// Event has an ID, AcceptedAt and OccurredAt, and either a ContactID or an Email.
	Event Event
	// ContentHash and KeyExpiresAt are those of the NewEvent. With both, the store keeps
	// the IdempotencyKey as AppendEvents does, unless it has the key already. Without them
	// the key is a field of the event only.
	ContentHash  string
	KeyExpiresAt time.Time
	// HandledAt is when the event was handled, and HandledEvent what became of it.
	HandledAt time.Time
	HandledEvent
}
