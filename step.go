package automation

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// StepType names what a step does. Built-in types have the names that Resend
// gives them; custom ones carry a prefix, such as "acme.slack".
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
)

// Step is a node of an automation's graph. In JSON it is
// {"key": …, "type": …, "config": …}, where type is Config.StepType().
type Step struct {
	// Key is unique in the graph: at most 128 bytes, without control characters.
	Key string
	// Config is one of the built-in configs of this package, a custom config
	// that was registered with Handle, or a RawConfig.
	Config StepConfig
}

// MarshalJSON encodes s. It fails if s has no config or one that does not encode
// to a JSON object.
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

// isNilConfig reports whether c is no config, or a nil pointer to one, whose
// methods cannot be called.
func isNilConfig(c StepConfig) bool {
	v := reflect.ValueOf(c)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// plainConfig returns what c points to, if c is a pointer to a config.
func plainConfig(c StepConfig) StepConfig {
	v := reflect.ValueOf(c)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		if plain, ok := v.Elem().Interface().(StepConfig); ok {
			return plain
		}
	}
	return c
}

// encodeConfig returns the JSON of a config, or nil for none.
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

// StepConfig is the data of a step. Any struct that encodes to a JSON object
// and names its type can be one; what it does is registered with Handle, so
// that configs hold no clients and compare well.
type StepConfig interface {
	// StepType returns the type's name. It must not depend on the value.
	StepType() StepType
}

// RawConfig is the config of a step whose type is not built in, as it was
// decoded. A Registry resolves it when the graph is compiled; without one it is
// encoded again untouched.
type RawConfig struct {
	Type   StepType
	Config json.RawMessage
}

// StepType returns c.Type.
func (c RawConfig) StepType() StepType { return c.Type }

// check reports what would keep c from being read back.
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

// Trigger starts a run when an event with its name is sent.
type Trigger struct {
	EventName string `json:"event_name"`
}

// StepType returns TypeTrigger.
func (Trigger) StepType() StepType { return TypeTrigger }

// Condition takes the connection condition_met or condition_not_met. In JSON
// its config is the rule itself.
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

// WaitForEvent pauses the run until the contact gets a matching event, which
// takes the connection event_received, or until Timeout has passed, which takes
// the connection timeout; default serves for whichever of them is missing.
type WaitForEvent struct {
	EventName string `json:"event_name"`
	// Timeout is counted from the moment the step starts. Zero waits for ever.
	Timeout Duration `json:"timeout,omitzero"`
	// FilterRule must hold for an event to match; event. paths in it read the
	// payload of the incoming event. An event for which the rule cannot be
	// evaluated does not match. The zero Rule matches every event.
	FilterRule Rule `json:"filter_rule,omitzero"`
	// Lookback also accepts an event that was accepted before the step started
	// but after the run did. This is not part of Resend's model.
	Lookback bool `json:"lookback,omitzero"`
}

// StepType returns TypeWaitForEvent.
func (WaitForEvent) StepType() StepType { return TypeWaitForEvent }

// SendEmail hands one email to the Mailer. It is skipped, and the run goes on,
// when the contact has unsubscribed.
type SendEmail struct {
	Template TemplateRef `json:"template"`
	// From, Subject and ReplyTo override what the template says.
	From    string `json:"from,omitempty"`
	Subject string `json:"subject,omitempty"`
	ReplyTo string `json:"reply_to,omitempty"`
	// Delivery overrides the Runner's choice for this step. This is not part of
	// Resend's model.
	Delivery Delivery `json:"delivery,omitempty"`
}

// StepType returns TypeSendEmail.
func (SendEmail) StepType() StepType { return TypeSendEmail }

// TemplateRef names a template and fills its variables.
type TemplateRef struct {
	// ID is the template's id or alias.
	ID string `json:"id"`
	// Variables are the values for the template's variables, by name. A
	// reference that resolves to nothing is left out, so that the template's
	// fallback applies.
	Variables map[string]Value `json:"variables,omitzero"`
}

// Delivery is what happens to an effect whose outcome is unknown, because the
// process died or the answer got lost.
type Delivery string

// The deliveries. An empty Delivery in a step means the Runner's; in the
// Runner's options it means AtLeastOnce.
const (
	// AtLeastOnce repeats the effect with the same idempotency key.
	AtLeastOnce Delivery = "at_least_once"
	// AtMostOnce fails the step with the code "unknown" and never repeats it by
	// itself.
	AtMostOnce Delivery = "at_most_once"
)

// ContactUpdate changes the run's contact. At least one field must be given;
// an absent Value leaves the field as it is. Null clears a name or a property;
// Unsubscribed must be true, false or a reference to one of them. A reference
// that resolves to nothing fails the step.
type ContactUpdate struct {
	FirstName    Value            `json:"first_name,omitzero"`
	LastName     Value            `json:"last_name,omitzero"`
	Unsubscribed Value            `json:"unsubscribed,omitzero"`
	Properties   map[string]Value `json:"properties,omitzero"`
}

// StepType returns TypeContactUpdate.
func (ContactUpdate) StepType() StepType { return TypeContactUpdate }

// ContactDelete deletes the run's contact for good. The run completes, and its
// remaining steps are skipped.
type ContactDelete struct{}

// StepType returns TypeContactDelete.
func (ContactDelete) StepType() StepType { return TypeContactDelete }

// AddToSegment adds the run's contact to a segment. A contact that is a member
// already stays one.
type AddToSegment struct {
	SegmentID string `json:"segment_id"`
}

// StepType returns TypeAddToSegment.
func (AddToSegment) StepType() StepType { return TypeAddToSegment }
