package automation

import (
	"context"
	"time"
)

// Store keeps what the Runner must not lose. It is built around one idea:
// everything that has to happen in order or at most once concerns one contact,
// so the unit of work is the contact. A claim leases a contact and brings all
// its pending events and due runs; a commit writes what became of them, in one
// transaction, under the lease's fencing token. At any time at most one lease
// of a contact is valid, on whichever node, and that makes arming a wait,
// matching an event, timing out and changing the contact a sequence.
//
// Implementations must be safe for concurrent use, keep times in UTC with
// microseconds, return copies, and pass the suite in store/storetest. Every
// method returns an error that wraps ErrClosed after the store was closed.
type Store interface {
	EventWriter
	EventReader
	AutomationStore
	WorkStore
	RunReader
	ContactStore
	SegmentStore
	Pruner
}

// EventWriter accepts events. A store's Tx method returns one that writes
// inside the host's own transaction; see Send.
type EventWriter interface {
	// AppendEvents keeps all events, or none if it returns an error. They are
	// claimable when it returns, or when the transaction it belongs to commits,
	// in the order of their AcceptedAt and, among equals, of the slice.
	//
	// An event for a contact id that the store does not know fails with
	// ErrNotFound, unless its HostContact is set. An event whose Schema is not that
	// of its definition fails with ErrDefinitionChanged. An event whose idempotency
	// key is known for its name is not kept: if the hash is the same it is
	// reported as a duplicate, else the call fails with ErrConflict.
	// The receipts are in the order of events.
	AppendEvents(ctx context.Context, events []NewEvent) ([]EventReceipt, error)
	// FindEventDefinition returns the definition with this id or name, or an
	// error that wraps ErrNotFound.
	FindEventDefinition(ctx context.Context, idOrName string) (EventDefinition, error)
}

// NewEvent is an event on its way into a store.
type NewEvent struct {
	// Event has ID, AcceptedAt and OccurredAt set, and exactly one of ContactID
	// and Email.
	Event Event
	// Schema is that of the event's definition, byte for byte, which the payload was
	// checked against; empty where there is no definition, or one without a schema.
	// It lets a Runner remember definitions, and not ask for them for every event.
	Schema string
	// ContentHash identifies name, contact and payload, for idempotency keys.
	ContentHash string
	// KeyExpiresAt is when the idempotency key may be forgotten.
	KeyExpiresAt time.Time
	// HostContact says that contacts do not live in this store: ids are not
	// checked and emails are not resolved.
	HostContact bool
}

// EventReceipt says what became of an event that was sent.
type EventReceipt struct {
	// ID is the event's id; for a duplicate, that of the first one.
	ID string
	// Duplicate says that an event with this idempotency key was accepted
	// before, so that this one does nothing.
	Duplicate bool
}

// EventReader reads and manages events and their definitions.
type EventReader interface {
	// FindEvent returns an accepted event, or an error that wraps ErrNotFound.
	FindEvent(ctx context.Context, id string) (Event, error)
	// ListContactEvents returns the events of a contact with this name that were
	// accepted at or after since, oldest first, handled or not.
	ListContactEvents(ctx context.Context, contactID, name string, since time.Time) ([]Event, error)
	// InsertEventDefinition fails with ErrConflict if the name is taken.
	InsertEventDefinition(ctx context.Context, d EventDefinition) error
	// UpdateEventDefinition replaces schema and UpdatedAt of the definition
	// with d's id. It fails with ErrNotFound if there is none.
	UpdateEventDefinition(ctx context.Context, d EventDefinition) error
	// DeleteEventDefinition fails with ErrNotFound if there is none.
	DeleteEventDefinition(ctx context.Context, id string) error
	// ListEventDefinitions lists definitions, newest first. A cursor that
	// names no definition fails with ErrNotFound.
	ListEventDefinitions(ctx context.Context, q PageQuery) (Page[EventDefinition], error)
}

// AutomationRecord is an automation as stores keep it.
type AutomationRecord struct {
	ID                   string
	Name                 string
	Status               Status
	EventName            string // of the trigger
	Version, Revision    int
	Definition           []byte // steps and connections, opaque to the store
	CreatedAt, UpdatedAt time.Time
}

