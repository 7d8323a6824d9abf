package dashboard

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/schema"
)

// maxFields is how many fields of a schema get an input of their own.
const maxFields = 50

// payloadField is a field of a payload that one input can hold.
type payloadField struct {
	Name string
	Type string // string, number, boolean or date
}

// payloadFields returns the fields that a schema declares for a payload itself, and that are
// neither objects nor arrays. It returns none for a schema that leaves them open.
func payloadFields(raw json.RawMessage) (fields []payloadField) {
	s, _ := schema.Compile(raw)
	for _, name := range s.Describe("").Fields {
		if kind := s.Describe(name).Type; kind != "" && len(fields) < maxFields {
			fields = append(fields, payloadField{name, kind})
		}
	}
	return fields
}

// fieldValue returns the value that the text of an input stands for. A text that is not of
// the type stays a text, which Send then refuses with the reason.
func fieldValue(kind, text string) any {
	text = strings.TrimSpace(text)
	var value any
	if kind == "string" || kind == "date" || json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	switch value := value.(type) {
	case bool:
		return value
	case float64:
		return json.Number(text)
	default:
		return text
	}
}

// fieldText returns the text of an input for a value. It returns false for a value that the
// input cannot hold.
func fieldText(kind string, value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, value != "" && kind != "boolean"
	case json.Number:
		return value.String(), kind == "number"
	case bool:
		return strconv.FormatBool(value), kind == "boolean"
	default:
		return "", false
	}
}

// composePayload returns the object in a text, with the values of inputs added to it. Empty
// inputs add nothing. A text without inputs stays as the person wrote it, and so does a text
// that is no object: Send refuses it with the reason.
func composePayload(text string, kinds, inputs map[string]string) json.RawMessage {
	inputs = maps.Clone(inputs)
	maps.DeleteFunc(inputs, func(_, text string) bool { return text == "" })
	object, violations := jsondoc.ObjectScanner{Root: "payload", Limit: maxBody}.Decode([]byte(text))
	if len(inputs) == 0 || len(violations) > 0 {
		return json.RawMessage(text)
	}
	if object == nil {
		object = map[string]any{}
	}
	for name, text := range inputs {
		object[name] = fieldValue(kinds[name], text)
	}
	return json.RawMessage(indentedValue(object))
}

// splitPayload takes the values that inputs can hold out of a payload. It returns them, and
// the rest as a text. What is no object stays in the text.
func splitPayload(payload json.RawMessage, fields []payloadField) (inputs map[string]string, rest string) {
	inputs = map[string]string{}
	object, violations := jsondoc.ObjectScanner{Root: "payload", Limit: len(payload)}.Decode(payload)
	if len(violations) > 0 || object == nil {
		return inputs, string(payload)
	}
	for _, field := range fields {
		if text, ok := fieldText(field.Type, object[field.Name]); ok {
			inputs[field.Name] = text
			delete(object, field.Name)
		}
	}
	if len(object) == 0 {
		return inputs, ""
	}
	return inputs, indentedValue(object)
}

// kindsOf returns the types of fields by their names.
func kindsOf(fields []payloadField) map[string]string {
	kinds := map[string]string{}
	for _, f := range fields {
		kinds[f.Name] = f.Type
	}
	return kinds
}
