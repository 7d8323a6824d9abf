package automation

import (
	"context"
	"slices"
	"time"
)

// Store keeps what a Runner must not lose.
//
// The unit of work is the contact, because whatever must happen in order or at most once
// concerns one contact. A claim leases a contact, and brings its pending events and due
// runs. A commit writes the results in one transaction, under the fencing token of the
// lease. At most one lease of a contact is valid at any time, on any node. Therefore the
// start of a wait, the match of an event, a timeout and a change of the contact happen
// one after the other.
//
// An implementation must be safe for concurrent use, must keep times in UTC with a
// precision of microseconds, must return copies except where WorkStore allows sharing,
// and must pass the suite in store/storetest. Once a store is closed, every method
// returns an error that wraps ErrClosed.
type Store interface {
	EventWriter
	EventReader
	AutomationStore
	WorkStore
	RunReader
	ContactStore
	PropertyStore
	SegmentStore
	Pruner
	StatsReader
}

// EventWriter keeps events. The Tx method of a store returns an EventWriter that writes
// inside the host's own transaction; see Send.
type EventWriter interface {
	// AppendEvents keeps all events or, if it returns an error, none of them. A claim
	// brings the events once AppendEvents has returned or, for a writer inside a
	// transaction, once the transaction has committed. Claims bring them in the order
	// of AcceptedAt and, among equal times, in the order of the slice. The receipts
	// are in the order of events.
	//
	// AppendEvents fails with ErrNotFound if an event is for a contact id that does
	// not exist in the store, unless HostContact is set. It fails with
	// ErrDefinitionChanged if the Schema of an event differs from the schema of its
	// definition.
	//
	// An event whose name and idempotency key the store has already is not kept. If
	// its ContentHash is the same, the receipt reports a duplicate. If not,
	// AppendEvents fails with ErrConflict.
	AppendEvents(ctx context.Context, events []NewEvent) ([]EventReceipt, error)
	// FindEventDefinition returns the definition with this id or name, or an
	// error that wraps ErrNotFound.
	FindEventDefinition(ctx context.Context, idOrName string) (EventDefinition, error)
}

// NewEvent is an event that a store has to keep.
type NewEvent struct {
	// Event has an ID, AcceptedAt and OccurredAt, and either a ContactID or an Email.
	Event Event
	// Schema is the schema against which the payload was validated, byte for byte as
	// in the event's definition. It is empty if the event has no definition, or one
	// without a schema. A Runner can remember definitions because the store compares
	// Schema with the current definition.
	Schema string
	// ContentHash identifies the name, the contact and the payload of an event with
	// an idempotency key.
	ContentHash string
	// KeyExpiresAt is when the store may forget the idempotency key.
	KeyExpiresAt time.Time
	// Unannounced means that no Observer has received EventAccepted. The store returns
	// it with the claim of the event.
	Unannounced bool
	// HostContact means that contacts live in the contact directory: the store does
	// not check that the ContactID exists, and does not look up the Email.
	HostContact bool
}

// EventReceipt is the result of one event that was sent.
type EventReceipt struct {
	// ID is the id of the event or, for a duplicate, of the first event.
	ID string
	// Duplicate means that an event with this name, idempotency key and content was
	// accepted before. The duplicate does nothing.
	Duplicate bool
}

