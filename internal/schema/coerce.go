package schema

import (
	"encoding/json"

	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// Coerce returns the fields of payload, for which Check returned no violation, that have
// another type than their schema: each with its value in the type of the schema. The
// result is nil if there are none. A JSON Schema coerces nothing, because its author
// states which types it accepts.
func (s *Schema) Coerce(payload map[string]any) map[string]any {
	if s == nil {
		return nil
	}
	var coerced map[string]any
	for _, field := range s.fields {
		value, present := payload[field.name]
		if !present || field.kind.accepts(value) {
			continue
		}
		if typed, ok := field.kind.coerce(value); ok {
			if coerced == nil {
				coerced = map[string]any{}
			}
			coerced[field.name] = typed
		}
	}
	return coerced
}

// coerce converts a value that t does not accept, if nothing is lost: a number or a
// boolean to its text, and a text to the number or the boolean that has this text.
func (t fieldType) coerce(value any) (any, bool) {
	switch value := value.(type) {
	case string:
		return t.coerceText(value)
	case json.Number:
		return string(value), t == fieldString
	case bool:
		if value {
			return "true", t == fieldString
		}
		return "false", t == fieldString
	default:
		return nil, false
	}
}

func (t fieldType) coerceText(text string) (any, bool) {
	switch t {
	case fieldNumber:
		_, ok := jsonvalue.ParseNumber(text)
		return json.Number(text), ok
	case fieldBoolean:
		return text == "true", text == "true" || text == "false"
	default:
		return nil, false
	}
}
