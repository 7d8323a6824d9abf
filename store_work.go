package automation

import (
	"context"
	"fmt"
	"time"
)

// RunRequest is a request to cancel or to retry a run. Any process may record a request.
// The holder of the contact's lease applies it, and reports it as served.
type RunRequest string

// The requests about a run. RequestNone means that there is no request.
const (
	RequestNone   RunRequest = ""
	RequestCancel RunRequest = "cancel"
	RequestRetry  RunRequest = "retry"
)

// Accepts reports whether the request has an effect on a run as it is now, for stores. A cancel
// has one on a running run, a retry on a failed one. A retry of a run that is completed or
// cancelled fails with ErrConflict.
func (c RunRequest) Accepts(run *RunRecord) (bool, error) {
	running := run.Status == RunRunning
	switch {
	case c == RequestCancel:
		return running, nil
	case running:
		return false, nil
	case run.Status != RunFailed:
		return false, fmt.Errorf("run %q is %s, and only a failed run can be retried: %w", run.ID, run.Status, ErrConflict)
	default:
		return true, nil
	}
}

// Remaining returns what remains of the request once a change of the run is written, for
// stores. A request that the change has served is gone, and so is one that has no effect on a run
// with the new status.
func (c RunRequest) Remaining(change *RunChange) RunRequest {
	switch {
	case c == change.Served:
		return RequestNone
	case c == RequestCancel && change.Status == RunRunning:
		return c
	case c == RequestRetry && change.Status == RunFailed:
		return c
	default:
		return RequestNone
	}
}

// WorkStore leases contacts and commits the work on them. Callers and the store share the
// bytes of payloads, states and outputs that pass through its methods: neither may change them
// afterwards.
type WorkStore interface {
	// Claim leases contacts and returns their work. It takes up to p.Limit contacts
	// that have pending events or due runs, and whose lease is free or has expired.
	// It takes those first that have been due for the longest time. Each claim gives
	// a lease a higher token, so that at most one lease of a contact is valid. It fails with
	// ErrCatalog if the store is the catalog of an engine other than p.Engine.
	Claim(ctx context.Context, p ClaimParams) ([]Work, error)
	// Commit writes each transition atomically and independently of the others. The
	// result of a transition that fails holds the error, and the store writes nothing
	// of that transition. The results are in the order of ts.
	//
	// If Commit itself returns an error, the caller cannot know what the store wrote,
	// and may call Commit again with the same ts: to write a transition twice under
	// one lease has the same effect as to write it once.
	Commit(ctx context.Context, ts []Transition) ([]CommitResult, error)
	// NextDue returns when the next contact becomes claimable if no event arrives
	// before. The end of a lease counts if the contact has work. NextDue returns the
	// zero time if there is no such contact.
	NextDue(ctx context.Context) (time.Time, error)
	// RecordRunRequest records a request about the run with this id, and makes the
	// run due. RequestCancel changes nothing if the run has ended. RequestRetry
	// changes nothing if the run is running, and fails with ErrConflict if the run is
	// completed or cancelled. RecordRunRequest returns the run as it was before, or
	// an error that wraps ErrNotFound. It fails with ErrCatalog if the store is the catalog
	// of an engine.
	RecordRunRequest(ctx context.Context, id string, c RunRequest, now time.Time) (RunRecord, error)
	// CancelRuns records requests to cancel all running runs of an automation, makes
	// these runs due, and returns how many there are. It fails with ErrCatalog as
	// RecordRunRequest does.
	CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error)
}

// ClaimParams select what to claim.
type ClaimParams struct {
	// Now is the current time, at which runs are due and leases are expired or not.
	Now time.Time
	// Lease is how long the leases last from Now on.
	Lease time.Duration
	// Limit is how many contacts to claim at most.
	Limit int
	// Events and Runs are how many pending events and due runs of one contact to
	// return at most. Runs that listen to one of the returned events come in addition,
	// each once.
	Events, Runs int
	// Contact, if set, is the only contact, or the only email without a contact, to
	// claim. The claim succeeds even if there is no work, or no such contact. It
	// returns nothing if another lease on the contact is valid.
	Contact ContactRef
	// Erase means that the claim is for an erasure of Contact. A Store need not look at it.
	// A facade over an engine, where workers have the leases, makes an exception for it.
	Erase bool
	// Engine is the engine that claims. A store that is the catalog of an engine refuses the
	// claims of all others with ErrCatalog; see Catalog.
	Engine string
}

// Work is a leased contact with its work.
type Work struct {
	// Key is what the lease is on: a contact's id or, for events without a contact,
	// their email.
	Key ContactRef
	// Token is the fencing token of the lease. The store refuses commits with an
	// older token.
	Token int64
	// Contact is the contact. It is nil if contacts do not live in the store, or if
	// the contact does not exist.
	Contact *Contact
	// Events are pending events, in the order of acceptance.
	Events []PendingEvent
	// Runs are first the due runs, in the order in which they became due, and then
	// the runs that listen to one of Events, oldest first, each once. If one of Events starts
	// an automation that gathers, all other running runs that the contact has of this
	// automation follow, in any version, oldest first.
	Runs []ClaimedRun
}

