package automation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Input describes what happened to a run.
type Input struct {
	// Kind is what happened. It decides which other fields Advance reads.
	Kind InputKind
	// Now is the current time. Advance has no other source of time.
	Now time.Time
	// Data is what rules and references read: the payload of the event that
	// started the run, and the contact. Advance sets the other fields itself.
	Data Data
	// Event is the event that started the run (InputStarted) or that arrived
	// (InputReceived).
	Event *Event
	// Unread means that Event was not among the pending events that were read before
	// the run began its wait (InputReceived); see ReadAt.
	Unread bool
	// ReadAt is when all pending events of the contact were read. It is zero if there
	// may have been more than the caller read. The clocks of two processes may differ:
	// an event that is read only after the run began a wait was accepted after ReadAt,
	// even if its AcceptedAt is earlier.
	ReadAt time.Time
	// Payload is the decoded payload of Event (InputReceived).
	Payload map[string]any
	// Output and Branch are the result of a successful effect (InputSucceeded).
	Output json.RawMessage
	Branch ConnectionType
	// Err is why an effect failed (InputFailed), or why it did not start
	// (InputReleased).
	Err error
	// Exit is why the run ends early (InputExited): its Reason, Name and EventID.
	Exit RunExit
	// Code is why the run is cancelled (InputCancelled).
	Code StepErrorCode
	// Reason is why the run is cancelled (InputCancelled), or why the effect is
	// skipped (InputSkipped).
	Reason string

	// What a successful effect did in the contact directory: a change, with the contact
	// after it, or the deletion of the contact.
	change  *ContactChange
	contact *Contact
	deletes bool
	// inFlight means that the outcome of the open attempt is still to come (InputExited).
	inFlight bool
	// defers means that a run stops before its first effect, and is due at once (InputStarted).
	defers bool
}

// InputKind is the kind of an Input.
type InputKind uint8

// The kinds of input.
const (
	// InputStarted starts the run.
	InputStarted InputKind = iota + 1
	// InputWoken wakes the run: it may be due, or the process that had an attempt
	// open is gone and another process takes over.
	InputWoken
	// InputReceived brings an event. An event that the run does not wait for
	// changes nothing.
	InputReceived
	// InputSucceeded, InputFailed and InputSkipped report the outcome of the
	// effect of the last ActionPerform.
	InputSucceeded
	InputFailed
	InputSkipped
	// InputInterrupted reports that the process stops and the outcome of the effect
	// is unknown.
	InputInterrupted
	// InputReleased reports that the effect did not start.
	InputReleased
	// InputCancelled cancels the run.
	InputCancelled
	// InputRetried makes a failed run continue from the step that failed.
	InputRetried
	// InputExited ends the run for the reason that Graph.Exits returned.
	InputExited
)

// inputKinds are the names of the kinds of input.
var inputKinds = [...]string{
	InputStarted: "started", InputWoken: "woken", InputReceived: "received", InputSucceeded: "succeeded",
	InputFailed: "failed", InputSkipped: "skipped", InputInterrupted: "interrupted", InputReleased: "released",
	InputCancelled: "cancelled", InputRetried: "retried", InputExited: "exited",
}

// String returns the name of the kind, such as "succeeded", or a number for a value that is no
// kind.
func (k InputKind) String() string {
	if int(k) < len(inputKinds) && k > 0 {
		return inputKinds[k]
	}
	return strconv.Itoa(int(k))
}

// MarshalText returns the name of the kind.
func (k InputKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText sets the kind with this name.
func (k *InputKind) UnmarshalText(name []byte) error {
	i := slices.Index(inputKinds[1:], string(name))
	if i < 0 {
		return fmt.Errorf("automation: %q is no kind of input", name)
	}
	*k = InputKind(i + 1)
	return nil
}

// Action is what a run needs next.
type Action struct {
	// Kind is what the run needs. It decides which other fields are set.
	Kind ActionKind
	// Step is the key of the step that the run is at.
	Step string
	// Until is when to wake the run: at the end of a sleep, or at the deadline of
	// a wait. It is zero for a wait without a deadline.
	Until time.Time
	// Event is the name of the event that the run waits for (ActionWait at a
	// wait_for_event).
	Event string
	// Events are the names of the events that the run waits for, or that put off the
	// end of the wait, sorted (ActionWait at a wait_for_any). The caller must not change
	// them.
	Events []string
	// Lookback means that events accepted since the start of the run count too
	// (ActionWait).
	Lookback bool
	// Attempt is the number of the attempt to perform (ActionPerform).
	Attempt int
	// Delivery decides what happens if the outcome of the attempt stays unknown
	// (ActionPerform).
	Delivery Delivery
	// Status is the final status of the run (ActionDone).
	Status RunStatus
	// Resumed reports that the event of an InputReceived ended the run's wait, or put
	// off its end. It is false for an event that the run does not wait for.
	Resumed bool
}

// listens returns the names of the events that can change the run, as RunRecord.Listens
// has them.
func (a *Action) listens() []string {
	if a.Event == "" {
		return a.Events
	}
	return []string{a.Event}
}

// awaits reports whether the run waits for events with this name.
func (a *Action) awaits(name string) bool {
	return a.Kind == ActionWait && (a.Event == name || slices.Contains(a.Events, name))
}

// ActionKind is the kind of an Action.
type ActionKind uint8

// The kinds of action.
const (
	// ActionSleep: wake the run at Until.
	ActionSleep ActionKind = iota + 1
	// ActionWait: bring the run its Event or one of its Events, or wake it at Until.
	ActionWait
	// ActionPerform: store the state, then perform the effect that Effect returns,
	// then report the outcome.
	ActionPerform
	// ActionDone: the run has ended.
	ActionDone
)
