package automation

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// timeFormat is how times are written in step outputs.
const timeFormat = "2006-01-02T15:04:05.999999Z07:00"

// appendJSON appends v as JSON, followed by end.
func appendJSON(b []byte, v any, end byte) []byte {
	if s, ok := v.(string); ok && plain(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"', end)
	}
	enc, err := json.Marshal(v)
	if err != nil {
		enc = []byte("null")
	}
	return append(append(b, enc...), end)
}

// plain reports whether s is its own JSON encoding, but for the quotes.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// encodeOutput encodes a struct of this file. What cannot be encoded, such as a
// NaN that a host put into a contact, must not stop a run whose effect is done.
func encodeOutput(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return appendJSON([]byte(`{"unrecorded":`), err.Error(), '}')
	}
	return b
}

func timeOutput(name string, t time.Time) json.RawMessage {
	b := make([]byte, 0, len(name)+40)
	b = append(append(append(b, `{"`...), name...), `":"`...)
	return append(t.AppendFormat(b, timeFormat), `"}`...)
}

func conditionOutput(met bool, rule *compiledRule, outcomes *ruleOutcomes) json.RawMessage {
	b := make([]byte, 0, 128)
	if met {
		b = append(b, `{"branch":"condition_met","rules":`...)
	} else {
		b = append(b, `{"branch":"condition_not_met","rules":`...)
	}
	return append(rule.appendOutcomes(b, outcomes), '}')
}

// receivedEvent is the output of a wait that received its event.
type receivedEvent struct {
	EventID   string          `json:"event_id"`
	EventName string          `json:"event_name"`
	Payload   json.RawMessage `json:"payload"`
}

func eventOutput(e *Event) json.RawMessage {
	payload := e.Payload
	if len(payload) == 0 {
		payload = json.RawMessage("null")
	}
	return encodeOutput(receivedEvent{e.ID, e.Name, payload})
}

// receivedPayload returns the payload that eventOutput has recorded.
func receivedPayload(output json.RawMessage) (map[string]any, bool) {
	var r receivedEvent
	if json.Unmarshal(output, &r) != nil || r.EventName == "" {
		return nil, false
	}
	payload, err := decodePayload(r.Payload, len(r.Payload))
	return payload, err == nil
}

// timeoutOutput is the output of a wait that timed out. An event that came
// after the deadline, but before the time-out was handled, is recorded.
func timeoutOutput(deadline time.Time, late *Event) json.RawMessage {
	out := timeOutput("timed_out_at", deadline)
	if late == nil {
		return out
	}
	out = append(out[:len(out)-1], `,"late_event_id":`...)
	return appendJSON(out, late.ID, '}')
}

// changeOutput lists the fields of a contact that a step has changed.
func changeOutput(c ContactChange) json.RawMessage {
	out := struct {
		FirstName    any            `json:"first_name,omitempty"`
		LastName     any            `json:"last_name,omitempty"`
		Unsubscribed *bool          `json:"unsubscribed,omitempty"`
		Properties   map[string]any `json:"properties,omitempty"`
	}{nullable(c.FirstName), nullable(c.LastName), c.Unsubscribed, c.Properties}
	return encodeOutput(out)
}

// nullable is nil for a field that stays as it is, and JSON null for one that
// is cleared.
func nullable(s *string) any {
	switch {
	case s == nil:
		return nil
	case *s == "":
		return json.RawMessage("null")
	default:
		return *s
	}
}

// emailOutput is what is recorded of an email that was handed over.
func emailOutput(e *Email, id string) json.RawMessage {
	out := struct {
		To       string `json:"to"`
		EmailID  string `json:"email_id"`
		Template struct {
			ID string `json:"id"`
		} `json:"template"`
		Variables map[string]any `json:"variables,omitempty"`
	}{To: e.To, EmailID: id, Variables: e.Variables}
	out.Template.ID = e.TemplateID
	return encodeOutput(out)
}
