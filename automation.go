package automation

import (
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Status determines whether an automation starts runs.
type Status string

// The statuses. An empty Status means StatusEnabled in Go, and StatusDisabled in a
// document: Parse returns an automation whose status is set.
const (
	StatusEnabled  Status = "enabled"
	StatusDisabled Status = "disabled"
)

// Automation is a graph of steps joined by connections. When the application sends
// an event, every enabled automation whose trigger names it starts a run.
type Automation struct {
	// ID identifies the automation. An application that defines automations in
	// code chooses its own ids, of at most 255 bytes without control characters, and not
	// . or .., which no URL can contain. The Runner creates a UUID for an automation without an id.
	ID string `json:"id,omitempty"`
	// Name is for people. It needs at least one character.
	Name string `json:"name"`
	// Status is StatusEnabled or StatusDisabled. The default is StatusEnabled. Parse
	// and UnmarshalJSON set StatusDisabled if a document has no status, as Resend does.
	Status Status `json:"status,omitempty"`
	// Steps are the nodes of the graph; the first is the trigger.
	Steps []Step `json:"steps"`
	// Connections are the edges of the graph.
	Connections []Connection `json:"connections"`
	// Retry overrides Options.Retry for the steps of this automation. It belongs to
	// the version, as the graph does. Resend has no such option.
	Retry RetryPolicy `json:"retry,omitzero"`
	// Entry decides which events start runs, and how often; nil for every event that the
	// trigger names. It belongs to the version. Resend has no such rules.
	Entry *Entry `json:"entry,omitempty"`
	// Exit decides what ends a run before its last step; nil for nothing. It belongs to the
	// version. Resend has no such rules.
	Exit *Exit `json:"exit,omitempty"`
	// Version counts the graphs of this automation, from 1. A run stays on the
	// version that it started with. The Runner sets Version.
	Version int `json:"version,omitzero"`
	// Revision counts all changes to this automation, from 1. Give it to
	// UpdateAutomation, which refuses an update that is based on an older revision.
	// The Runner sets Revision.
	Revision int `json:"revision,omitzero"`
	// The Runner sets CreatedAt and UpdatedAt.
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	// StoppedAt is when an operator stopped this automation, with StopAutomation or
	// UpdateAutomation. Apply does not enable it while StoppedAt is set. It is zero for
	// an automation that is enabled, or that the application's code disabled. The
	// Runner sets StoppedAt.
	StoppedAt time.Time `json:"stopped_at,omitzero"`
	// EventName is the name of the trigger's event in the results of ListAutomations,
	// which have no Steps. It is empty elsewhere.
	EventName string `json:"-"`
	// Warnings are about the data and the templates that the steps use: a reference is
	// written as text, a field is not in the definition of its event, or a template is
	// missing, is not published, lacks a variable or needs one. CreateAutomation,
	// UpdateAutomation and Apply set Warnings in their results, those about templates
	// if the Mailer is a TemplateInspector. Stores do not keep Warnings.
	Warnings Problems `json:"-"`
}

// status returns the status of a, which is not empty.
func (a Automation) status() Status {
	if a.Status == "" {
		return StatusEnabled
	}
	return a.Status
}

// triggerEvent returns the name of the event of the trigger step, "" without one.
func (a Automation) triggerEvent() string {
	for _, s := range a.Steps {
		if trigger, ok := plainConfig(s.Config).(Trigger); ok {
			return trigger.EventName
		}
	}
	return ""
}

// triggers returns the names of all events that start runs.
func (a Automation) triggers() []string {
	event := a.triggerEvent()
	if names := a.Entry.eventNames(event); names != nil {
		return names
	}
	return []string{event}
}

// MarshalJSON encodes a in the form of Resend's API, with its status. Parse decodes the
// result to the same automation. MarshalJSON does not escape <, > and &. json.Marshal, which calls
// MarshalJSON, escapes them.
func (a Automation) MarshalJSON() ([]byte, error) {
	type fields Automation // without this method
	a.Status, a.Entry, a.Exit = a.status(), a.Entry.given(), a.Exit.given()
	if a.Steps == nil {
		a.Steps = []Step{}
	}
	if a.Connections == nil {
		a.Connections = []Connection{}
	}
	return jsondoc.Encode(fields(a))
}

// ConnectionType is the outcome of a step for which a run takes a connection.
type ConnectionType string

// The connection types. An empty ConnectionType means ConnectionDefault.
const (
	ConnectionDefault         ConnectionType = "default"
	ConnectionConditionMet    ConnectionType = "condition_met"
	ConnectionConditionNotMet ConnectionType = "condition_not_met"
	ConnectionEventReceived   ConnectionType = "event_received"
	ConnectionTimeout         ConnectionType = "timeout"
	ConnectionPast            ConnectionType = "past"
)

// Connection is a directed edge from one step to another.
type Connection struct {
	// From and To are step keys.
	From string `json:"from"`
	To   string `json:"to"`
	// Type is the outcome of From for which a run takes the connection.
	Type ConnectionType `json:"type,omitempty"`
}

// Limits bound automations and events. A zero field means the default, which is
// Resend's documented limit where Resend has one. New refuses a negative field.
// Validate and Compile treat a negative field as zero.
type Limits struct {
	Steps        int           // steps in an automation: 150 by default
	Duration     time.Duration // of a delay or of a wait's timeout: 30 days
	RuleDepth    int           // nesting of groups in a rule: 10
	Rules        int           // comparisons and groups in a rule: 100
	PayloadBytes int           // size of an event's payload: 256 KiB
	StepKeyBytes int           // length of a step key: 128
	Branches     int           // branches of a Branch: 20
	Variants     int           // variants of a Split: 10
	Triggers     int           // triggers of an Entry: 10
	Exits        int           // events of an Exit: 20
	Until        time.Duration // from the start of a DelayUntil to its instant, and of an Exit.MaxAge: 366 days
	Listeners    int           // events of a WaitForAny, and events that reset it: 10 each
	Chain        int           // Automations of a Cause; an event with more starts and resumes nothing: 10
}

// withDefaults returns l with defaults for its zero and negative fields.
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
	def(&l.Branches, 20)
	def(&l.Variants, 10)
	def(&l.Triggers, 10)
	def(&l.Exits, 20)
	def(&l.Listeners, 10)
	def(&l.Chain, 10)
	if l.Duration <= 0 {
		l.Duration = 30 * 24 * time.Hour
	}
	if l.Until <= 0 {
		l.Until = 366 * 24 * time.Hour
	}
	return l
}