// EventReader reads and manages events and their definitions.
type EventReader interface {
	// FindEvent returns an accepted event, or an error that wraps ErrNotFound.
	FindEvent(ctx context.Context, id string) (EventRecord, error)
	// ListDecisions returns the decisions about an event, sorted by the id of the automation
	// and the code. There are none if the event does not exist.
	ListDecisions(ctx context.Context, eventID string) ([]Decision, error)
	// ListEvents lists events in the order of their ids, newest first. An event id is
	// a UUID of version 7 whose time is never before AcceptedAt, and never an hour after
	// it unless the clock went back, so that a store needs no index for AcceptedAt. The ids in Started are in the order in which the runs
	// were created. It fails with ErrNotFound if the cursor is not the id of an event.
	ListEvents(ctx context.Context, q EventQuery) (Page[EventRecord], error)
	// ListContactEvents returns the contact's events with this name that were
	// accepted at or after since, oldest first, whether they are pending or handled.
	ListContactEvents(ctx context.Context, contactID, name string, since time.Time) ([]Event, error)
	// InsertEventDefinition keeps a new definition. It fails with ErrConflict if the
	// name is taken.
	InsertEventDefinition(ctx context.Context, d EventDefinition) error
	// UpdateEventDefinition replaces Schema and UpdatedAt of the definition with the
	// id of d. It fails with ErrNotFound if there is none.
	UpdateEventDefinition(ctx context.Context, d EventDefinition) error
	// DeleteEventDefinition deletes a definition. It fails with ErrNotFound if there
	// is none.
	DeleteEventDefinition(ctx context.Context, id string) error
	// ListEventDefinitions lists definitions, newest first. It fails with ErrNotFound
	// if the cursor is not the id of a definition.
	ListEventDefinitions(ctx context.Context, q PageQuery) (Page[EventDefinition], error)
}

// AutomationRecord is an automation in the form that stores keep.
type AutomationRecord struct {
	ID        string
	Name      string
	Status    Status
	EventName string // of the trigger
	// EventNames are the names of all events that start runs: EventName first, then those of
	// the further triggers, each once. A store returns nil for EventName alone, and takes nil
	// as that.
	EventNames []string
	// Gathers means that whoever decides about a start must see the runs in progress. A claim
	// with an event that starts the automation brings all running runs that the contact has
	// of it; see Work.Runs.
	Gathers              bool
	Version, Revision    int
	Definition           []byte // steps and connections, opaque to the store
	CreatedAt, UpdatedAt time.Time
	// Author is who made the version, in the arguments of InsertAutomation and
	// UpdateAutomation. A store keeps it with the version, and leaves it out elsewhere.
	Author string
	// StoppedAt is when an operator stopped the automation, or zero. It has a meaning
	// only while the automation is disabled.
	StoppedAt time.Time
}

// TriggerNames returns the names of the events that start runs, each once, for stores.
func (rec *AutomationRecord) TriggerNames() []string {
	names := make([]string, 0, max(1, len(rec.EventNames)))
	for _, name := range rec.EventNames {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = append(names, rec.EventName)
	}
	return names
}

// VersionRef identifies one version of one automation.
type VersionRef struct {
	AutomationID string
	Version      int
}

// VersionRecord is a version of an automation in the form that stores keep.
type VersionRecord struct {
	VersionRef
	Definition []byte // as in AutomationRecord
	// CreatedAt is UpdatedAt of the AutomationRecord with which the version came. It is
	// zero for a version that a process wrote which did not record the time.
	CreatedAt time.Time
	Author    string
	// Name is the name that the automation has now, whatever it was called at this version.
	// It is empty if the automation is deleted.
	Name string
	// Current reports whether the automation is at this version, and is not deleted.
	Current bool
}

// KeptVersions is how many versions of an automation a store keeps at least, the newest
// ones, although no run uses them.
const KeptVersions = 20

// AutomationQuery selects automations. An empty Status selects all of them.
type AutomationQuery struct {
	Status Status
	PageQuery
}

// AutomationStore keeps automations and every version of their definitions.
type AutomationStore interface {
	// InsertAutomation keeps a new automation. It chooses the version: the first one
	// that the id never had, even before a deletion. Therefore a compiled graph that
	// a process remembers for a version is never wrong. InsertAutomation fails with
	// ErrConflict if the id is taken, which includes a deleted automation whose runs
	// the store still keeps.
	InsertAutomation(ctx context.Context, a AutomationRecord) error
	// UpdateAutomation replaces the automation if its revision is a.Revision-1, and
	// keeps the definition and the author under a.Version if that version is new. It fails
	// with a *RevisionError if the revision differs, and with ErrNotFound if there is no
	// such automation.
	UpdateAutomation(ctx context.Context, a AutomationRecord) error
	// FindAutomation returns the automation, or an error that wraps ErrNotFound. If the
	// automation was deleted, and none was inserted under its id since, the error wraps
	// ErrDeleted, for as long as the store exists.
	FindAutomation(ctx context.Context, id string) (AutomationRecord, error)
	// FindAutomationVersion returns a version, or an error that wraps ErrNotFound. It
	// returns the version even after the automation was deleted, as long as the store
	// keeps runs of it.
	FindAutomationVersion(ctx context.Context, v VersionRef) (VersionRecord, error)
	// ListAutomationVersions lists the versions of an automation, newest first, without
	// definitions. The cursor is the number of a version, which the store need not keep any
	// more. It fails with ErrNotFound if the cursor is no such number, or if the store keeps
	// no version of the automation.
	ListAutomationVersions(ctx context.Context, automationID string, q PageQuery) (Page[VersionRecord], error)
	// ListAutomations lists automations, newest first, without definitions. It fails
	// with ErrNotFound if the cursor is not the id of an automation.
	ListAutomations(ctx context.Context, q AutomationQuery) (Page[AutomationRecord], error)
	// DeleteAutomation deletes the automation, and records requests to cancel its
	// running runs, as CancelRuns does. It fails with ErrNotFound if there is none.
	DeleteAutomation(ctx context.Context, id string, now time.Time) error
}

