package automation

// WaitForAny pauses the run until the contact receives an event that matches one of Events, or
// until Timeout passes. The first event that was accepted wins. If it matches several of
// Events, the first of these counts. Resend has no such step.
//
// The run takes the connection whose type is the name of the listener. Without such a name or
// connection it takes event_received, without that default, and without that it completes. At
// the timeout it takes timeout, without that default, and without that it fails, as after a
// WaitForEvent.
//
// An event that has ended a wait of a run ends no later WaitForAny of that run.
type WaitForAny struct {
	// Events are what the wait waits for. There is at least one, and there are at most
	// Limits.Listeners, 10 by default. Their names are optional, and of the form of those of
	// branches.
	Events []Listener `json:"events"`
	// ResetOn are events that put off the end of the wait: it times out Timeout after the
	// acceptance of the last of them. They never end the wait, and never move its end forward.
	// An event that matches one of Events resets nothing. There are at most Limits.Listeners,
	// they have no names, and they need a Timeout. An event from before the step started resets
	// nothing, also with Lookback.
	ResetOn []Listener `json:"reset_on,omitempty"`
	// Timeout counts from the moment the step starts. Zero means no timeout.
	Timeout Duration `json:"timeout,omitzero"`
	// Lookback extends the wait to events that the Runner accepted before the step started,
	// back to the start of the run. The oldest that matches wins.
	Lookback bool `json:"lookback,omitzero"`
}

// StepType returns TypeWaitForAny.
func (WaitForAny) StepType() StepType { return TypeWaitForAny }

// Outcomes returns the types of the connections that can lead on from the step: the names of
// its Events in their order, and then ConnectionEventReceived, ConnectionTimeout and
// ConnectionDefault. It has each type once, and leaves out empty names.
func (w WaitForAny) Outcomes() []ConnectionType {
	types := make([]ConnectionType, 0, len(w.Events)+3)
	for _, l := range w.Events {
		types = appendOutcome(types, l.Name)
	}
	for _, typ := range []ConnectionType{ConnectionEventReceived, ConnectionTimeout, ConnectionDefault} {
		types = appendOutcome(types, string(typ))
	}
	return types
}