// VersionRef names one version of one automation.
type VersionRef struct {
	AutomationID string
	Version      int
}

// AutomationQuery selects automations; an empty Status selects all.
type AutomationQuery struct {
	Status Status
	PageQuery
}

// AutomationStore keeps automations and every version of their definitions.
type AutomationStore interface {
	// InsertAutomation keeps a under the first version that its id never had,
	// also if an automation with this id was deleted: what is known of a version
	// is never about another graph. It fails with ErrConflict if the id is taken,
	// also by an automation that was deleted while runs of it are kept.
	InsertAutomation(ctx context.Context, a AutomationRecord) error
	// UpdateAutomation replaces the automation whose revision is a.Revision-1,
	// and keeps the definition under a.Version if that is new. It fails with
	// ErrConflict if the revision is another, with ErrNotFound if there is none.
	UpdateAutomation(ctx context.Context, a AutomationRecord) error
	// FindAutomation returns the automation, or an error wrapping ErrNotFound.
	FindAutomation(ctx context.Context, id string) (AutomationRecord, error)
	// FindAutomationVersion returns the definition of a version, also after the
	// automation was deleted, as long as runs of the version are kept.
	FindAutomationVersion(ctx context.Context, v VersionRef) ([]byte, error)
	// ListAutomations lists automations, newest first, without definitions. A
	// cursor that names no automation fails with ErrNotFound.
	ListAutomations(ctx context.Context, q AutomationQuery) (Page[AutomationRecord], error)
	// DeleteAutomation deletes the automation and asks its running runs to
	// cancel, as CancelRuns does. It fails with ErrNotFound if there is none.
	DeleteAutomation(ctx context.Context, id string, now time.Time) error
}

// RunReader reads runs.
type RunReader interface {
	// FindRun returns the run, or an error that wraps ErrNotFound.
	FindRun(ctx context.Context, id string) (RunRecord, error)
	// ListRuns lists runs, newest first. Pages stay stable while runs are
	// added. A cursor that names no run fails with ErrNotFound. State and Error
	// may be left out.
	ListRuns(ctx context.Context, q RunQuery) (Page[RunRecord], error)
	// CountRuns counts the runs of an automation by version, step and status,
	// in this order.
	CountRuns(ctx context.Context, automationID string) ([]RunCount, error)
}

// ContactStore is where the built-in contacts live. It is not used when the
// host keeps contacts of its own; see Contacts. Emails are compared by EmailKey.
// A contact that gets an email, when it is inserted or changed, also gets the
// pending events that were sent for the email before: they come first.
type ContactStore interface {
	// FindContact returns the contact with ref's id or email, or an error that
	// wraps ErrNotFound.
	FindContact(ctx context.Context, ref ContactRef) (Contact, error)
	// InsertContact fails with ErrConflict if the id was ever used or the
	// email belongs to another contact.
	InsertContact(ctx context.Context, c Contact) error
	// UpdateContact applies change and returns the contact as it is then. It
	// fails with ErrNotFound if there is none, and with ErrConflict if the new
	// email belongs to another contact.
	UpdateContact(ctx context.Context, id string, change ContactChange) (Contact, error)
	// DeleteContact deletes the contact for good and asks its running runs to
	// cancel, as CancelRuns does. It fails with ErrNotFound if there is none.
	DeleteContact(ctx context.Context, id string, now time.Time) error
	// ListContacts lists contacts, newest first. A cursor that names no
	// contact fails with ErrNotFound.
	ListContacts(ctx context.Context, q ContactQuery) (Page[Contact], error)
}

// ContactQuery selects contacts; an empty Segment selects all.
type ContactQuery struct {
	Segment string
	PageQuery
}

// SegmentStore keeps the names of segments. It knows nothing of who is in them.
type SegmentStore interface {
	// InsertSegment fails with ErrConflict if there is one with its id.
	InsertSegment(ctx context.Context, s Segment) error
	// FindSegment returns the segment, or an error that wraps ErrNotFound.
	FindSegment(ctx context.Context, id string) (Segment, error)
	// DeleteSegment fails with ErrNotFound if there is none.
	DeleteSegment(ctx context.Context, id string) error
	// ListSegments lists segments, newest first. A cursor that names none fails
	// with ErrNotFound.
	ListSegments(ctx context.Context, q PageQuery) (Page[Segment], error)
}

