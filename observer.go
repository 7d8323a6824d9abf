package automation

import "time"

// Observer is told what the Runner does, for metrics, tracing, audit and
// timelines. Observe is called after the thing was committed, in order for each
// contact, from the Runner's own goroutines: it must be safe for concurrent use
// and must not block.
type Observer interface {
	Observe(n Notice)
}

// Notice is something that has happened: *EventAccepted, *EventHandled,
// *RunStarted, *StepChanged, *RunEnded, *ContactCreated, *ContactChanged or
// *ContactDeleted.
type Notice interface {
	// When returns the time on the Runner's clock.
	When() time.Time
}

// EventAccepted says that Send has kept an event. It comes from the goroutine of
// Send, and so may come after what Run has already made of the event.
type EventAccepted struct {
	At    time.Time
	Event Event
}

// EventHandled says that an event has started and resumed all the runs that it
// starts and resumes.
type EventHandled struct {
	At    time.Time
	Event Event
	// Started and Resumed are ids of runs.
	Started, Resumed []string
}

// RunStarted says that a run has begun.
type RunStarted struct {
	At  time.Time
	Run Run
}

// StepChanged says that a step of a run was reached, has failed an attempt, or
// has ended.
type StepChanged struct {
	At   time.Time
	Run  Run
	Step StepRun
}

// RunEnded says that a run is completed, failed or cancelled.
type RunEnded struct {
	At  time.Time
	Run Run
}

// ContactCreated says that an event for an unknown email has made a contact.
type ContactCreated struct {
	At      time.Time
	Contact Contact
}

// ContactChanged says that steps have changed a contact.
type ContactChanged struct {
	At        time.Time
	ContactID string
	Change    ContactChange
}

// ContactDeleted says that a step has deleted a contact.
type ContactDeleted struct {
	At        time.Time
	ContactID string
}

func (n *EventAccepted) When() time.Time  { return n.At }
func (n *EventHandled) When() time.Time   { return n.At }
func (n *RunStarted) When() time.Time     { return n.At }
func (n *StepChanged) When() time.Time    { return n.At }
func (n *RunEnded) When() time.Time       { return n.At }
func (n *ContactCreated) When() time.Time { return n.At }
func (n *ContactChanged) When() time.Time { return n.At }
func (n *ContactDeleted) When() time.Time { return n.At }
