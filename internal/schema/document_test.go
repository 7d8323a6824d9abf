package schema

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func TestDocumentSchema_ListsEveryOffendingField(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, `{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"type": "object",
		"required": ["amount", "it's, 'odd'", "a\\b"],
		"properties": {
			"amount": {"type": "number", "minimum": 1},
			"seats": {"type": "integer"},
			"plan": {"enum": ["free", "pro"]},
			"email": {"format": "email"},
			"coupon": {"$ref": "#/$defs/coupon"},
			"items": {"type": "array", "items": {
				"type": "object",
				"properties": {"sku": {"type": "string", "minLength": 3}},
				"additionalProperties": false
			}}
		},
		"$defs": {"coupon": {"type": ["string", "null"], "pattern": "^[A-Z]+$"}}
	}`)
	const rest = `"it's, 'odd'":1,"a\\b":1`
	for name, tc := range map[string]struct {
		payload string
		want    []string
	}{
		"all match": {`{` + rest + `,"amount":12.5,"seats":1e2,"plan":"pro","email":"a@example.com","coupon":null,"items":[{"sku":"abc"},{}]}`, nil},
		"no payload": {`null`, []string{
			`payload.amount: is required but missing`,
			`payload["a\\b"]: is required but missing`,
			`payload["it's, 'odd'"]: is required but missing`,
		}},
		"wrong types": {`{` + rest + `,"amount":"12","seats":1.5,"coupon":7,"items":{}}`, []string{
			`payload.amount: must be a number, not a string`,
			`payload.coupon: must be a string or null, not a number`,
			`payload.items: must be an array, not an object`,
			`payload.seats: must be a whole number, not a number`,
		}},
		"wrong values": {`{` + rest + `,"amount":0,"plan":"team","email":"nobody","coupon":"x"}`, []string{
			`payload.amount: must be >= 1 but found 0`,
			`payload.coupon: does not match pattern '^[A-Z]+$'`,
			`payload.email: 'nobody' is not valid 'email'`,
			`payload.plan: value must be one of "free", "pro"`,
		}},
		"in arrays": {`{` + rest + `,"amount":1,"items":[{"sku":"abc"},{"sku":"abc","size":1,"co/lor~ %41":2},{"sku":7},"x"]}`, []string{
			`payload.items[1].size: is not allowed by the schema; leave it out`,
			`payload.items[1]["co/lor~ %41"]: is not allowed by the schema; leave it out`,
			`payload.items[2].sku: must be a string, not a number`,
			`payload.items[3]: must be an object, not a string`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			violations := s.Check(mustPayload(t, tc.payload))
			assert.Equal(t, tc.want, problemLines(violations))
		})
	}
}

func TestDocumentSchema_Messages(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ property, value, want string }{
		"any of types":             {`{"anyOf":[{"type":"string"},{"type":"number"}]}`, `true`, `must be a number or a string, not a boolean`},
		"one of types":             {`{"oneOf":[{"type":"null"},{"type":"string"}]}`, `1`, `must be a string or null, not a number`},
		"alternative for the type": {`{"anyOf":[{"type":"null"},{"type":"string","minLength":3}]}`, `"a"`, `length must be >= 3, but got 1`},
		"all of":                   {`{"allOf":[{"type":"string"},{"maxLength":1}]}`, `"abc"`, `length must be <= 1, but got 3`},
		"if, then":                 {`{"if":{"type":"string"},"then":{"maxLength":1}}`, `"abc"`, `length must be <= 1, but got 3`},
		"not":                      {`{"not":{"const":1}}`, `1`, `matches what the schema excludes with "not"`},
		"false":                    {`false`, `1`, `is not allowed by the schema; leave it out`},
		"const":                    {`{"const":{"a":1}}`, `1`, `is not the value that the schema requires`},
		"contains":                 {`{"contains":{"type":"number"}}`, `["x","y"]`, `number of elements that match "contains" must be >= 1, but got 0`},
		"unique":                   {`{"uniqueItems":true}`, `[1,2,1.0]`, `items at index 0 and 2 are equal`},
		"exact numbers":            {`{"maximum":9007199254740992}`, `9007199254740993`, `must be <= 9.007199254740992e+15 but found 9007199254740993`},
		"number with a huge power": {`{"maximum":5}`, `1e999999999`, `is a number with too many digits for a JSON Schema; write it as a string`},
		"number with many digits":  {`{"maximum":5}`, strings.Repeat("9", 401), `is a number with too many digits for a JSON Schema; write it as a string`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mustSchema(t, `{"properties":{"type":`+tc.property+`}}`)
			got := problemLines(s.Check(mustPayload(t, `{"type":`+tc.value+`}`)))
			assert.Equal(t, []string{"payload.type: " + tc.want}, got)
		})
	}
}

