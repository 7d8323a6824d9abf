package automation

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// StepType is the kind of a step. Built-in types that Resend has have its names. Custom types
// have a prefix, such as "acme.slack".
type StepType string

// The built-in step types.
const (
	TypeTrigger       StepType = "trigger"
	TypeCondition     StepType = "condition"
	TypeDelay         StepType = "delay"
	TypeWaitForEvent  StepType = "wait_for_event"
	TypeSendEmail     StepType = "send_email"
	TypeContactUpdate StepType = "contact_update"
	TypeContactDelete StepType = "contact_delete"
	TypeAddToSegment  StepType = "add_to_segment"
	TypeBranch        StepType = "branch"       // not at Resend
	TypeSplit         StepType = "split"        // not at Resend
	TypeWaitForAny    StepType = "wait_for_any" // not at Resend
	TypeDelayUntil    StepType = "delay_until"  // not at Resend
	TypeWindow        StepType = "window"       // not at Resend
	TypeSendEvent     StepType = "send_event"   // not at Resend

	TypeRemoveFromSegment StepType = "remove_from_segment" // not at Resend
)

// Step is a node of an automation's graph. In JSON it is
// {"key": …, "type": …, "config": …}, where type is Config.StepType().
type Step struct {
	// Key is unique in the graph. It has at most Limits.StepKeyBytes, 128 by
	// default, without control characters.
	Key string
	// Config is a built-in config of this package, a custom config whose type is
	// registered with Handle, or a RawConfig.
	Config StepConfig
}

// MarshalJSON encodes s. It fails if s has no config, or if the config does not
// encode to a JSON object.
func (s Step) MarshalJSON() ([]byte, error) {
	if isNilConfig(s.Config) {
		return nil, fmt.Errorf("automation: step %q has no config", s.Key)
	}
	config, err := encodeConfig(s.Config)
	if err != nil {
		return nil, fmt.Errorf("automation: step %q: %w", s.Key, err)
	}
	return jsondoc.Encode(struct {
		Key    string          `json:"key"`
		Type   StepType        `json:"type"`
		Config json.RawMessage `json:"config,omitempty"`
	}{s.Key, s.Config.StepType(), config})
}

// isNilConfig reports whether c is nil or a nil pointer. The methods of such a
// config cannot be called.
func isNilConfig(c StepConfig) bool {
	v := reflect.ValueOf(c)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// plainConfig returns the config that c points to, or c if it is not a pointer to a
// config.
func plainConfig(c StepConfig) StepConfig {
	v := reflect.ValueOf(c)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		if plain, ok := v.Elem().Interface().(StepConfig); ok {
			return plain
		}
	}
	return c
}

// encodeConfig returns the JSON of a config, or nil for a RawConfig without one.
func encodeConfig(c StepConfig) (json.RawMessage, error) {
	if raw, ok := plainConfig(c).(RawConfig); ok {
		return raw.Config, raw.check()
	}
	config, err := jsondoc.Encode(c)
	if err == nil && config[0] != '{' {
		err = fmt.Errorf("a config of type %T encodes to %s instead of an object", c, config)
	}
	return config, err
}

// StepConfig is the data of a step. Any struct with this method that encodes to a
// JSON object is a StepConfig. The function that executes the step is registered
// with Handle, so a config holds no clients and can be compared.
type StepConfig interface {
	// StepType returns the step type. It must not depend on the value.
	StepType() StepType
}

// RawConfig is the undecoded config of a step whose type is not built in. Compile
// decodes it with the Registry. A RawConfig encodes to the same JSON again.
type RawConfig struct {
	Type   StepType
	Config json.RawMessage
}

// StepType returns c.Type.
func (c RawConfig) StepType() StepType { return c.Type }

// check returns an error if c would encode to JSON that cannot be decoded again.
func (c RawConfig) check() error {
	if c.Type == "" {
		return errors.New("a raw config needs a type")
	}
	if c.Config == nil {
		return nil
	}
	if _, err := jsondoc.Scan(c.Config); err != nil {
		return fmt.Errorf("config of type %q: %w", c.Type, err)
	}
	return nil
}

// Trigger starts a run when the application sends an event named EventName.
type Trigger struct {
	EventName string `json:"event_name"`
}

// StepType returns TypeTrigger.
func (Trigger) StepType() StepType { return TypeTrigger }

// Condition evaluates a rule. The run takes the connection condition_met or
// condition_not_met. In JSON the config is the rule itself.
type Condition struct {
	Rule Rule
}

// StepType returns TypeCondition.
func (Condition) StepType() StepType { return TypeCondition }