// RunReader reads runs.
type RunReader interface {
	// FindRun returns the run, or an error that wraps ErrNotFound.
	FindRun(ctx context.Context, id string) (RunRecord, error)
	// FindRuns returns the runs with these ids, in any order and with their State, as
	// FindRun does. It leaves out the runs that do not exist.
	FindRuns(ctx context.Context, ids []string) ([]RunRecord, error)
	// ListRuns lists runs, newest first. Pages stay stable while runs are added. It
	// fails with ErrNotFound if the cursor is not the id of a run. A store may leave
	// out State.
	//
	// A query by completion has no CreatedFrom and no CreatedUntil.
	//
	// The runs of a version were all started by events that its triggers name, so by at most
	// a few names. A store may rely on it, to find the runs of an EventName.
	ListRuns(ctx context.Context, q RunQuery) (Page[RunRecord], error)
	// FindRunOutputs returns all outputs that the store keeps beside the state of a run,
	// in the order of their steps. There are none if the run does not exist.
	FindRunOutputs(ctx context.Context, runID string) ([]StepOutput, error)
	// FindEntries returns the counts of a contact's starts that the store has among refs, in
	// any order. It leaves out those that do not exist.
	FindEntries(ctx context.Context, contactID string, refs []EntryRef) ([]EntryCount, error)
	// CountRuns returns how many runs of these automations there are for each version,
	// step and status, sorted by the id of the automation, version, step and status. It
	// fails with ErrNotFound if one of the automations does not exist, which includes a
	// deleted one.
	CountRuns(ctx context.Context, automationIDs ...string) ([]RunCount, error)
}

// ContactStore keeps the built-in contacts. A Runner with a ContactDirectory does not use
// it. A store compares emails by EmailKey.
//
// When a contact gets an email, by an insertion or a change, it also gets the events that
// are pending under this email. They come before the contact's own pending events.
type ContactStore interface {
	// FindContact returns the contact with the id or the email of ref, or an error
	// that wraps ErrNotFound.
	FindContact(ctx context.Context, ref ContactRef) (Contact, error)
	// FindContacts returns the contacts with these ids, in any order. It leaves out ids
	// that no contact has, and returns a contact once if its id is repeated.
	FindContacts(ctx context.Context, ids []string) ([]Contact, error)
	// InsertContact keeps a new contact. It fails with ErrConflict if a contact has
	// or ever had the id, or if another contact has the email.
	InsertContact(ctx context.Context, c Contact) error
	// UpdateContact applies change and returns the changed contact. It fails with
	// ErrNotFound if there is no such contact, and with ErrConflict if another
	// contact has the new email.
	UpdateContact(ctx context.Context, id string, change ContactChange) (Contact, error)
	// DeleteContact deletes the contact for good, and records requests to cancel its
	// running runs, as CancelRuns does. It fails with ErrNotFound if there is none.
	DeleteContact(ctx context.Context, id string, now time.Time) error
	// ListContacts lists contacts in the order that ContactQuery defines. The cost of a
	// page with an EmailPrefix must not grow with the contacts that do not have it. It
	// fails with ErrNotFound if the cursor is not the id of a contact.
	ListContacts(ctx context.Context, q ContactQuery) (Page[Contact], error)
}

