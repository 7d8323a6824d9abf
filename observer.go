package automation

import "time"

// Observer receives notices of what a Runner does, for metrics, tracing, audit and
// timelines. The packages below observe, and package timeline, are Observers.
type Observer interface {
	// Observe receives one notice. The Runner calls it after the commit that wrote
	// the work. Notices of one contact come in the order of the work, except
	// EventAccepted. The Runner calls Observe from several goroutines, so it must be
	// safe for concurrent use, and must not block. A process that dies between a
	// commit and its notices loses the notices.
	Observe(n Notice)
}

// Notice describes one thing that happened: *EventAccepted, *EventHandled, *RunStarted,
// *StepChanged, *RunEnded, *ContactCreated, *ContactChanged or *ContactDeleted.
type Notice interface {
	// When returns when it happened, on the Runner's clock.
	When() time.Time
}

// EventAccepted is the notice of an event that was accepted. Runner.Send calls Observe in
// the goroutine of its caller, so the notices of Run about the event may come before. An
// event that was sent inside a transaction of the host, or without a Runner, is announced
// by the Runner that handles it, before its EventHandled: the transaction has committed.
type EventAccepted struct {
	At    time.Time
	Event Event
}

// EventHandled is the notice of an event that a Runner handled.
type EventHandled struct {
	At    time.Time
	Event Event
	// Started and Resumed are the ids of the runs that the event started and resumed. A run
	// whose wait the event has put off is among those that it resumed.
	Started, Resumed []string
	// Ended are the ids of the runs that named the event as an exit.
	Ended []string
	// Refused are the decisions about the event: why it started no run of an automation
	// whose trigger names it.
	Refused []Decision
	// Reason is why the event started, resumed and ended no run. It is empty if it did.
	Reason EventReason
}

// RunStarted is the notice of a run that started.
type RunStarted struct {
	At  time.Time
	Run Run
}

// StepChanged is the notice of a step that a run reached, that failed an attempt, or that
// ended.
type StepChanged struct {
	At   time.Time
	Run  Run
	Step StepRun
}

// RunEnded is the notice of a run that is completed, failed or cancelled.
type RunEnded struct {
	At  time.Time
	Run Run
}

// ContactCreated is the notice of a contact that was created because an event for its
// email started a run.
type ContactCreated struct {
	At      time.Time
	Contact Contact
}

// ContactChanged is the notice of a contact that a step changed.
type ContactChanged struct {
	At        time.Time
	ContactID string
	Change    ContactChange
}

// ContactDeleted is the notice of a contact that a step deleted.
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