// MarshalJSON encodes the rule.
func (c Condition) MarshalJSON() ([]byte, error) { return jsondoc.Encode(c.Rule) }

// Delay pauses the run for Duration from the moment the step starts.
type Delay struct {
	Duration Duration `json:"duration"`
}

// StepType returns TypeDelay.
func (Delay) StepType() StepType { return TypeDelay }

// WaitForEvent pauses the run until the contact receives a matching event or until
// Timeout passes. The run takes the connection event_received or timeout. If that
// connection is missing, the run takes the default connection.
type WaitForEvent struct {
	EventName string `json:"event_name"`
	// Timeout counts from the moment the step starts. Zero means no timeout.
	Timeout Duration `json:"timeout,omitzero"`
	// FilterRule must hold for an event to match. Paths that begin with event. read
	// the payload of the incoming event. An event does not match if the rule cannot
	// be evaluated for it. The zero Rule matches every event.
	FilterRule Rule `json:"filter_rule,omitzero"`
	// Lookback extends the wait to events that the Runner accepted before the step
	// started, back to the start of the run. Resend has no such option.
	Lookback bool `json:"lookback,omitzero"`
}

// StepType returns TypeWaitForEvent.
func (WaitForEvent) StepType() StepType { return TypeWaitForEvent }

// SendEmail hands one email to the Mailer. If the contact is unsubscribed, the run
// skips the step and continues.
type SendEmail struct {
	Template TemplateRef `json:"template"`
	// From, Subject and ReplyTo override the fields of the template. Empty fields
	// override nothing.
	From    string `json:"from,omitempty"`
	Subject string `json:"subject,omitempty"`
	ReplyTo string `json:"reply_to,omitempty"`
	// Delivery overrides Options.Delivery for this step. Resend has no such option.
	Delivery Delivery `json:"delivery,omitempty"`
	// Retry overrides Automation.Retry for this step. The policy applies as a whole:
	// fields that it leaves out have their defaults. Resend has no such option.
	Retry RetryPolicy `json:"retry,omitzero"`
	// Window is when the email may be sent. Every attempt outside of it waits until it opens,
	// with the contact as it is then. It overrides Options.Window. Resend has no such option.
	Window Window `json:"window,omitzero"`
}

// StepType returns TypeSendEmail.
func (SendEmail) StepType() StepType { return TypeSendEmail }

// TemplateRef names a template and fills its variables.
type TemplateRef struct {
	// ID is the template's id or alias.
	ID string `json:"id"`
	// Variables are the values of the template's variables, by name. A variable
	// whose reference resolves to nothing is omitted: the template's fallback
	// applies.
	Variables map[string]Value `json:"variables,omitzero"`
}

// Delivery determines what a Runner does about an effect whose outcome is unknown,
// because the process died or the answer was lost.
type Delivery string

// The deliveries. In a step, an empty Delivery means Options.Delivery. In Options,
// it means AtLeastOnce.
const (
	// AtLeastOnce repeats the effect with the same idempotency key.
	AtLeastOnce Delivery = "at_least_once"
	// AtMostOnce fails the step with the code "unknown". Only a retry request
	// repeats the effect.
	AtMostOnce Delivery = "at_most_once"
)

// ContactUpdate changes the run's contact. At least one field must be present. An
// absent Value leaves its field unchanged. Null clears a name or a property.
// Unsubscribed must be true, false or a reference to a boolean. A reference that
// resolves to nothing fails the step.
type ContactUpdate struct {
	FirstName    Value            `json:"first_name,omitzero"`
	LastName     Value            `json:"last_name,omitzero"`
	Unsubscribed Value            `json:"unsubscribed,omitzero"`
	Properties   map[string]Value `json:"properties,omitzero"`
}

// StepType returns TypeContactUpdate.
func (ContactUpdate) StepType() StepType { return TypeContactUpdate }

// ContactDelete permanently deletes the run's contact. The run completes and skips
// its remaining steps.
type ContactDelete struct{}

// StepType returns TypeContactDelete.
func (ContactDelete) StepType() StepType { return TypeContactDelete }

// AddToSegment adds the run's contact to a segment. A contact that is already a
// member stays a member.
type AddToSegment struct {
	SegmentID string `json:"segment_id"`
}

// StepType returns TypeAddToSegment.
func (AddToSegment) StepType() StepType { return TypeAddToSegment }

// RemoveFromSegment removes the run's contact from a segment. A contact that is no member
// stays none, and the step completes. Resend has no such step.
type RemoveFromSegment struct {
	SegmentID string `json:"segment_id"`
}

// StepType returns TypeRemoveFromSegment.
func (RemoveFromSegment) StepType() StepType { return TypeRemoveFromSegment }
