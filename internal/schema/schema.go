// Package schema validates the payloads of events against a flat map of field names and
// types, or against a JSON Schema.
package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// maxBytes bounds the size of a schema.
const maxBytes = 64 << 10

// Violation is a part of a schema or of a payload that breaks a rule. Its path begins
// with "schema" or "payload".
type Violation = jsondoc.Violation

// Schema is a compiled event schema: a flat map or a JSON Schema. It is immutable and
// safe for concurrent use. A nil *Schema accepts every payload.
type Schema struct {
	fields   []schemaField      // the flat map, sorted by name; nil for a JSON Schema
	document *jsonschema.Schema // the JSON Schema; nil for a flat map
	costs    *costs             // of the JSON Schema
}

type schemaField struct {
	name string
	kind fieldType
}

// fieldType is the type of a field in a flat map.
type fieldType string

const (
	fieldString  fieldType = "string"
	fieldNumber  fieldType = "number"
	fieldBoolean fieldType = "boolean"
	fieldDate    fieldType = "date"
)

func (t fieldType) valid() bool {
	switch t {
	case fieldString, fieldNumber, fieldBoolean, fieldDate:
		return true
	default:
		return false
	}
}

// Compile compiles the schema of an event definition. It returns a nil Schema for no
// bytes and for null. An unusable schema gives a nil Schema and violations.
func Compile(raw json.RawMessage) (*Schema, []Violation) {
	object, violations := jsondoc.ObjectScanner{Root: "schema", Limit: maxBytes}.Decode(raw)
	if object == nil {
		return nil, violations
	}
	return compileObject(raw, object)
}

// compileObject compiles object, which is the decoded raw.
//
// An object whose values are all "string", "number", "boolean" or "date" is a flat map,
// whatever its keys are: {"type": "string"} declares a field named type, because as a
// JSON Schema it would accept no payload at all. Any other object is a JSON Schema if
// schemaKeyword is true for one of its members. An object that is neither is a flat map
// with a mistake: as a JSON Schema, {"plan": "strnig"} would accept every payload.
func compileObject(raw []byte, object map[string]any) (*Schema, []Violation) {
	fields, violations := flatSchema(object)
	if violations == nil {
		return &Schema{fields: fields}, nil
	}
	for key, value := range object {
		if schemaKeyword(key, value) {
			return documentSchema(raw, object)
		}
	}
	return nil, violations
}

// flatSchema compiles object as a flat map.
func flatSchema(object map[string]any) (fields []schemaField, violations []Violation) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		text, isText := object[name].(string)
		if isText && fieldType(text).valid() {
			fields = append(fields, schemaField{name, fieldType(text)})
			continue
		}
		actual := jsonvalue.WithArticle(jsonvalue.TypeOf(object[name]))
		if isText {
			actual = jsondoc.Quote(text)
		}
		violations = append(violations, Violation{Path: jsondoc.PathTo("schema", name), Message: `must be "string", "number", "boolean" or "date", not ` + actual +
			`; a JSON Schema lists its fields under "properties"`})
	}
	return fields, violations
}

// schemaKeyword reports whether a member of an object shows that the object is a JSON
// Schema. Such a member is one of the following:
//   - a key that begins with "$", unless its value is a type of flat maps
//   - "type", if its value is a JSON type that is not a type of flat maps, or no string
//   - a keyword that constrains objects, if its value is no string
//
// Keywords that only annotate, such as title, show nothing.
func schemaKeyword(key string, value any) bool {
	text, isText := value.(string)
	if strings.HasPrefix(key, "$") {
		return !fieldType(text).valid()
	}
	switch key {
	case "type":
		return !isText || text == "object" || text == "array" || text == "integer" || text == "null"
	case "properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames",
		"required", "minProperties", "maxProperties", "dependencies", "dependentRequired", "dependentSchemas",
		"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "enum", "const", "definitions":
		return !isText
	default:
		return false
	}
}

// Check returns a violation for every field of payload that does not match, in the
// order of their paths. A flat map allows additional fields. Its own fields may be
// absent but not null, as in a JSON Schema. A value that Coerce converts matches.
func (s *Schema) Check(payload map[string]any) []Violation {
	switch {
	case s == nil:
		return nil
	case s.document != nil:
		return s.checkDocument(payload)
	}
	var violations []Violation
	for _, field := range s.fields {
		value, present := payload[field.name]
		if present && !field.kind.matches(value) {
			violations = append(violations, Violation{Path: jsondoc.PathTo("payload", field.name), Message: field.kind.refusal(value)})
		}
	}
	return violations
}

// matches reports whether t accepts value, or converts it.
func (t fieldType) matches(value any) bool {
	if t.accepts(value) {
		return true
	}
	_, ok := t.coerce(value)
	return ok
}

func (t fieldType) accepts(value any) bool {
	switch value := value.(type) {
	case string:
		return t == fieldString || t == fieldDate && jsonvalue.IsDate(value)
	case json.Number:
		return t == fieldNumber
	case bool:
		return t == fieldBoolean
	default:
		return false
	}
}

// refusal returns the message for a value that t does not accept.
func (t fieldType) refusal(value any) string {
	actual := jsonvalue.WithArticle(jsonvalue.TypeOf(value))
	if text, ok := value.(string); ok {
		actual = jsondoc.Quote(text)
	}
	if t != fieldDate {
		return "must be " + jsonvalue.WithArticle(string(t)) + ", not " + actual
	}
	return "must be a date such as 2026-01-31 or 2026-01-31T09:30:00Z, not " + actual
}
