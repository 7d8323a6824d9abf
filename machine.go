package automation

import (
	"encoding/json"
	"time"
)

// Input is what happened to a run. Advance reads the time from it and nowhere
// else.
type Input struct {
	Kind InputKind
	Now  time.Time
	// Data is what rules and references read: the payload of the event that
	// started the run, and the contact. Advance fills in WaitEvents itself.
	Data Data
	// Event is the event that started the run (InputStarted) or that arrived
	// (InputReceived), whose decoded payload is Payload.
	Event   *Event
	Payload map[string]any
	// Output and Branch are what a successful effect gave (InputSucceeded).
	Output json.RawMessage
	Branch ConnectionType
	// Err is why an effect failed (InputFailed) or could not be begun
	// (InputReleased).
	Err error
	// Code and Reason say why the run is cancelled (InputCancelled) or the
	// step is skipped (InputSkipped).
	Code   StepErrorCode
	Reason string

	contact *Contact // the host's contact as an effect has left it
}

// InputKind says what an Input is about.
type InputKind uint8

// The kinds of input.
const (
	// InputStarted starts the run.
	InputStarted InputKind = iota + 1
	// InputWoken says that the time may have come for what the run waits for,
	// or that its process is gone and another has taken over.
	InputWoken
	// InputReceived brings an event. It changes nothing if the run does not
	// wait for it.
	InputReceived
	// InputSucceeded, InputFailed and InputSkipped report what became of the
	// effect that the last ActionPerform asked for.
	InputSucceeded
	InputFailed
	InputSkipped
	// InputInterrupted says that the process is stopping and cannot tell what
	// became of the effect.
	InputInterrupted
	// InputReleased says that the effect was not begun after all.
	InputReleased
	// InputCancelled cancels the run.
	InputCancelled
	// InputRetried lets a failed run go on from the step that failed.
	InputRetried
)

// Action is what a run needs next.
type Action struct {
	Kind ActionKind
	// Step is the key of the step that the run is at.
	Step string
	// Until is when to wake the run: the end of a sleep, or a wait's deadline,
	// which is zero if it has none.
	Until time.Time
	// Event is the name of the event to wait for.
	Event string
	// Lookback says that events accepted since the run started count too.
	Lookback bool
	// Attempt is the number of the attempt to perform, and Delivery what to do
	// if its outcome stays unknown.
	Attempt  int
	Delivery Delivery
	// Status is how the run has ended.
	Status RunStatus
	// Resumed reports that the event of an InputReceived ended the run's wait. It is
	// false for an event that the run does not wait for.
	Resumed bool
}

// ActionKind says what an Action asks for.
type ActionKind uint8

// The kinds of action.
const (
	// ActionSleep: wake the run at Until.
	ActionSleep ActionKind = iota + 1
	// ActionWait: bring the run its Event, or wake it at Until.
	ActionWait
	// ActionPerform: perform the effect that Effect resolves, after the state
	// has been stored, and report what became of it.
	ActionPerform
	// ActionDone: the run has ended.
	ActionDone
)