func TestDocumentSchema_FindsFieldsOfAnyName(t *testing.T) {
	t.Parallel()
	// The library reports a field named "" at the object with the field. It writes a
	// backslash at the end of a name like the backslash of an escape sequence.
	name := rapid.String().Filter(func(name string) bool { return name != "" && !strings.HasSuffix(name, `\`) })
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(name, 1, 4, rapid.ID).Draw(t, "names")
		quoted, err := json.Marshal(names)
		require.NoError(t, err)
		payload, paths := map[string]any{}, []string{}
		for _, name := range names {
			payload[name] = true
			paths = append(paths, string(jsondoc.AppendKey([]byte("payload"), name)))
		}
		missing, refused := Compile(json.RawMessage(`{"required":` + string(quoted) + `}`))
		require.Empty(t, refused)
		extra, refused := Compile(json.RawMessage(`{"additionalProperties":false}`))
		require.Empty(t, refused)
		mistyped, refused := Compile(json.RawMessage(`{"additionalProperties":{"type":"string"}}`))
		require.Empty(t, refused)
		for _, violations := range [][]Violation{missing.Check(nil), extra.Check(payload), mistyped.Check(payload)} {
			found := []string{}
			for _, p := range violations {
				found = append(found, p.Path)
			}
			assert.ElementsMatch(t, paths, found)
		}
	})
}

func TestDocumentSchema_HugeNumbersAreFoundAtAnyDepth(t *testing.T) {
	t.Parallel()
	got := mustSchema(t, `{"type":"object"}`).Check(mustPayload(t, `{"a":[1,{"b c":1e401,"d":[-1e-401]}],"e":1e400}`))
	const message = ": is a number with too many digits for a JSON Schema; write it as a string"
	assert.Equal(t, []string{`payload.a[1].d[0]` + message, `payload.a[1]["b c"]` + message}, problemLines(got))
}

func TestDocumentSchema_RepeatsLittleOfALongText(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, `{"properties":{"a":{"format":"email"}}}`)
	lines := problemLines(s.Check(mustPayload(t, `{"a":"`+strings.Repeat("x", 100_000)+`"}`)))
	require.Len(t, lines, 1)
	assert.Less(t, len(lines[0]), 400)
	assert.Contains(t, lines[0], "x' is not valid 'email'")
}

func TestDocumentSchema_PropertiesNamedAsKeywords(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, `{"properties":{
		"anyOf":{"minLength":2,"pattern":"^b"},
		"minContains":{"minLength":2,"pattern":"^b"}
	}}`)
	assert.Equal(t, []string{
		`payload.anyOf: does not match pattern '^b'`,
		`payload.anyOf: length must be >= 2, but got 1`,
		`payload.minContains: does not match pattern '^b'`,
		`payload.minContains: length must be >= 2, but got 1`,
	}, problemLines(s.Check(mustPayload(t, `{"anyOf":"a","minContains":"a"}`))))
}

func TestDocumentSchema_OldDraftsAndOwnReferencesWork(t *testing.T) {
	t.Parallel()
	for name, schema := range map[string]string{
		"draft 4": `{"$schema":"http://json-schema.org/draft-04/schema#","id":"https://example.com/a","properties":{"n":{"$ref":"#/definitions/n"}},"definitions":{"n":{"type":"number"}}}`,
		"draft 7": `{"$schema":"http://json-schema.org/draft-07/schema#","$id":"https://example.com/a","properties":{"n":{"$ref":"#/definitions/n"}},"definitions":{"n":{"type":"number"}}}`,
		"by $id":  `{"$id":"https://example.com/a","properties":{"n":{"$ref":"b"}},"$defs":{"n":{"$id":"b","type":"number"}}}`,
		"anchor":  `{"properties":{"n":{"$ref":"#number"}},"$defs":{"n":{"$anchor":"number","type":"number"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mustSchema(t, schema)
			assert.Empty(t, s.Check(mustPayload(t, `{"n":1}`)))
			assert.Equal(t, []string{"payload.n: must be a number, not a string"}, problemLines(s.Check(mustPayload(t, `{"n":"1"}`))))
		})
	}
}

func TestDocumentSchema_ReadsNoFilesAndNoNetwork(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "anything.json")
	require.NoError(t, os.WriteFile(file, []byte(`{}`), 0o600))
	for name, tc := range map[string]struct{ member, want string }{
		"existing file":    {`"$ref":"file://` + file + `"`, `"file://` + file + `"`},
		"file":             {`"$ref":"file:///etc/passwd"`, `"file:///etc/passwd"`},
		"file in a field":  {`"properties":{"a":{"$ref":"file:///etc/passwd#/x"}}`, `"file:///etc/passwd"`},
		"http":             {`"$ref":"http://127.0.0.1:1/schema.json"`, `"http://127.0.0.1:1/schema.json"`},
		"https":            {`"$ref":"https://example.com/schema.json"`, `"https://example.com/schema.json"`},
		"relative":         {`"$ref":"other.json"`, `"other.json"`},
		"relative to $id":  {`"$id":"file:///etc/","$ref":"passwd"`, `"file:///etc/passwd"`},
		"dynamic":          {`"$dynamicRef":"file:///etc/passwd"`, `"file:///etc/passwd"`},
		"meta-schema":      {`"$schema":"file:///etc/passwd"`, `"file:///etc/passwd"`},
		"path without URL": {`"$ref":"/etc/passwd"`, `"etc/passwd"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, violations := badSchema(t, `{`+tc.member+`}`)
			assert.Nil(t, s)
			require.Len(t, violations, 1)
			assert.Equal(t, "schema", violations[0].Path)
			assert.Contains(t, violations[0].Message, tc.want+" is outside the schema and is not loaded")
		})
	}
}

func TestDocumentSchema_PanicOfTheLibraryIsAnError(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, guard(func() error { panic("odd schema") }), "odd schema")
	violations := mustSchema(t, documentSchemaText).Check(map[string]any{"plan": make(chan int)})
	assert.Equal(t, []string{
		"payload: cannot be checked against the schema: jsonschema: invalid jsonType: chan int",
	}, problemLines(violations), "a value that is not JSON")
}

func TestDocumentSchema_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, documentSchemaText)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			payload := map[string]any{"plan": json.Number(fmt.Sprint(i))}
			for range 50 {
				assert.Len(t, s.Check(payload), 1)
			}
		})
	}
	wg.Wait()
}