// PendingEvent is an event that is accepted and not handled yet.
type PendingEvent struct {
	Event
	// Starts are the enabled automations whose trigger names the event, oldest
	// first. A Runner starts only those that the event may start; see Event.AutomationID
	// and Cause.
	Starts []VersionRef
	// Disabled reports whether there is a disabled automation whose trigger names the
	// event.
	Disabled bool
	// Unannounced is that of the NewEvent.
	Unannounced bool
}

// ClaimedRun is a run with the data that advancing it needs.
type ClaimedRun struct {
	RunRecord
	// Request is the request about the run that is recorded and not served yet.
	Request RunRequest
	// TriggerPayload is the payload of the event that started the run.
	TriggerPayload []byte
	// Cause is that of the event that started the run. It is nil for most runs.
	Cause *Cause
}

// Transition is the result of work on a leased contact. A store writes all of it, or
// nothing.
type Transition struct {
	// Key and Token are those of the Work.
	Key   ContactRef
	Token int64
	// Now is when the work happened.
	Now time.Time
	// Handled are the events that are handled now.
	Handled []HandledEvent
	// Runs are the runs that started or changed. A running run becomes due at once,
	// whatever its DueAt is, if the contact was deleted since the claim.
	Runs []RunChange
	// Events are new events for the contact, in the order of their AcceptedAt and of their ids.
	// The store keeps them as pending, also if it does not have the contact, and does not look
	// at their definitions. They have no idempotency keys. An event whose id the store has
	// already is ignored, because a transition may be written twice. A claim brings them as it
	// brings those of AppendEvents.
	Events []NewEvent
	// Decisions are about events of Handled. A store keeps at most one for each event,
	// automation and code.
	Decisions []Decision
	// Entries replace the counts of the contact's starts that have the same EntryRef.
	Entries []EntryCount
	// Change is applied to the contact, if contacts live in the store.
	Change *ContactChange
	// Delete deletes the contact, as DeleteContact does.
	Delete bool
	// Erase removes the payloads and the causes of all events of the contact, the emails and
	// idempotency keys that came with these events, the evidence of decisions about them, and
	// the counts of the contact's starts. If EraseEmail is set, the same happens to the events
	// for this email that belong to no contact. Of these, and of the events of a Key that is
	// an email, only those that are pending may still show the email.
	Erase      bool
	EraseEmail string
	// MoveTo is for a lease on an email. It moves the pending events of the email to
	// the contact with this id. If contacts live in the store and the email belongs
	// to a contact by now, the events go to that contact instead.
	MoveTo string
	// Create is the contact that MoveTo names. The store inserts the contact before
	// it moves the events, unless the email belongs to a contact by now.
	Create *Contact
	// Heed asks for CommitResult.Pending.
	Heed bool
	// Release ends the lease. Otherwise the lease lasts until Extend.
	Release bool
	Extend  time.Time
}

// HandledEvent is an event that is handled, with what became of it besides the runs that
// it starts. The store keeps Resumed and Reason with the event.
type HandledEvent struct {
	ID      string
	Resumed []string    // the ids of the runs that the event resumed
	Ended   []string    // the ids of the runs that the event ended; see Exit
	Reason  EventReason // why it started and resumed no run
}

// changesContact reports whether t changes or deletes the contact.
func (t *Transition) changesContact() bool { return t.Change != nil || t.Delete }

// RunChange is a run that started or changed.
type RunChange struct {
	RunRecord
	// New means that this transition starts the run. The transition fails with
	// ErrConflict if the automation is not enabled any more, or if its version was
	// pruned.
	New bool
	// Served is the request that this change applies. The store removes the recorded
	// request if it equals Served, or if it does nothing to a run in the new status.
	// Otherwise the request stays recorded: the store keeps the run due, and returns
	// the request in CommitResult.Requests.
	Served RunRequest
	// Outputs are outputs that the store keeps beside the state from now on, at most one
	// for a step. An output replaces the one of the same step. All others stay until
	// DropOutputs or Prune removes them.
	Outputs []StepOutput
	// DropOutputs removes all outputs of the run that the store has, before it keeps
	// Outputs.
	DropOutputs bool
}

// CommitResult is the result of one transition.
type CommitResult struct {
	// Err is nil, or the reason why the store wrote nothing of the transition. It
	// wraps ErrLeaseLost if the contact was claimed again or the lease was released,
	// ErrConflict if RunChange.New refuses a run, ErrNotFound if a run that is not
	// new does not exist, or an error of the storage.
	Err error
	// Contact is the contact after the transition. It is nil if contacts do not live
	// in the store, if the contact does not exist, or if the lease was released.
	Contact *Contact
	// Requests are the recorded and not served requests about the runs of this
	// transition, by run id.
	Requests map[string]RunRequest
	// Pending reports, for a transition with Heed, whether the contact has pending events
	// after the transition. An event that another process commits before Commit is called
	// counts.
	Pending bool
}