// Pruner keeps the store small.
type Pruner interface {
	// Prune removes up to p.Limit runs that ended before p.Before, events that
	// were handled before it and that no kept run was started by, idempotency
	// keys that have expired, and definitions that no automation and no run
	// uses. It returns how many runs and events it removed; fewer than p.Limit
	// of both means that there was no more.
	Prune(ctx context.Context, p PruneParams) (PruneResult, error)
}

// PruneParams say what to remove.
type PruneParams struct {
	Before time.Time
	Limit  int
	Now    time.Time
}

// PruneResult says what was removed.
type PruneResult struct {
	Runs, Events int
}

// RunRecord is a run as stores keep it.
type RunRecord struct {
	ID             string
	AutomationID   string
	Version        int
	ContactID      string
	EventID        string
	EventName      string
	Status         RunStatus
	Step           string    // key of the step it is at
	WaitEvent      string    // name of the event it waits for, if any
	DueAt          time.Time // when it must be claimed; zero: not by time
	DecodeFailures int       // how often it could not be read in a row
	Error          *StepError
	State          []byte // opaque to the store
	CreatedAt      time.Time
	CompletedAt    time.Time // zero while running
}

// RunRequest is a request about a run, made by anybody and carried out by the
// owner of the contact's lease.
type RunRequest string

// The controls.
const (
	RequestNone   RunRequest = ""
	RequestCancel RunRequest = "cancel"
	RequestRetry  RunRequest = "retry"
)

// WorkStore hands out work and takes back what became of it. Bytes that go in
// or come out here, payloads and states, are shared with the store: neither
// side changes them afterwards.
type WorkStore interface {
	// Claim leases up to p.Limit contacts that have pending events or due runs
	// and whose lease is free or has expired, those that are due longest first,
	// and returns their work. Each contact is in at most one valid lease.
	Claim(ctx context.Context, p ClaimParams) ([]Work, error)
	// Commit writes the transitions, each one atomically and independent of
	// the others: a transition that fails has its error in its result and
	// leaves nothing behind. Results are in the order of ts. When Commit itself
	// returns an error the caller does not know what was written and may call
	// again with the same ts: writing a transition twice under one lease
	// leaves what writing it once does.
	Commit(ctx context.Context, ts []Transition) ([]CommitResult, error)
	// NextDue returns when the next contact becomes claimable, as far as is
	// known without new events, or the zero time if nothing is due ever.
	// Expiring leases count if their contact has work.
	NextDue(ctx context.Context) (time.Time, error)
	// RecordRunRequest records a request and makes the run due. ControlCancel does
	// nothing to a run that has ended; ControlRetry does nothing to a run that
	// is running, and fails with ErrConflict for one that is completed or
	// cancelled. It returns the run as it was, or an error wrapping ErrNotFound.
	RecordRunRequest(ctx context.Context, id string, c RunRequest, now time.Time) (RunRecord, error)
	// CancelRuns asks all running runs of an automation to cancel and returns
	// how many there are.
	CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error)
}

// ClaimParams say what to claim.
type ClaimParams struct {
	Now time.Time
	// Lease is how long the leases are valid.
	Lease time.Duration
	// Limit is how many contacts to claim at most.
	Limit int
	// Events and Runs bound how many pending events and due runs of one
	// contact are brought at a time. Runs that wait for one of these events
	// are always brought.
	Events, Runs int
	// Contact, if set, claims this contact or this email only, whether or not it
	// has work or was ever heard of. Nothing is returned if its lease is taken.
	Contact ContactRef
}

// Work is a leased contact with everything needed to go on.
type Work struct {
	// Key is the key of the lease: an id, or the email of an event for
	// which no contact was known.
	Key ContactRef
	// Token fences the lease: commits with an older one are refused.
	Token int64
	// Contact is the contact, where the store holds contacts and has it.
	Contact *Contact
	// Events are pending events, in the order in which they were accepted.
	Events []PendingEvent
	// Runs are the runs that are due, longest first, and after them the runs
	// that wait for one of Events, oldest first.
	Runs []ClaimedRun

	claimedAt time.Time // set by the Runner
}

