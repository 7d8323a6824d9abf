package schema

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// mustSchema compiles a schema, which must be valid.
func mustSchema(t testing.TB, schema string) *Schema {
	t.Helper()
	s, violations := Compile(json.RawMessage(schema))
	require.Empty(t, violations)
	return s
}

// badSchema compiles a schema, which must be invalid, and returns its violations.
func badSchema(t testing.TB, schema string) (*Schema, []Violation) {
	t.Helper()
	s, violations := Compile(json.RawMessage(schema))
	require.NotEmpty(t, violations)
	return s, violations
}

// mustPayload decodes a payload, which must be valid.
func mustPayload(t testing.TB, payload string) map[string]any {
	t.Helper()
	object, violations := jsondoc.ObjectScanner{Root: "payload", Limit: 256 << 10}.Decode([]byte(payload))
	require.Empty(t, violations)
	return object
}

// problemLines returns each violation as text.
func problemLines(violations []Violation) []string {
	var texts []string
	for _, p := range violations {
		texts = append(texts, p.Path+": "+p.Message)
	}
	return texts
}

func TestCompile_NoneAcceptsEverything(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"", "null", "{}"} {
		s := mustSchema(t, schema)
		assert.Empty(t, s.Check(nil), schema)
		assert.Empty(t, s.Check(mustPayload(t, `{"plan":null,"items":[{}]}`)), schema)
	}
}

func TestCompile_DistinguishesFlatMapsFromJSONSchemas(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		schema   string
		document bool
	}{
		"flat":                                {`{"plan":"string","amount":"number"}`, false},
		"flat with a field named type":        {`{"type":"string"}`, false},
		"flat with fields named as keywords":  {`{"type":"number","properties":"string","required":"boolean","$schema":"date"}`, false},
		"flat with annotations' names":        {`{"title":"string","description":"string"}`, false},
		"type object":                         {`{"type":"object"}`, true},
		"several types":                       {`{"type":["object","null"]}`, true},
		"$schema":                             {`{"$schema":"http://json-schema.org/draft-07/schema#"}`, true},
		"$ref":                                {`{"$ref":"#/$defs/a","$defs":{"a":true}}`, true},
		"properties":                          {`{"properties":{"plan":{"type":"string"}}}`, true},
		"required":                            {`{"required":["plan"]}`, true},
		"alternatives":                        {`{"anyOf":[{"required":["a"]},{"required":["b"]}]}`, true},
		"unknown keywords beside known ones":  {`{"type":"object","x-owner":"growth"}`, true},
		"a type that is also a flat map's":    {`{"type":"string","minProperties":1}`, true},
		"annotations beside a known keyword":  {`{"title":"Order","additionalProperties":false}`, true},
		"property named as a flat map's type": {`{"title":"string","properties":{}}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.document, mustSchema(t, tc.schema).document != nil)
		})
	}
}

func TestCompile_RefusesBadSchemas(t *testing.T) {
	t.Parallel()
	const hint = `; a JSON Schema lists its fields under "properties"`
	for name, tc := range map[string]struct {
		schema string
		want   []string
	}{
		"not an object": {`["string"]`, []string{`schema: must be a JSON object, not an array`}},
		"not JSON":      {`{"plan":string}`, []string{`schema: is not valid JSON: line 1, column 9: found 's' where a value should be`}},
		"duplicate":     {`{"plan":"string","plan":"number"}`, []string{`schema.plan: the object has this key more than once; keep one`}},
		"too long":      {`{"a":"` + strings.Repeat("x", maxBytes) + `"}`, []string{`schema: is 65544 bytes long; at most 65536 are allowed`}},
		"misspelt types": {`{"plan":"strnig","seats":"integer","since":"date"}`, []string{
			`schema.plan: must be "string", "number", "boolean" or "date", not "strnig"` + hint,
			`schema.seats: must be "string", "number", "boolean" or "date", not "integer"` + hint,
		}},
		"properties without their wrapper": {`{"plan":{"type":"string"}}`, []string{
			`schema.plan: must be "string", "number", "boolean" or "date", not an object` + hint,
		}},
		"annotations only": {`{"title":"Order"}`, []string{
			`schema.title: must be "string", "number", "boolean" or "date", not "Order"` + hint,
		}},
		"unknown type in a JSON Schema": {`{"properties":{"plan":{"type":"strnig"}}}`, []string{
			`schema.properties.plan.type: value must be one of "array", "boolean", "integer", "null", "number", "object", "string"`,
		}},
		"several mistakes": {`{"type":"object","required":"plan","minProperties":-1}`, []string{
			`schema.minProperties: must be >= 0 but found -1`,
			`schema.required: must be an array, not a string`,
		}},
		"bad pattern": {`{"properties":{"plan":{"pattern":"(?=x)"}}}`, []string{
			`schema.properties.plan.pattern: '(?=x)' is not valid 'regex'`,
		}},
		"dangling reference": {`{"$ref":"#/$defs/order"}`, []string{
			`schema: cannot be used: #/$defs/order not found`,
		}},
		"endless reference": {`{"$ref":"#"}`, []string{
			`schema: cannot be used: infinite loop #/$ref`,
		}},
		"endless dynamic reference": {`{"$dynamicAnchor":"a","allOf":[{"$dynamicRef":"#a"}]}`, []string{
			`schema: cannot be used: infinite loop #/allOf/0/$dynamicRef`,
		}},
		"$schema that is no draft": {`{"$schema":"https://example.com/schema"}`, []string{
			`schema: cannot be used: "https://example.com/schema" is outside the schema and is not loaded; copy what it names under "$defs"`,
		}},
		"huge numbers": {`{"properties":{"b":{"maximum":1E999999},"a":{"minimum":-1e-999999}}}`, []string{
			`schema.properties.a.minimum: is a number with too many digits for a JSON Schema; write it as a string`,
			`schema.properties.b.maximum: is a number with too many digits for a JSON Schema; write it as a string`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, violations := badSchema(t, tc.schema)
			assert.Nil(t, s)
			assert.Equal(t, tc.want, problemLines(violations))
		})
	}
}

