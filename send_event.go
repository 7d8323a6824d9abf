package automation

// SendEvent sends an event for the run's contact, as the application does with Send. The event
// is part of the commit, so it is sent exactly once, and comes in the order of the contact's
// other events.
//
// The event has a Cause. It does nothing to the run that sent it, and starts no automation
// that is among the Automations of its Cause, so that no automation starts itself by way of
// events. Resend has no such type.
type SendEvent struct {
	// EventName is the name of the event, by the rules of Event.Name.
	EventName string `json:"event_name"`
	// Payload has the members of the payload, by name. A member whose reference resolves to
	// nothing is left out. Without a Payload the event has no payload. If the event has a
	// definition, a payload that does not match its schema fails the step with the code
	// FailedSchema.
	Payload map[string]Value `json:"payload,omitzero"`
}

// StepType returns TypeSendEvent.
func (SendEvent) StepType() StepType { return TypeSendEvent }

// Cause is why there is an event that a step of a run has sent.
type Cause struct {
	// RunID is the run that sent the event.
	RunID string `json:"run_id"`
	// Automations are those that led to the event, the first of them first: the Automations of
	// the Cause of the event that started the run, and then the run's own automation.
	Automations []string `json:"automations"`
}

// then returns the cause of an event that a run sends. c is the cause of the event that started
// the run, or nil.
func (c *Cause) then(runID, automationID string) *Cause {
	next := &Cause{RunID: runID}
	if c != nil {
		next.Automations = append(next.Automations, c.Automations...)
	}
	next.Automations = append(next.Automations, automationID)
	return next
}
