package automation

import (
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Status says whether an automation starts runs.
type Status string

// The statuses. An empty Status is read as StatusDisabled.
const (
	StatusEnabled  Status = "enabled"
	StatusDisabled Status = "disabled"
)

// Automation is a graph of steps joined by connections. Every enabled
// automation whose trigger names an event gets a run when the event is sent.
type Automation struct {
	// ID identifies the automation. When it is created without one it gets a
	// UUID; an application that defines automations in code gives its own, of
	// at most 255 bytes without control characters.
	ID string `json:"id,omitempty"`
	// Name is for people. It needs at least one character.
	Name string `json:"name"`
	// Status is StatusEnabled or StatusDisabled, which is the default.
	Status Status `json:"status,omitempty"`
	// Steps are the nodes of the graph; the first is the trigger.
	Steps []Step `json:"steps"`
	// Connections are the edges of the graph.
	Connections []Connection `json:"connections"`
	// Version counts the graphs this automation has had, from 1. A run stays on
	// the version it started with. It is set by the Runner.
	Version int `json:"version,omitzero"`
	// Revision counts all changes, from 1. Give it to UpdateAutomation to
	// refuse an update that is based on an older revision. Set by the Runner.
	Revision int `json:"revision,omitzero"`
	// CreatedAt and UpdatedAt are set by the Runner.
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// MarshalJSON encodes a as Resend shows automations. Parse reads it back as it
// is. It does not escape <, > and &; json.Marshal, which calls it, does.
func (a Automation) MarshalJSON() ([]byte, error) {
	type fields Automation // without this method
	if a.Steps == nil {
		a.Steps = []Step{}
	}
	if a.Connections == nil {
		a.Connections = []Connection{}
	}
	return jsondoc.Encode(fields(a))
}

// UnmarshalJSON is as strict as Parse, but needs no Registry: a step whose type
// is not built in gets a RawConfig. null leaves a as it is.
func (a *Automation) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	r := reader{keepUnknownSteps: true}
	decoded, err := r.automation(data, "document")
	if err != nil {
		return err
	}
	*a = decoded
	return nil
}

// ConnectionType says for which outcome of a step a connection is taken.
type ConnectionType string

// The connection types. An empty ConnectionType is read as ConnectionDefault.
const (
	ConnectionDefault         ConnectionType = "default"
	ConnectionConditionMet    ConnectionType = "condition_met"
	ConnectionConditionNotMet ConnectionType = "condition_not_met"
	ConnectionEventReceived   ConnectionType = "event_received"
	ConnectionTimeout         ConnectionType = "timeout"
)

// Connection is a directed edge from one step to another.
type Connection struct {
	// From and To are step keys.
	From string `json:"from"`
	To   string `json:"to"`
	// Type is the outcome of From for which the edge is taken.
	Type ConnectionType `json:"type,omitempty"`
}
