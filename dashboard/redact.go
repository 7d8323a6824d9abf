package dashboard

import (
	"encoding/json"
)

// The fields of Options.Redact begin with these.
const (
	fieldOfEvent   = "event"
	fieldOfContact = "contact.properties"
	fieldOfOutput  = "output"
)

// redactedText returns a JSON document for people: indented, and with what Options.Redact
// leaves of its members. What is no JSON is hidden, because it cannot be redacted. Without
// a document, the text is empty.
func (h *Handler) redactedText(field string, doc json.RawMessage) string {
	if len(doc) == 0 {
		return ""
	}
	return indentedValue(h.redacted(field, decodeValue(doc)))
}

// redactedOutput returns the output of a step with what Options.Redact leaves of it. A
// payload in it is the payload of an event, and properties are those of the contact. It
// returns nil if there is no output.
func (h *Handler) redactedOutput(doc json.RawMessage) any {
	if len(doc) == 0 {
		return nil
	}
	output, ok := decodeValue(doc).(map[string]any)
	if !ok {
		return hidden
	}
	left := map[string]any{}
	for name, value := range output {
		field, inner := fieldOfOutput+"."+name, fieldOfOutput+"."+name
		switch name {
		case "payload":
			inner = fieldOfEvent
		case "properties":
			inner = fieldOfContact
		}
		left[name] = h.redacted(inner, h.redact(field, value))
	}
	return left
}

// redacted returns value with what Options.Redact leaves of its members, at any depth.
func (h *Handler) redacted(field string, value any) any {
	if h.opts.Redact == nil {
		return value
	}
	switch value := value.(type) {
	case map[string]any:
		left := make(map[string]any, len(value))
		for name, member := range value {
			inner := field + "." + name
			left[name] = h.redacted(inner, h.redact(inner, member))
		}
		return left
	case []any:
		left := make([]any, len(value))
		for i, item := range value {
			left[i] = h.redacted(field, h.redact(field, item))
		}
		return left
	default:
		return value
	}
}