// SegmentStore keeps the names of segments. Contacts hold which segments they belong to.
type SegmentStore interface {
	// InsertSegment keeps a new segment. It fails with ErrConflict if the id is
	// taken.
	InsertSegment(ctx context.Context, s Segment) error
	// FindSegment returns the segment, or an error that wraps ErrNotFound.
	FindSegment(ctx context.Context, id string) (Segment, error)
	// RenameSegment gives the segment another name and returns the changed segment. It
	// fails with ErrNotFound if there is none.
	RenameSegment(ctx context.Context, id, name string) (Segment, error)
	// DeleteSegment deletes a segment. It fails with ErrNotFound if there is none.
	DeleteSegment(ctx context.Context, id string) error
	// ListSegments lists segments, newest first. It fails with ErrNotFound if the
	// cursor is not the id of a segment.
	ListSegments(ctx context.Context, q PageQuery) (Page[Segment], error)
}

// Pruner removes old data, so that a store stays small.
type Pruner interface {
	// Prune removes at most p.Limit runs and at most p.Limit events: runs that ended
	// before p.Before, with their outputs, and events that were handled before p.Before and that started
	// no run which the store keeps, with the decisions about them. It also removes
	// idempotency keys and entry counts that are expired at p.Now, and versions of automations that no run uses, except for the newest
	// KeptVersions of each automation that is not deleted.
	//
	// If both numbers in the result are below p.Limit, nothing is left to remove.
	Prune(ctx context.Context, p PruneParams) (PruneResult, error)
}

// PruneParams select what Prune removes.
type PruneParams struct {
	// Before is the time before which a run must have ended, and an event must have
	// been handled.
	Before time.Time
	// Limit is how many runs, and how many events, Prune removes at most.
	Limit int
	// Now is the current time, at which idempotency keys are expired or not.
	Now time.Time
}

// PruneResult holds how many runs and events Prune removed.
type PruneResult struct {
	Runs, Events int
}

// RunRecord is a run in the form that stores keep.
type RunRecord struct {
	ID           string
	AutomationID string
	Version      int
	ContactID    string
	EventID      string
	EventName    string
	Status       RunStatus
	Step         string // key of the step that the run is at
	// Listens are the names of all events that can change the run where it stands: sorted,
	// and each once. A claim brings the run with an event of any of these names. Nil means
	// none, as for every run that has ended. The slice is never changed.
	Listens        []string
	DueAt          time.Time // when the run is due; zero: never by time
	DecodeFailures int       // how often in a row a process could not decode the run
	Error          *StepError
	Exit           *RunExit // why a completed run ended early; nil otherwise
	State          []byte   // opaque to the store; RunChange.Outputs are beside it
	CreatedAt      time.Time
	CompletedAt    time.Time // zero while running
}

// StepOutput is the output of a step that a store keeps beside the state of the run,
// because it is large. The state is written with every change of the run, and the output
// once.
type StepOutput struct {
	// Step is the step's number within the run's version, from 0 on.
	Step int
	// Output is opaque to the store.
	Output []byte
}

func (rec RunRecord) cursor() string        { return rec.ID }
func (rec AutomationRecord) cursor() string { return rec.ID }

// end ends the run.
func (rec *RunRecord) end(status RunStatus, err *StepError, at time.Time) {
	rec.Status, rec.Error, rec.CompletedAt = status, err, at
	rec.DueAt, rec.Listens = time.Time{}, nil
}

// run returns the run of the record, without its steps.
func (rec *RunRecord) run() Run {
	return Run{
		ID: rec.ID, AutomationID: rec.AutomationID, Version: rec.Version,
		ContactID: rec.ContactID, EventID: rec.EventID, EventName: rec.EventName,
		Status: rec.Status, Step: rec.Step, Listens: rec.Listens, DueAt: rec.DueAt, Exit: rec.Exit,
		SetAside: rec.Status == RunRunning && rec.DecodeFailures > 0, Error: rec.Error,
		CreatedAt: rec.CreatedAt, StartedAt: rec.CreatedAt, CompletedAt: rec.CompletedAt,
	}
}
