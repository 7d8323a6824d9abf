package automation

import (
	"encoding/json"
	"time"
)

// RunStatus is the status of a run.
type RunStatus string

// The run statuses. All but RunRunning are final, except that a request can retry a
// failed run.
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
	// Step is the key of the run's current step, or of its last step once the run
	// has ended.
	Step string `json:"step"`
	// Listens are the names of the events that can change the run where it stands: those that
	// its wait listens to and, also while it sleeps, those that end it. They are sorted, and
	// each is there once. Do not change the slice.
	Listens []string `json:"listens,omitempty"`
	// DueAt is when the run continues by itself. It is zero for a run that has
	// ended or that waits without a timeout.
	DueAt time.Time `json:"due_at,omitzero"`
	// SetAside reports that no process could decode the running run so far. It is tried
	// again at DueAt.
	SetAside bool `json:"set_aside,omitempty"`
	// Exit is why a completed run ended early. It is nil for all other runs.
	Exit *RunExit `json:"exit,omitempty"`
	// Error is why the run failed, was cancelled or is set aside, or why GetRun could not
	// decode it. A store may leave it out of lists.
	Error *StepError `json:"error,omitempty"`
	// CreatedAt and StartedAt are when a Runner handled the triggering event.
	// CompletedAt is when the run ended. It is zero while the run has not ended.
	CreatedAt   time.Time `json:"created_at"`
	StartedAt   time.Time `json:"started_at"`
	CompletedAt time.Time `json:"completed_at,omitzero"`
	// Steps are all steps of the automation in graph order. GetRun fills in Steps,
	// lists do not.
	Steps []StepRun `json:"steps,omitempty"`
}

// RunExit is why a run completed before it reached the end of its steps.
type RunExit struct {
	Reason ExitReason `json:"reason"`
	// Name is the name of the exit. It is empty if the exit has none.
	Name string `json:"name,omitempty"`
	// EventID is the id of the event that ended the run. It is empty if no event did.
	EventID string `json:"event_id,omitempty"`
	// Step is the key of the step that the run was at.
	Step string `json:"step,omitempty"`
	// At is when the exit was noticed.
	At time.Time `json:"at"`
}

// ExitReason identifies a kind of exit. Reasons do not change between releases.
type ExitReason string

// The reasons of a RunExit.
const (
	// ExitEvent: an event arrived that an exit of the automation names.
	ExitEvent ExitReason = "event"
	// ExitCondition: the condition under which the run goes on did not hold any more.
	ExitCondition ExitReason = "condition"
)

// StepStatus is the status of a step of a run.
type StepStatus string

// The step statuses.
const (
	// StepPending: the run has not reached the step, but still can.
	StepPending StepStatus = "pending"
	// StepRunning: an effect of the step is in flight, or waits for its next
	// attempt.
	StepRunning StepStatus = "running"
	// StepWaiting: the step is a delay or a wait in progress, or an email that waits until
	// its window opens.
	StepWaiting   StepStatus = "waiting"
	StepCompleted StepStatus = "completed"
	StepFailed    StepStatus = "failed"
	// StepSkipped: the step lies on a branch that the run did not take or lies after
	// the end of the run, or it is an email that the run did not send, such as an
	// email to an unsubscribed contact.
	StepSkipped StepStatus = "skipped"
	// StepCancelled: the run was cancelled at this step.
	StepCancelled StepStatus = "cancelled"
)

// StepRun is the record of one step inside a run.
type StepRun struct {
	Key    string     `json:"key"`
	Type   StepType   `json:"type"`
	Status StepStatus `json:"status"`
	// Branch is the outcome of a condition, of a branch step or of a wait, the variant of a
	// split, ConnectionPast of a DelayUntil, or the branch that a custom step chose. The run took the connection of this type, or the default
	// connection of a wait without a connection of this type. Branch is empty for
	// all other steps.
	Branch ConnectionType `json:"branch,omitempty"`
	// Output is a JSON object, or nil.
	Output json.RawMessage `json:"output"`
	// Error is the reason why the step, or its latest attempt, failed. It is nil if
	// neither failed.
	Error *StepError `json:"error"`
	// Attempts are the failed attempts, oldest first. Of consecutive attempts that
	// were not counted, for the same reason, only the latest is kept. Of all others,
	// the first 5 and the last 10 are kept.
	Attempts []Attempt `json:"attempts,omitempty"`
	// AttemptsOmitted is how many attempts between the first 5 and the last 10 are not
	// kept.
	AttemptsOmitted int `json:"attempts_omitted,omitempty"`
	// CreatedAt and StartedAt are when the run reached the step. They are zero for
	// a step that the run did not reach. CompletedAt is zero while the step has not
	// ended.
	CreatedAt   time.Time `json:"created_at,omitzero"`
	StartedAt   time.Time `json:"started_at,omitzero"`
	CompletedAt time.Time `json:"completed_at,omitzero"`
}

