package automation

import (
	"encoding/json"
	"time"
)

// RunStatus says how a run stands.
type RunStatus string

// The run statuses. All but RunRunning are final, though a failed run can be
// retried.
const (
	RunRunning   RunStatus = "running"
	RunCompleted RunStatus = "completed"
	RunFailed    RunStatus = "failed"
	RunCancelled RunStatus = "cancelled"
)

// Run is one execution of one version of an automation for one contact.
type Run struct {
	ID           string    `json:"id"`
	AutomationID string    `json:"automation_id"`
	Version      int       `json:"version"`
	ContactID    string    `json:"contact_id"`
	EventID      string    `json:"event_id"`
	EventName    string    `json:"event_name"`
	Status       RunStatus `json:"status"`
	// Step is the key of the step the run is at, or ended at.
	Step string `json:"step"`
	// WaitEvent is the name of the event the run waits for, if it does.
	WaitEvent string `json:"wait_event,omitempty"`
	// DueAt is when the run goes on by itself. It is zero for a run that has
	// ended or waits without timeout.
	DueAt time.Time `json:"due_at,omitzero"`
	// Error says why the run failed or was cancelled.
	Error *StepError `json:"error,omitempty"`
	// CreatedAt and StartedAt are when the triggering event was handled,
	// CompletedAt is when the run ended; zero while it has not.
	CreatedAt   time.Time `json:"created_at"`
	StartedAt   time.Time `json:"started_at"`
	CompletedAt time.Time `json:"completed_at,omitzero"`
	// Steps are all steps of the automation in graph order. Lists leave it
	// empty, GetRun fills it.
	Steps []StepRun `json:"steps,omitempty"`
}

// StepStatus says how a step of a run stands.
type StepStatus string

// The step statuses.
const (
	// StepPending steps have not been reached, but can be.
	StepPending StepStatus = "pending"
	// StepRunning steps have an effect in flight or wait to try it again.
	StepRunning StepStatus = "running"
	// StepWaiting steps are a delay or a wait in progress.
	StepWaiting   StepStatus = "waiting"
	StepCompleted StepStatus = "completed"
	StepFailed    StepStatus = "failed"
	// StepSkipped steps lie on a branch that was not taken, come after the end
	// of the run, or are emails to a contact that has unsubscribed.
	StepSkipped StepStatus = "skipped"
	// StepCancelled is the step at which a run was cancelled.
	StepCancelled StepStatus = "cancelled"
)

// StepRun is the record of one step inside a run.
type StepRun struct {
	Key    string     `json:"key"`
	Type   StepType   `json:"type"`
	Status StepStatus `json:"status"`
	// Branch is the outcome of a condition, a wait or a custom step that has
	// one: the type of the connection that was taken, unless only a default one
	// was there. It is empty otherwise.
	Branch ConnectionType `json:"branch,omitempty"`
	// Output is a JSON object, or nil.
	Output json.RawMessage `json:"output"`
	// Error is why the step failed, or why its latest attempt did.
	Error *StepError `json:"error"`
	// Attempts are the attempts that failed, oldest first. Of several in a row
	// that spent nothing only the latest is kept.
	Attempts []Attempt `json:"attempts,omitempty"`
	// CreatedAt and StartedAt are when the run reached the step; zero for a
	// step it has not. CompletedAt is zero while the step has not ended.
	CreatedAt   time.Time `json:"created_at,omitzero"`
	StartedAt   time.Time `json:"started_at,omitzero"`
	CompletedAt time.Time `json:"completed_at,omitzero"`
}

// StepError says why a step failed.
type StepError struct {
	// Code is stable across releases.
	Code StepErrorCode `json:"code"`
	// Message is for people.
	Message string `json:"message"`
}

// StepErrorCode identifies a kind of failure. Codes do not change between releases.
type StepErrorCode string

// The codes of a StepError.
const (
	// FailedCondition: a rule could not be evaluated; see ConditionError.
	FailedCondition StepErrorCode = "condition_error"
	// FailedReference: a reference resolved to nothing where something is needed.
	FailedReference StepErrorCode = "unresolved_reference"
	// FailedTimeout: a wait timed out and no connection says what to do then.
	FailedTimeout StepErrorCode = "timed_out"
	// FailedEffect: every attempt that the retry policy grants has failed.
	FailedEffect StepErrorCode = "effect_failed"
	// FailedPermanently: the effect failed with an error marked Permanent.
	FailedPermanently StepErrorCode = "permanent_error"
	// FailedUnknown: under AtMostOnce, nobody can tell whether the effect happened.
	FailedUnknown StepErrorCode = "unknown"
	// FailedInterrupted: an attempt whose outcome a crash has swallowed. It is
	// recorded among the attempts and never ends a step.
	FailedInterrupted StepErrorCode = "interrupted"
	// FailedRateLimit: an attempt that was refused as too early. It is not
	// counted and never ends a step.
	FailedRateLimit StepErrorCode = "rate_limited"
	// FailedDamaged: what the store holds of the run cannot be read.
	FailedDamaged StepErrorCode = "damaged"
	// CancelledByRequest: somebody called CancelRun, or stopped or deleted the
	// automation.
	CancelledByRequest StepErrorCode = "cancelled"
	// CancelledContactGone: the contact does not exist any more.
	CancelledContactGone StepErrorCode = "contact_deleted"
)

// Attempt is one try of an effect that did not succeed.
type Attempt struct {
	// Number counts from 1. An attempt that spent nothing, because it was
	// interrupted or refused as too early, has the number of the next one.
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	Error  StepError `json:"error"`
}

// RunQuery selects runs. Zero fields select everything.
type RunQuery struct {
	AutomationID string
	Version      int
	Statuses     []RunStatus
	ContactID    string
	EventID      string
	EventName    string
	// Step is the key of the step the run is at, or ended at.
	Step string
	// CreatedFrom is inclusive, CreatedUntil exclusive.
	CreatedFrom, CreatedUntil time.Time
	PageQuery
}

// PageQuery selects a page of a list that goes from newest to oldest. After and
// Before are ids of items, excluded from the page: After goes to older items,
// Before to newer ones. At most one of them may be set.
type PageQuery struct {
	// Limit is between 1 and 100; zero means 20.
	Limit         int
	After, Before string
}

// Page is a page of a list, newest first.
type Page[T any] struct {
	Data []T
	// HasMore says that there are more items in the direction of the query.
	HasMore bool
}

// RunCount is how many runs of one version stand at one step with one status.
type RunCount struct {
	Version int       `json:"version"`
	Step    string    `json:"step"`
	Status  RunStatus `json:"status"`
	Count   int       `json:"count"`
}

// Check fills in the limit of a query and fails with a *ValidationError if there is no
// such page. A Runner does so before it asks its Store; it is for those who keep
// lists of their own.
func (q *PageQuery) Check() error {
	var ps Problems
	if q.Limit == 0 {
		q.Limit = 20
	}
	if q.Limit < 1 || q.Limit > 100 {
		ps.Add(CodeLimit, "limit", "must be between 1 and 100")
	}
	if q.After != "" && q.Before != "" {
		ps.Add(CodeInvalidCursor, "before", "after and before cannot be used together")
	}
	return ps.Err("page")
}
