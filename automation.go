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

// Limits bound what an automation and an event may hold. A zero field means
// the default, which is Resend's where Resend has such a limit. New refuses a
// negative field; Validate and Compile read it as zero.
type Limits struct {
	Steps        int           // steps in an automation: 150
	Duration     time.Duration // a delay or a wait's timeout: 30 days
	RuleDepth    int           // nesting of groups in a rule: 10
	Rules        int           // comparisons and groups in a rule: 100
	PayloadBytes int           // an event's payload: 256 KiB
	StepKeyBytes int           // a step key: 128
}

// withDefaults returns l with its zero and negative fields filled in.
func (l Limits) withDefaults() Limits {
	def := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	def(&l.Steps, 150)
	def(&l.RuleDepth, 10)
	def(&l.Rules, 100)
	def(&l.PayloadBytes, 256<<10)
	def(&l.StepKeyBytes, 128)
	if l.Duration <= 0 {
		l.Duration = 30 * 24 * time.Hour
	}
	return l
}