// PendingEvent is an event that was not handled yet.
type PendingEvent struct {
	Event
	// Starts are the enabled automations whose trigger names the event, oldest
	// first.
	Starts []VersionRef
}

// ClaimedRun is a run with what is needed to advance it.
type ClaimedRun struct {
	RunRecord
	Request RunRequest
	// TriggerPayload is the payload of the event that started the run.
	TriggerPayload []byte
}

// Transition is what became of a claimed contact's work. Everything in it is
// written together.
type Transition struct {
	Key   ContactRef
	Token int64
	// Now is when it happened.
	Now time.Time
	// Handled are the ids of events that have been handled.
	Handled []string
	// Runs are the runs that were started or have changed. A running one of a
	// contact that was deleted in the meantime is due at once, whatever its DueAt.
	Runs []RunChange
	// Change applies to the contact, where the store holds contacts.
	Change *ContactChange
	// Delete deletes the contact, as DeleteContact does.
	Delete bool
	// Erase empties the payloads of all events of the contact, and those of
	// events that were sent for EraseEmail and belong to no contact, if that is
	// set; and forgets the emails and idempotency keys that came with them.
	Erase      bool
	EraseEmail string
	// MoveTo, for a lease on an email, gives its pending events to the contact
	// with this id. Create creates that contact first, where the store holds
	// contacts; if the email belongs to a contact already, the events go to
	// that one instead.
	MoveTo string
	Create *Contact
	// Release ends the lease. Otherwise it is extended to Extend.
	Release bool
	Extend  time.Time
}

// changesContact reports whether t changesContact the contact.
func (t *Transition) changesContact() bool { return t.Change != nil || t.Delete }

// RunChange is a run that was started or has changed.
type RunChange struct {
	RunRecord
	// New says that the run was started by this transition. The transition
	// fails with ErrConflict if its automation is not enabled any more, or its
	// version was pruned.
	New bool
	// Served is the control that this change has carried out. A run whose control
	// is another by now keeps it, stays due, and is reported in the result.
	Served RunRequest
}

// CommitResult is what became of one transition.
type CommitResult struct {
	// Err is nil, or wraps ErrLeaseLost, ErrConflict or a storage error. It is
	// about this transition only.
	Err error
	// Contact is the contact after the transition, where the store holds
	// contacts and the lease goes on; nil if it is gone.
	Contact *Contact
	// Requests are requests about runs of this transition that were made
	// meanwhile, by run id.
	Requests map[string]RunRequest
}

// end makes rec the record of a run that ended.
func (rec *RunRecord) end(status RunStatus, err *StepError, at time.Time) {
	rec.Status, rec.Error, rec.CompletedAt = status, err, at
	rec.DueAt, rec.WaitEvent = time.Time{}, ""
}

// run returns the record as readers see it, without steps.
func (rec *RunRecord) run() Run {
	return Run{
		ID: rec.ID, AutomationID: rec.AutomationID, Version: rec.Version,
		ContactID: rec.ContactID, EventID: rec.EventID, EventName: rec.EventName,
		Status: rec.Status, Step: rec.Step, WaitEvent: rec.WaitEvent, DueAt: rec.DueAt, Error: rec.Error,
		CreatedAt: rec.CreatedAt, StartedAt: rec.CreatedAt, CompletedAt: rec.CompletedAt,
	}
}

// ParallelCommitter is an optional interface of a Store that writes several commits
// at the same time, where one has to wait for the disk and others need not. Without
// it a Runner makes one after the other, so that as much as possible gathers for each.
type ParallelCommitter interface {
	// CommitsInParallel reports whether Commit does not wait for another one that
	// is about other contacts.
	CommitsInParallel() bool
}

// Watcher is an optional interface of a Store that hears when another process,
// or another Runner of this one, has added work. Without it the Runner polls,
// at Options.PollInterval.
type Watcher interface {
	// Watch calls wake, which does not block, whenever work was added, until
	// ctx ends. It may call it more often than needed. An error that wraps
	// errors.ErrUnsupported says that this store cannot, after all.
	Watch(ctx context.Context, wake func()) error
}