func TestSchema_FlatMap(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, `{"plan":"string","amount":"number","trial":"boolean","since":"date","first name":"string"}`)
	for name, tc := range map[string]struct {
		payload string
		want    []string
	}{
		"all match":       {`{"plan":"pro","amount":1e400,"trial":false,"since":"2026-01-31","first name":""}`, nil},
		"absent fields":   {`{}`, nil},
		"no payload":      {`null`, nil},
		"extra fields":    {`{"plan":"pro","coupon":{"code":"X"}}`, nil},
		"coerced":         {`{"plan":5,"amount":"12","trial":"true","first name":true}`, nil},
		"no number":       {`{"amount":"twelve"}`, []string{`payload.amount: must be a number, not "twelve"`}},
		"no string":       {`{"plan":[]}`, []string{`payload.plan: must be a string, not an array`}},
		"no boolean":      {`{"trial":"yes"}`, []string{`payload.trial: must be a boolean, not "yes"`}},
		"object, array":   {`{"plan":{},"trial":[]}`, []string{`payload.plan: must be a string, not an object`, `payload.trial: must be a boolean, not an array`}},
		"null is no type": {`{"plan":null}`, []string{`payload.plan: must be a string, not null`}},
		"no date":         {`{"since":"tomorrow"}`, []string{`payload.since: must be a date such as 2026-01-31 or 2026-01-31T09:30:00Z, not "tomorrow"`}},
		"number for date": {`{"since":20260131}`, []string{`payload.since: must be a date such as 2026-01-31 or 2026-01-31T09:30:00Z, not a number`}},
		"odd name":        {`{"first name":{}}`, []string{`payload["first name"]: must be a string, not an object`}},
		"every field": {`{"plan":{},"amount":true,"trial":"x","since":false}`, []string{
			`payload.amount: must be a number, not a boolean`,
			`payload.plan: must be a string, not an object`,
			`payload.since: must be a date such as 2026-01-31 or 2026-01-31T09:30:00Z, not a boolean`,
			`payload.trial: must be a boolean, not "x"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			violations := s.Check(mustPayload(t, tc.payload))
			assert.Equal(t, tc.want, problemLines(violations))
		})
	}
}

func TestSchema_CoercesWhereNothingIsLost(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, `{"text":"string","number":"number","yes":"boolean","day":"date"}`)
	for payload, want := range map[string]string{
		`{"number":"42"}`:                     `{"number":42}`,
		`{"number":"-1.50e3","yes":"false"}`:  `{"number":-1.50e3,"yes":false}`,
		`{"number":"12345678901234567890.1"}`: `{"number":12345678901234567890.1}`,
		`{"text":12.50,"yes":"true"}`:         `{"text":"12.50","yes":true}`,
		`{"text":true}`:                       `{"text":"true"}`,
		`{"text":"42","number":42,"yes":true,"day":"2026-01-31","other":"42"}`: ``,
		`{"number":""}`:           `refused`,
		`{"number":" 42"}`:        `refused`,
		`{"number":"042"}`:        `refused`,
		`{"number":"+42"}`:        `refused`,
		`{"number":"0x2a"}`:       `refused`,
		`{"number":"1,000"}`:      `refused`,
		`{"number":"NaN"}`:        `refused`,
		`{"number":true}`:         `refused`,
		`{"number":null}`:         `refused`,
		`{"yes":"True"}`:          `refused`,
		`{"yes":1}`:               `refused`,
		`{"yes":"1"}`:             `refused`,
		`{"text":null}`:           `refused`,
		`{"text":["a"]}`:          `refused`,
		`{"day":20260131}`:        `refused`,
		`{"day":"2026-01-31Z"}`:   `refused`,
		`{"number":"1","yes":[]}`: `refused`,
	} {
		object := mustPayload(t, payload)
		if want == "refused" {
			assert.NotEmpty(t, s.Check(object), payload)
			continue
		}
		assert.Empty(t, s.Check(object), payload)
		var coerced map[string]any
		if want != "" {
			coerced = mustPayload(t, want)
		}
		assert.Equal(t, coerced, s.Coerce(object), payload)
	}
}

func TestSchema_OfJSONSchemaCoercesNothing(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, `{"properties":{"number":{"type":"number"}}}`)
	assert.NotEmpty(t, s.Check(mustPayload(t, `{"number":"42"}`)))
	assert.Nil(t, s.Coerce(mustPayload(t, `{"number":42}`)))
	var none *Schema
	assert.Nil(t, none.Coerce(mustPayload(t, `{"number":"42"}`)))
}

func TestSchema_Dates(t *testing.T) {
	t.Parallel()
	flat := mustSchema(t, `{"at":"date"}`)
	document := mustSchema(t, `{"properties":{"at":{"type":"string","format":"date"}}}`)
	for text, want := range map[string]bool{
		"2026-01-31":                     true,
		"2024-02-29":                     true,
		"2026-01-31T09:30:00Z":           true,
		"2026-01-31T09:30:00.123456789Z": true,
		"2026-01-31T09:30:00+05:30":      true,
		"":                               false,
		"2026-02-29":                     false,
		"2026-1-31":                      false,
		"2026-01-31T9:30:00Z":            false,
		"2026-01-31T09:30:00":            false,
		"2026-01-31 09:30:00Z":           false,
		"2026-01-31T09:30:00,5Z":         false,
		"2026-01-31T25:00:00Z":           false,
		"tomorrow":                       false,
	} {
		payload := map[string]any{"at": text}
		assert.Equal(t, want, flat.Check(payload) == nil, "flat map, %q", text)
		assert.Equal(t, want, document.Check(payload) == nil, "JSON Schema, %q", text)
	}
}

func TestSchema_LongValuesAreCutInMessages(t *testing.T) {
	t.Parallel()
	violations := mustSchema(t, `{"at":"date"}`).Check(map[string]any{"at": strings.Repeat("é", 1000)})
	require.Len(t, violations, 1)
	assert.Contains(t, violations[0].Message, strings.Repeat("é", 40)+`"…`)
	assert.Less(t, len(violations[0].Message), 200)
}

func TestSchema_ValidFlatMapAllocatesNothing(t *testing.T) {
	s := mustSchema(t, flatSchemaText)
	payload := mustPayload(t, validPayloadText)
	assert.Zero(t, testing.AllocsPerRun(100, func() { s.Check(payload) }))
}

func FuzzCompileSchema(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"plan":"string","amount":"number"}`, `{"plan":1}`},
		{`{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"required":["a"]}`, `{"a":1e400}`},
		{`{"$ref":"file:///etc/passwd"}`, `{}`},
		{`{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"a":{"format":"email","pattern":"^a"}}}`, `{"a":"b"}`},
		{`{"anyOf":[{"$ref":"#/$defs/a"},{"type":"null"}],"$defs":{"a":{"items":{"const":1}}}}`, `{"a":[1,"x"]}`},
		{`{"allOf":[{"$dynamicRef":"#a"}],"$defs":{"b":{"$dynamicAnchor":"a","not":{}}}}`, `{}`},
		{`{"additionalProperties":false,"patternProperties":{"^x":{"uniqueItems":true}}}`, `{"a', 'b":1,"x":[1,1]}`},
		{`{"properties":{"a":{"multipleOf":0.1,"maximum":1e300}}}`, `{"a":0.30000000000000004}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, schema, payload string) {
		s, violations := Compile(json.RawMessage(schema))
		if violations != nil {
			assert.Nil(t, s)
			return
		}
		object, violations := jsondoc.ObjectScanner{Root: "payload", Limit: 4096}.Decode([]byte(payload))
		if violations != nil {
			return
		}
		assert.Equal(t, s.Check(object), s.Check(object), "the order of violations is the same each time")
	})
}

const (
	flatSchemaText     = `{"plan":"string","seats":"number","trial":"boolean","since":"date"}`
	documentSchemaText = `{"type":"object","properties":{"plan":{"type":"string"},"seats":{"type":"number"},"trial":{"type":"boolean"},"since":{"type":"string","format":"date"}}}`
	validPayloadText   = `{"plan":"pro","seats":12,"trial":false,"since":"2026-01-31T09:30:00+02:00"}`
)

func BenchmarkPayloadSchema(b *testing.B) {
	for name, schema := range map[string]string{"flat": flatSchemaText, "document": documentSchemaText} {
		b.Run(name, func(b *testing.B) {
			s := mustSchema(b, schema)
			payload := mustPayload(b, validPayloadText)
			b.ReportAllocs()
			for b.Loop() {
				s.Check(payload)
			}
		})
	}
}

func BenchmarkCompileSchema(b *testing.B) {
	for name, schema := range map[string]string{"flat": flatSchemaText, "document": documentSchemaText} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustSchema(b, schema)
			}
		})
	}
}
