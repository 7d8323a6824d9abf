package automation

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// timeFormat is the format of times in step outputs.
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
		// For example, a contact of the host may contain NaN. The effect is done,
		// so the value must not stop the run.
		enc, _ = json.Marshal("cannot be recorded: " + err.Error())
	}
	return append(append(b, enc...), end)
}

// plain reports whether the JSON encoding of s is s in quotes.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func timeOutput(name string, t time.Time) json.RawMessage {
	b := make([]byte, 0, len(name)+40)
	b = append(append(append(b, `{"`...), name...), `":"`...)
	return append(t.AppendFormat(b, timeFormat), `"}`...)
}

func conditionOutput(met bool, rule *CompiledRule, outcomes ruleOutcomes) json.RawMessage {
	const head = `{"branch":"condition_not_met","rules":`
	b := make([]byte, 0, len(head)+len("[]}")+rule.recordSize)
	if met {
		b = append(b, `{"branch":"condition_met","rules":`...)
	} else {
		b = append(b, head...)
	}
	return append(rule.appendOutcomes(b, outcomes), '}')
}

// eventOutput is the output of a wait that received its event.
func eventOutput(e *Event) json.RawMessage {
	b := make([]byte, 0, 96+len(e.Payload))
	b = appendJSON(append(b, `{"event_id":`...), e.ID, ',')
	b = appendJSON(append(b, `"event_name":`...), e.Name, ',')
	b = append(b, `"payload":`...)
	if len(e.Payload) == 0 {
		return append(b, `null}`...)
	}
	return append(append(b, e.Payload...), '}')
}

// receivedPayload returns the name and the payload of the event in the output of a wait.
func receivedPayload(output json.RawMessage) (name string, payload map[string]any, ok bool) {
	var r struct {
		EventName string          `json:"event_name"`
		Payload   json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(output, &r) != nil || r.EventName == "" {
		return "", nil, false
	}
	payload, err := decodePayload(r.Payload, len(r.Payload))
	return r.EventName, payload, err == nil
}

// timeoutOutput is the output of a wait that timed out. It records the event, if there is
// one, that came after the deadline and before the timeout was handled.
func timeoutOutput(deadline time.Time, late *Event) json.RawMessage {
	out := timeOutput("timed_out_at", deadline)
	if late == nil {
		return out
	}
	out = append(out[:len(out)-1], `,"late_event_id":`...)
	return appendJSON(out, late.ID, '}')
}

// changeOutput lists the contact's fields that a step sets, with their new values.
func changeOutput(c ContactChange) json.RawMessage {
	b := append(make([]byte, 0, 64), '{')
	b = appendName(b, "first_name", c.FirstName)
	b = appendName(b, "last_name", c.LastName)
	if c.Unsubscribed != nil {
		b = appendJSON(append(b, `"unsubscribed":`...), *c.Unsubscribed, ',')
	}
	if len(c.Properties) > 0 {
		b = appendObject(append(b, `"properties":`...), c.Properties, ',')
	}
	return closeObject(b)
}

// appendName appends a changed name, or null for a cleared one.
func appendName(b []byte, field string, name *string) []byte {
	if name == nil {
		return b
	}
	b = append(append(append(b, '"'), field...), `":`...)
	if *name == "" {
		return append(b, `null,`...)
	}
	return appendJSON(b, *name, ',')
}

// emailOutput is the output of a step whose email the Mailer accepted. content comes from
// emailContent.
func emailOutput(to, id string, content []byte) json.RawMessage {
	b := make([]byte, 0, 32+len(to)+len(id)+len(content))
	b = appendJSON(append(b, `{"to":`...), to, ',')
	b = appendJSON(append(b, `"email_id":`...), id, ',')
	return append(b, content...)
}

// emailContent is the part of emailOutput that does not depend on the Mailer's answer:
// the end of a JSON object. Resend's outputs have the variables in the template, null if
// there are none. They are also beside the template, where earlier versions wrote them.
func emailContent(e *Email) []byte {
	b := make([]byte, 0, 128)
	b = appendJSON(append(b, `"template":{"id":`...), e.TemplateID, ',')
	b = append(b, `"variables":`...)
	if len(e.Variables) == 0 {
		return append(b, `null}}`...)
	}
	start := len(b)
	b = appendObject(b, e.Variables, '}')
	variables := b[start : len(b)-1]
	b = append(append(b, `,"variables":`...), variables...)
	return append(b, '}')
}

// appendObject appends m as a JSON object with sorted keys, followed by end.
func appendObject(b []byte, m map[string]any, end byte) []byte {
	b = append(b, '{')
	for _, name := range sortedKeys(m) {
		b = appendJSON(b, name, ':')
		b = appendJSON(b, m[name], ',')
	}
	return append(closeObject(b), end)
}

// closeObject ends an object in which a comma follows each member.
func closeObject(b []byte) []byte {
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, '}')
}
