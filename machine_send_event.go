package automation

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// SendEventEffect sends an event for the run's contact. It is part of the commit.
type SendEventEffect struct {
	// EventName and Payload are those of the event.
	EventName string
	Payload   json.RawMessage
}

func (*SendEventEffect) effect() {}

// SchemaError is the error of a step that would send an event whose payload does not match the
// definition of the event.
type SchemaError struct {
	// Event is the name of the event.
	Event string
	// Problems are the problems in the payload.
	Problems Problems
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("%v", e.Problems.Err("event "+jsondoc.Quote(e.Event)))
}

type sendEventEffect struct {
	event   string
	members []namedValue // nil: no payload
}

func (c *compiler) sendEvent(cfg SendEvent) (effect, error) {
	e := &sendEventEffect{event: cfg.EventName}
	if cfg.Payload != nil {
		e.members = make([]namedValue, 0, len(cfg.Payload))
	}
	for _, name := range sortedKeys(cfg.Payload) {
		v, err := c.value(name, cfg.Payload[name])
		if err != nil {
			return nil, err
		}
		e.members = append(e.members, v)
	}
	if !slices.Contains(c.g.sends, cfg.EventName) {
		c.g.sends = append(c.g.sends, cfg.EventName)
	}
	return e, nil
}

func (e *sendEventEffect) build(_, _ string, d *Data) (Effect, error) {
	out := &SendEventEffect{EventName: e.event}
	if e.members == nil {
		return out, nil
	}
	payload := make(map[string]any, len(e.members))
	for i := range e.members {
		if v, ok := e.members[i].resolve(d); ok {
			payload[e.members[i].name] = v
		}
	}
	var err error
	if out.Payload, err = jsondoc.Encode(payload); err != nil {
		return nil, Permanent(fmt.Errorf("automation: the payload of event %s cannot be encoded: %w", jsondoc.Quote(e.event), err))
	}
	return out, nil
}

// sendsEvent reports whether the effect of the current step of s is an event.
func (g *Graph) sendsEvent(s State) bool { return g.steps[s.at].typ == TypeSendEvent }

// sentOutput is the output of a step that has sent an event.
func sentOutput(eventID string) json.RawMessage {
	return appendJSON([]byte(`{"event_id":`), eventID, '}')
}
