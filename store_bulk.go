package automation

import (
	"context"
	"crypto/sha256"
	"time"
)

// BulkStarter is an optional interface of a Store that starts the runs of a bulk, see
// Runner.StartMany, many of them in one transaction: without pending events, leases and claims.
// Without this interface StartMany sends an event with an idempotency key for each contact.
//
// A bulk is at a step, which begins at 0. Each call of StartRuns is the next step, and is refused
// if the bulk is at another one. So of two calls of StartMany for one bulk, in any processes, each
// knows which contacts the other has started when its own step is written.
type BulkStarter interface {
	// BeginBulk keeps a bulk that is at step 0, unless the store has it and it is not expired at
	// b.BegunAt. It returns the bulk as the store has it. It fails with ErrConflict if the bulk in
	// the store has another ContentHash.
	BeginBulk(ctx context.Context, b BulkRecord) (BulkRecord, error)
	// ListBulkMarks returns the marks of the contacts that the steps after a step have started,
	// and the last of the steps that the result contains. A store may return them in several
	// parts. There are no more if it returns the step that it was given.
	ListBulkMarks(ctx context.Context, bulkID string, after int64) (marks []BulkMark, last int64, err error)
	// FindPending reports for each contact whether it has pending events: under its ID or, if it
	// has an Email, under this email.
	FindPending(ctx context.Context, contacts []ContactRef) ([]bool, error)
	// StartRuns writes the next step of a bulk, all of it or, if it returns an error, nothing. The
	// outcomes are in the order of s.Starts.
	//
	// It fails with ErrConflict if the bulk is at another step than s.After or has begun at
	// another time than s.BegunAt, and with ErrDefinitionChanged as AppendEvents does.
	StartRuns(ctx context.Context, s BulkStep) ([]StartOutcome, error)
}

// BulkRecord is a bulk in the form that stores keep.
type BulkRecord struct {
	ID string
	// ContentHash identifies what the bulk starts: the automation and the payload.
	ContentHash string
	// BegunAt is when the first call of the bulk began, and tells bulks apart that have the
	// same id one after the other.
	BegunAt time.Time
	// ExpiresAt is when the store may forget the bulk, with its marks.
	ExpiresAt time.Time
	// Step is how many steps the bulk has had.
	Step int64
}

// BulkMark identifies a contact within a bulk. It is a part of the SHA-256 of the contact's id,
// because ids may be long.
type BulkMark [12]byte

// markOf returns the mark of a contact.
func markOf(contactID string) BulkMark {
	sum := sha256.Sum256([]byte(contactID))
	return BulkMark(sum[:len(BulkMark{})])
}

// BulkStep is a part of a bulk. The bulk is one step further afterwards.
type BulkStep struct {
	// BulkID and BegunAt are those of the bulk, and After is the step that it is at.
	BulkID  string
	BegunAt time.Time
	After   int64
	// ExpiresAt is when the bulk expires from now on.
	ExpiresAt time.Time
	// ReadAt is a time before the store was read for the turns of Starts.
	ReadAt time.Time
	// Version is the version of the automation to which the turns belong. The store writes none of
	// the turns unless the automation is enabled and at this version, and unless the store is no
	// catalog of an engine.
	Version VersionRef
	// Starts are about contacts that differ.
	Starts []RunStart
}

// RunStart is the event that starts an automation for a contact.
type RunStart struct {
	// Event has a ContactID and no IdempotencyKey.
	Event NewEvent
	// Mark is that of the contact.
	Mark BulkMark
	// Email is that of the contact, whose pending events may be under it.
	Email string
	// Turn is what becomes of the event, if nothing is to come before it. It has Now, the event in
	// Handled, at most one run in Runs, which is new and has no Outputs, and Decisions. Nil
	// leaves it to a claim.
	Turn *Transition
}

// StartOutcome is what StartRuns has done about a contact.
type StartOutcome string

// The outcomes of a RunStart.
const (
	// StartHandled: the event is kept as a handled one, with all that its Turn has.
	StartHandled StartOutcome = "handled"
	// StartPending: the event is kept as a pending one, as by AppendEvents. There is no Turn, or
	// the turns must not be written, or something may come before the event: the contact has
	// pending events, also under its Email, or it has an event that was accepted at BulkStep.ReadAt
	// or later, and the new run listens to any.
	StartPending StartOutcome = "pending"
	// StartNoContact: the store keeps nothing, not even the mark, because it has no such contact.
	StartNoContact StartOutcome = "no_contact"
)

// Listens reports whether the turn starts a run that listens to events, for stores.
func (s *RunStart) Listens() bool {
	return s.Turn != nil && len(s.Turn.Runs) > 0 && len(s.Turn.Runs[0].Listens) > 0
}