// StepError is the reason why a step failed or was cancelled.
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
	// FailedReference: a reference that must have a value resolved to nothing.
	FailedReference StepErrorCode = "unresolved_reference"
	// FailedTimeout: a wait timed out, and it has neither a timeout connection nor a
	// default one.
	FailedTimeout StepErrorCode = "timed_out"
	// FailedPast: the instant of a DelayUntil had passed when it was computed.
	FailedPast StepErrorCode = "date_passed"
	// FailedNoDate: the date of a DelayUntil led to no date.
	FailedNoDate StepErrorCode = "date_missing"
	// FailedTooFar: the instant of a DelayUntil is further away than Limits.Until.
	FailedTooFar StepErrorCode = "too_far"
	// FailedWindow: a window does not open within a year.
	FailedWindow StepErrorCode = "window_never_opens"
	// FailedEffect: the effect failed in every attempt that the RetryPolicy allows.
	FailedEffect StepErrorCode = "effect_failed"
	// FailedPermanently: the effect failed with an error that Permanent marked.
	FailedPermanently StepErrorCode = "permanent_error"
	// FailedUnknown: the step uses AtMostOnce, and the outcome of its attempt is
	// unknown. The effect may or may not have happened.
	FailedUnknown StepErrorCode = "unknown"
	// FailedSchema: the payload of an event that a SendEvent sends does not match the
	// definition of the event; see SchemaError.
	FailedSchema StepErrorCode = "schema_mismatch"
	// FailedInterrupted: the process died or stopped before it recorded the outcome
	// of the attempt. The attempt is not counted, and this code never ends a step.
	FailedInterrupted StepErrorCode = "interrupted"
	// FailedRateLimit: the attempt was refused because it came too early; see
	// RateLimitError. The attempt is not counted, and this code never ends a step.
	FailedRateLimit StepErrorCode = "rate_limited"
	// FailedDamaged: the stored state of the run cannot be decoded.
	FailedDamaged StepErrorCode = "damaged"
	// CancelledByRequest: a caller cancelled the run, or stopped or deleted its
	// automation.
	CancelledByRequest StepErrorCode = "cancelled"
	// CancelledContactGone: the contact no longer exists.
	CancelledContactGone StepErrorCode = "contact_deleted"
	// CancelledReplaced: another run of the same unit replaced the run; see ReentryRestart.
	// The output of its last step has the id of that run, as replaced_by.
	CancelledReplaced StepErrorCode = "replaced"
	// CancelledMaxAge: the run reached Exit.MaxAge.
	CancelledMaxAge StepErrorCode = "max_age"
	// CancelledNotAdmitted: no process could read the automation when the event came, and
	// the first one that can found that the event starts no run.
	CancelledNotAdmitted StepErrorCode = "not_admitted"
)

// Attempt is the record of an attempt that did not succeed: it failed, was refused
// because it came too early, or was interrupted.
type Attempt struct {
	// Number counts from 1. An attempt that was interrupted, or refused because it
	// came too early, is not counted: the next attempt has the same number.
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	Error  StepError `json:"error"`
}

// RunQuery selects runs. A zero field selects all runs.
type RunQuery struct {
	AutomationID string
	Version      int
	Statuses     []RunStatus
	ContactID    string
	EventID      string
	EventName    string
	// Step selects by Run.Step.
	Step string
	// CreatedFrom is inclusive. CreatedUntil is exclusive.
	CreatedFrom, CreatedUntil time.Time
	// CompletedFrom is inclusive. CompletedUntil is exclusive. If either is set, the list
	// has only runs that have ended, in the order of Run.CompletedAt. A run that After or
	// Before names, and that has not ended, is newer than all of them. These two and the
	// Created times exclude each other, because no index serves both.
	CompletedFrom, CompletedUntil time.Time
	// ErrorCode selects failed and cancelled runs by the code of Run.Error.
	ErrorCode StepErrorCode
	PageQuery
}

// ByCompletion reports whether the list is in the order of Run.CompletedAt. Otherwise it
// is in the order of Run.CreatedAt.
func (q *RunQuery) ByCompletion() bool {
	return !q.CompletedFrom.IsZero() || !q.CompletedUntil.IsZero()
}

// Check sets a zero Limit to its default. It returns a *ValidationError if the query is
// invalid. A Runner checks every query before it calls its Store.
func (q *RunQuery) Check() error {
	var ps Problems
	if q.ByCompletion() && !(q.CreatedFrom.IsZero() && q.CreatedUntil.IsZero()) {
		ps.Add(CodeUnboundedQuery, "completed_from", "runs are selected by when they began or by when they ended: leave out one of the two ranges")
	}
	addFilter(&ps, "automation_id", q.AutomationID)
	addFilter(&ps, "contact_id", q.ContactID)
	addFilter(&ps, "event_id", q.EventID)
	addFilter(&ps, "event_name", q.EventName)
	addFilter(&ps, "step", q.Step)
	addFilter(&ps, "error_code", string(q.ErrorCode))
	if err := ps.Err("runs"); err != nil {
		return err
	}
	return q.PageQuery.Check()
}

// addFilter adds a problem if no store can look for the text of a filter.
func addFilter(ps *Problems, path, text string) {
	if flaw := textFlaw(text); flaw != "" {
		ps.Add(CodeInvalidFilter, path, "%s", flaw)
	}
}

// RunCount is the number of runs of one version of an automation that are at one step
// with one status.
type RunCount struct {
	AutomationID string    `json:"automation_id"`
	Version      int       `json:"version"`
	Step         string    `json:"step"`
	Status       RunStatus `json:"status"`
	Count        int       `json:"count"`
}
