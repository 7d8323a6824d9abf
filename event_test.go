package automation

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func TestPayload_EncodesObjects(t *testing.T) {
	t.Parallel()
	type order struct {
		Total int `json:"total"`
	}
	assert.Nil(t, Payload(nil))
	assert.JSONEq(t, `{"plan":"pro"}`, string(Payload(map[string]any{"plan": "pro"})))
	assert.JSONEq(t, `{"total":3}`, string(Payload(order{Total: 3})))
	assert.JSONEq(t, `{"a":1}`, string(Payload(json.RawMessage(`{"a":1}`))))
}

func TestPayload_ThatCannotBeEncodedIsRefusedLater(t *testing.T) {
	t.Parallel()
	raw := Payload(map[string]any{"callback": func() {}})
	_, err := decodePayload(raw, 1000)
	assert.EqualError(t, err, "automation: event: payload: cannot be encoded: json: unsupported type: func()")

	_, err = json.Marshal(Event{Name: "a", Payload: raw})
	assert.Error(t, err, "nor does an event with it encode")
}

func TestDecodePayload_AcceptsObjects(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		raw  string
		want map[string]any
	}{
		"nothing":          {"", nil},
		"null":             {"null", nil},
		"empty":            {"{}", map[string]any{}},
		"blanks around":    {" {} \n", map[string]any{}},
		"exact numbers":    {`{"n":9007199254740993,"m":1.10,"e":1e400}`, map[string]any{"n": json.Number("9007199254740993"), "m": json.Number("1.10"), "e": json.Number("1e400")}},
		"odd keys":         {`{"":1,"a.b":true}`, map[string]any{"": json.Number("1"), "a.b": true}},
		"nesting":          {`{"a":[{"b":null},[]]}`, map[string]any{"a": []any{map[string]any{"b": nil}, []any{}}}},
		"same key, nested": {`{"a":{"a":"x"}}`, map[string]any{"a": map[string]any{"a": "x"}}},
		"deepest":          {`{"a":` + strings.Repeat("[", 249) + strings.Repeat("]", 249) + `}`, nestedArrays(249)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decodePayload(json.RawMessage(tc.raw), 1000)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

// nestedArrays returns {"a": [[…]]} with n arrays.
func nestedArrays(n int) map[string]any {
	array := []any{}
	for range n - 1 {
		array = []any{array}
	}
	return map[string]any{"a": array}
}

func TestDecodePayload_RefusesEverythingElse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ raw, want string }{
		"array":            {`[1]`, `payload: must be a JSON object, not an array`},
		"string":           {`"a"`, `payload: must be a JSON object, not a string`},
		"number":           {`1`, `payload: must be a JSON object, not a number`},
		"boolean":          {`false`, `payload: must be a JSON object, not a boolean`},
		"not JSON":         {`{plan}`, `payload: is not valid JSON: line 1, column 2: found 'p' where a key in double quotes should be`},
		"blank":            {` `, `payload: is not valid JSON: line 1, column 2: the document ends where a value should be`},
		"cut off":          {`{"a":`, `payload: is not valid JSON: line 1, column 6: the document ends where a value should be`},
		"comma too many":   {`{"a":1,}`, `payload: is not valid JSON: line 1, column 8: found '}' where a key in double quotes should be`},
		"leading zero":     {`{"a":01}`, `payload: is not valid JSON: line 1, column 7: found '1' where "," or "}" should be`},
		"trailing data":    {`{} {}`, `payload: is not valid JSON: line 1, column 4: there is more after the end of the document`},
		"invalid UTF-8":    {"{\"a\":\"\xff\"}", `payload: is not valid JSON: line 1, column 6: a string is not valid UTF-8`},
		"duplicate key":    {`{"a":1,"a":2}`, `payload.a: the object has this key more than once; keep one`},
		"nested duplicate": {`{"items":[{},{"first name":1,"first name":1}]}`, `payload.items[1]["first name"]: the object has this key more than once; keep one`},
		"escaped the same": {`{"a":1,"\u0061":2}`, `payload.a: the object has this key more than once; keep one`},
		"too long":         {`{"a":"` + strings.Repeat("x", 1000) + `"}`, `payload: is 1008 bytes long; at most 1000 are allowed`},
		"too deep":         {`{"a":` + strings.Repeat("[", 250) + strings.Repeat("]", 250) + `}`, `payload: is not valid JSON: line 1, column 255: objects and arrays are nested more than 250 deep`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decodePayload(json.RawMessage(tc.raw), 1000)
			assert.Nil(t, got)
			var invalid *ValidationError
			require.ErrorAs(t, err, &invalid)
			require.Len(t, invalid.Problems, 1)
			assert.Equal(t, tc.want, invalid.Problems[0].String())
			assert.Equal(t, CodeInvalidPayload, invalid.Problems[0].Code)
		})
	}
}

func TestDecodePayload_ListsEveryRepeatedKey(t *testing.T) {
	t.Parallel()
	_, err := decodePayload(json.RawMessage(`{"a":1,"a":2,"b":{"c":1,"c":1}}`), 1000)
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	paths := []string{}
	for _, p := range invalid.Problems {
		paths = append(paths, p.Path)
	}
	assert.ElementsMatch(t, []string{"payload.a", "payload.b.c"}, paths)
}

func FuzzDecodePayload(f *testing.F) {
	for _, seed := range []string{"", "null", "{}", `{"a":[1,{"b":null}],"a.b":"\u0000"}`, `{"a":1,"a":2}`, `{"a":[1}`, "\xff", "!payload: x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		payload, err := decodePayload(json.RawMessage(raw), 4096)
		if err != nil || payload == nil {
			return
		}
		encoded, err := json.Marshal(payload)
		require.NoError(t, err)
		again, err := decodePayload(encoded, 8*4096)
		require.NoError(t, err)
		assert.Equal(t, payload, again)
	})
}

func BenchmarkDecodePayload(b *testing.B) {
	raw := json.RawMessage(`{"plan":"pro","seats":12,"trial":false,"since":"2026-01-31T09:30:00Z"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodePayload(raw, 1<<10); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSchemaCache_GivesViolationsTheirCode(t *testing.T) {
	t.Parallel()
	payload, err := jsondoc.Scan([]byte(`{"plan":[]}`))
	assert.NoError(t, err)
	for text, code := range map[string]Code{
		`{"plan":"string"}`: CodeSchemaMismatch,
		`{"type":"object","properties":{"plan":{"type":"string"}}}`: CodeSchemaMismatch,
		`{"plan":"strnig"}`:             CodeInvalidSchema,
		`{"$ref":"file:///etc/passwd"}`: CodeInvalidSchema,
		`{"plan":`:                      CodeInvalidSchema,
		`{"type":"object","properties":{"plan":{"type":"string","maxLength":1e999}}}`: CodeInvalidSchema,
	} {
		c := schemaCache{byText: map[string]compiledSchema{}}
		s := c.compile(text)
		_, problems := foundSchema{text: text, schema: s.schema, invalid: s.invalid}.validate(payload)
		assert.Len(t, problems, 1, text)
		assert.Equal(t, code, problems[0].Code, text)
		assert.Equal(t, SeverityError, problems[0].Severity, text)
	}
}
