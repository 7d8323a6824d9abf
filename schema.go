package automation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// schemaBytes is how long a schema may be.
const schemaBytes = 64 << 10

// payloadSchema is a compiled event schema: a flat map or a JSON Schema. It is
// immutable. A nil *payloadSchema accepts every payload.
type payloadSchema struct {
	fields   []schemaField      // the flat map, by name; nil with a document
	document *jsonschema.Schema // nil with a flat map
}

type schemaField struct {
	name string
	kind fieldType
}

// fieldType is what a flat map says of a field.
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

// compileSchema compiles what EventDefinition.Schema holds. Nothing and null
// give nil, a schema that cannot be used a *ValidationError.
func compileSchema(raw json.RawMessage) (*payloadSchema, error) {
	d := objectDecoder{root: "schema", code: CodeInvalidSchema, limit: schemaBytes}
	object, problems := d.decode(raw)
	if object == nil {
		return nil, problems.Err("event definition")
	}
	schema, problems := newPayloadSchema(raw, object)
	return schema, problems.Err("event definition")
}

// newPayloadSchema compiles object, which raw is the text of.
//
// An object whose values are all "string", "number", "boolean" or "date" is a
// flat map, whatever its keys: {"type": "string"} declares a field named type,
// for as a JSON Schema it could accept no payload at all. Any other object is a
// JSON Schema if schemaKeyword says so of one of its members. What is neither
// is refused as a flat map with a mistake: read as a JSON Schema,
// {"plan": "strnig"} would accept everything.
func newPayloadSchema(raw []byte, object map[string]any) (*payloadSchema, Problems) {
	fields, problems := flatSchema(object)
	if problems == nil {
		return &payloadSchema{fields: fields}, nil
	}
	for key, value := range object {
		if schemaKeyword(key, value) {
			return documentSchema(raw, object)
		}
	}
	return nil, problems
}

// flatSchema reads object as a flat map.
func flatSchema(object map[string]any) (fields []schemaField, problems Problems) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		text, isText := object[name].(string)
		if isText && fieldType(text).valid() {
			fields = append(fields, schemaField{name, fieldType(text)})
			continue
		}
		actual := withArticle(typeOf(object[name]))
		if isText {
			actual = quoteShort(text)
		}
		problems.Add(CodeInvalidSchema, pathTo("schema", name),
			`must be "string", "number", "boolean" or "date", not %s; a JSON Schema lists its fields under "properties"`, actual)
	}
	return fields, problems
}

// schemaKeyword reports whether a member of a schema shows that it is a JSON
// Schema: a key that begins with "$", a type that is a JSON type (or several)
// and not also a flat map's, or a keyword that constrains objects, unless its
// value is a string. Keywords that only annotate, such as title, show nothing.
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

// check returns a problem for every field of payload that does not match, in
// the order of their paths. Fields that a flat map does not name are allowed,
// and those that it names may be absent but not null, as in a JSON Schema.
func (s *payloadSchema) check(payload map[string]any) Problems {
	switch {
	case s == nil:
		return nil
	case s.document != nil:
		return checkDocument(s.document, payload)
	}
	var problems Problems
	for _, field := range s.fields {
		value, present := payload[field.name]
		if present && !field.kind.accepts(value) {
			problems = append(problems, mismatch(pathTo("payload", field.name), field.kind.refusal(value)))
		}
	}
	return problems
}

func mismatch(path, message string) Problem {
	return Problem{Severity: SeverityError, Code: CodeSchemaMismatch, Path: path, Message: message}
}

func (t fieldType) accepts(value any) bool {
	switch value := value.(type) {
	case string:
		return t == fieldString || t == fieldDate && isDate(value)
	case json.Number:
		return t == fieldNumber
	case bool:
		return t == fieldBoolean
	default:
		return false
	}
}

// refusal says what is wrong with a value that t does not accept.
func (t fieldType) refusal(value any) string {
	if t != fieldDate {
		return "must be " + withArticle(string(t)) + ", not " + withArticle(typeOf(value))
	}
	actual := withArticle(typeOf(value))
	if text, ok := value.(string); ok {
		actual = quoteShort(text)
	}
	return "must be a date such as 2026-01-31 or 2026-01-31T09:30:00Z, not " + actual
}

// isDate reports whether text is a full date or a date-time of RFC 3339.
func isDate(text string) bool {
	_, ok := parseDate(text)
	return ok
}

// pathTo returns the path of the member of root with this key.
func pathTo(root, key string) string { return string(appendPathKey([]byte(root), key)) }

// typeOf names the JSON type of a decoded value.
func typeOf(value any) string {
	o := operandOf(value)
	return o.kind.String()
}

// withArticle returns the name of a JSON type as it stands in a sentence.
func withArticle(jsonType string) string {
	switch jsonType {
	case "null":
		return jsonType
	case "array", "object":
		return "an " + jsonType
	case "integer":
		return "a whole number"
	default:
		return "a " + jsonType
	}
}
