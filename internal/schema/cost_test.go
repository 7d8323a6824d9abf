package schema

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// doubling returns a schema of n definitions that each refer twice to the next one.
func doubling(n int) string {
	var defs strings.Builder
	for i := range n {
		fmt.Fprintf(&defs, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	return fmt.Sprintf(`{"$ref":"#/$defs/d0","$defs":{%s"d%d":{"type":"object"}}}`, defs.String(), n)
}

func TestCompile_RefusesASchemaWhoseReferencesMultiply(t *testing.T) {
	t.Parallel()
	schema := doubling(20)
	assert.Less(t, len(schema), 1400)
	_, violations := badSchema(t, schema)
	assert.Equal(t, []string{
		`schema["$defs"].d8: applies more than 10000 schemas to one value, because schemas refer to schemas that refer to others; ` +
			`let "allOf", "anyOf", "oneOf" and "$ref" name each schema once`,
	}, problemLines(violations))
	assert.Empty(t, mustSchema(t, doubling(10)).Check(map[string]any{}))
}

func TestCompile_RefusesWhatIsTooExpensive(t *testing.T) {
	t.Parallel()
	nested := strings.NewReplacer(`"$ref":"#/$defs/d0"`, `"properties":{"a":{"items":{"$ref":"#/$defs/d0"}}}`)
	for name, tc := range map[string]struct{ schema, path, message string }{
		"references under a property": {nested.Replace(doubling(20)), `schema["$defs"].d8`, "more than 10000 schemas"},
		"alternatives":                {strings.ReplaceAll(doubling(20), "allOf", "anyOf"), `schema["$defs"].d8`, "more than 10000 schemas"},
		"exclusive alternatives":      {strings.ReplaceAll(doubling(20), "allOf", "oneOf"), `schema["$defs"].d8`, "more than 10000 schemas"},
		"pattern": {
			`{"properties":{"a":{"pattern":"^(a?b?c?d?e?f?){999}$"}}}`, "schema.properties.a", "too expensive to match",
		},
		"pattern of names": {`{"patternProperties":{"(a?b?c?d?e?f?){999}":{}}}`, "schema", "too expensive to match"},
		"dynamic anchor": {
			`{"$dynamicAnchor":"a","properties":{"b":{"$dynamicRef":"#a"}}}`, `schema["$dynamicAnchor"]`, `use "$anchor" and "$ref"`,
		},
		"recursive anchor": {
			`{"$schema":"https://json-schema.org/draft/2019-09/schema","$recursiveAnchor":true,"properties":{"b":{"$recursiveRef":"#"}}}`,
			`schema["$recursiveAnchor"]`, `use "$anchor" and "$ref"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, violations := badSchema(t, tc.schema)
			require.Len(t, violations, 1)
			assert.Equal(t, tc.path, violations[0].Path)
			assert.Contains(t, violations[0].Message, tc.message)
		})
	}
}

// nestedObject returns objects in the member a of each other.
func nestedObject(depth int) string {
	return strings.Repeat(`{"a":`, depth) + "{}" + strings.Repeat("}", depth)
}

func list(n int, element func(i int) string) string {
	elements := make([]string, n)
	for i := range elements {
		elements[i] = element(i)
	}
	return "[" + strings.Join(elements, ",") + "]"
}

func TestCheck_RefusesAPayloadThatTakesTooLong(t *testing.T) {
	t.Parallel()
	number := func(i int) string { return fmt.Sprint(i) }
	for name, tc := range map[string]struct{ schema, payload string }{
		"recursion that doubles with depth": {
			`{"allOf":[{"properties":{"a":{"$ref":"#"}}},{"additionalProperties":{"$ref":"#"}}]}`, nestedObject(40),
		},
		"alternatives that double with depth": {
			`{"oneOf":[{"properties":{"a":{"$ref":"#"}},"required":["b"]},{"properties":{"a":{"$ref":"#"}},"minProperties":0}]}`, nestedObject(40),
		},
		"many schemas for many elements": {
			`{"properties":{"a":{"allOf":` + list(1000, func(int) string { return `{"items":{"minimum":0}}` }) + `}}}`, `{"a":` + list(10_000, number) + `}`,
		},
		"many schemas for an object with many members": {
			`{"allOf":` + list(2000, func(int) string { return `{"minProperties":1}` }) + `}`,
			`{"a":0` + members(5000) + `}`,
		},
		"many numbers in a long enum": {
			`{"properties":{"a":{"items":{"enum":` + list(5000, number) + `}}}}`, `{"a":` + list(5000, number) + `}`,
		},
		"long text and pattern": {
			`{"properties":{"a":{"pattern":"(a?b?){400}x"}}}`, `{"a":"` + strings.Repeat("ab", 100_000) + `"}`,
		},
		"pattern from the payload": {`{"properties":{"a":{"format":"regex"}}}`, `{"a":"` + strings.Repeat("a{1000}", 5000) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, []string{
				"payload: takes too long to check against the schema; send less, or define a schema in which fewer schemas apply to the same value",
			}, problemLines(mustSchema(t, tc.schema).Check(mustPayload(t, tc.payload))))
		})
	}
}

// members returns members for the end of an object.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":0`, i)
	}
	return b.String()
}

// ordinary contains schemas of the kinds that applications have, each with a payload.
var ordinary = map[string]struct{ schema, payload string }{
	"tree": {
		`{"properties":{"root":{"$ref":"#/$defs/node"}},"$defs":{"node":{"type":"object","required":["name"],
			"properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/$defs/node"}}}}}}`,
		`{"root":{"name":"a","children":` + list(5000, func(i int) string { return `{"name":"b","children":[{"name":"c"}]}` }) + `}}`,
	},
	"order with many lines": {
		`{"type":"object","required":["lines"],"additionalProperties":false,"properties":{"currency":{"enum":["EUR","USD"]},
			"lines":{"type":"array","uniqueItems":true,"items":{"allOf":[{"$ref":"#/$defs/priced"},{"required":["sku"],
			"properties":{"sku":{"type":"string","pattern":"^[A-Z]{2}-[0-9]{1,10}$"}}}]}}},
			"$defs":{"priced":{"properties":{"price":{"type":"number","minimum":0,"multipleOf":0.01},"country":{"enum":` +
			list(250, func(i int) string { return fmt.Sprintf(`"C%d"`, i) }) + `}}}}}`,
		`{"currency":"EUR","lines":` + list(2000, func(i int) string { return fmt.Sprintf(`{"sku":"AB-%d","price":9.99,"country":"C249"}`, i) }) + `}`,
	},
	"one of a hundred variants": {
		`{"oneOf":` + list(100, func(i int) string {
			return fmt.Sprintf(`{"allOf":[{"$ref":"#/$defs/base"},{"properties":{"kind":{"const":"k%d"},"data":{"type":"object","properties":{"id":{"$ref":"#/$defs/id"}}}},"required":["kind"]}]}`, i)
		}) + `,"$defs":{"base":{"type":"object","properties":{"at":{"format":"date-time"},"id":{"$ref":"#/$defs/id"}}},"id":{"type":"string","minLength":1}}}`,
		`{"kind":"k99","id":"x","at":"2026-01-31T09:30:00Z","data":{"id":"y"}}`,
	},
	"expression": {
		`{"properties":{"e":{"$ref":"#/$defs/e"}},"$defs":{"e":{"oneOf":[{"type":"number"},{"type":"object","required":["op","args"],
			"properties":{"op":{"enum":["+","-"]},"args":{"type":"array","items":{"$ref":"#/$defs/e"}}}}]}}}`,
		`{"e":` + strings.Repeat(`{"op":"+","args":[1,`, 50) + "2" + strings.Repeat("]}", 50) + `}`,
	},
	"CloudEvents": {
		`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","required":["id","source","specversion","type"],
			"properties":{"id":{"$ref":"#/definitions/text"},"source":{"type":"string","format":"uri-reference","minLength":1},
			"specversion":{"$ref":"#/definitions/text"},"type":{"$ref":"#/definitions/text"},"subject":{"type":["string","null"],"minLength":1},
			"time":{"type":["string","null"],"format":"date-time"},"data":{"type":["object","string","number","array","boolean","null"]}},
			"definitions":{"text":{"type":"string","minLength":1}}}`,
		`{"id":"1","source":"/orders","specversion":"1.0","type":"order","time":"2026-01-31T09:30:00Z","data":{"n":1}}`,
	},
	"meta-schema": {`{"properties":{"form":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}}`, `{"form":` + documentSchemaText + `}`},
	"many fields": {
		`{"type":"object","properties":{"a":{}` + strings.ReplaceAll(members(1000), ":0", ":{}") + `}}`, `{"a":0` + members(5000) + `}`,
	},
	"long text":     {`{"properties":{"a":{"type":"string","pattern":"^.*$"}}}`, `{"a":"` + strings.Repeat("a", 200_000) + `"}`},
	"large payload": {`{"properties":{"a":{"items":{"type":"integer"}}}}`, `{"a":` + list(40_000, func(i int) string { return fmt.Sprint(i) }) + `}`},
	"unique lists":  {`{"properties":{"a":{"uniqueItems":true}}}`, `{"a":` + list(3000, func(i int) string { return fmt.Sprintf(`{"n":%d}`, i) }) + `}`},
}

func TestCheck_OrdinarySchemasPass(t *testing.T) {
	t.Parallel()
	for name, tc := range ordinary {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, mustSchema(t, tc.schema).Check(mustPayload(t, tc.payload)))
		})
	}
}

// visits is an extension that counts how often the library applies a schema.
type visits struct{ n *int }

func (v visits) Compile(jsonschema.CompilerContext, map[string]any) (jsonschema.ExtSchema, error) {
	return v, nil
}

func (v visits) Validate(jsonschema.ValidationContext, any) error { *v.n++; return nil }

// TestMeter_CountsNoLessThanTheLibraryDoes covers every keyword with schemas.
func TestMeter_CountsNoLessThanTheLibraryDoes(t *testing.T) {
	t.Parallel()
	const object, array = `{"a":{"b":[1,2,[3]],"c":"x"},"d":1,"e":{"a":{}}}`, `{"l":[1,"a",[2],{"b":1},null]}`
	cases := map[string][2]string{
		"2019 keywords": {`{"$schema":"https://json-schema.org/draft/2019-09/schema","properties":{"l":{"items":[{"not":{}},{"minLength":1}],"additionalItems":{"type":["array","object","null"]},"contains":{"enum":[1]},"unevaluatedItems":{"maximum":1}}}}`, array},
		"2020 keywords": {`{"properties":{"l":{"prefixItems":[{"minimum":1},{}],"items":{"if":{"type":"array"},"then":{"items":{"maximum":5}},"else":{"minimum":0}},"contains":{"const":[2]}}}}`, array},
		"items":         {`{"properties":{"l":{"items":{"anyOf":[{"type":"string"},{"type":"array"}]},"unevaluatedItems":{}}}}`, array},
		"objects":       {`{"propertyNames":{"maxLength":1},"patternProperties":{"^[ab]":{"additionalProperties":{"$ref":"#/$defs/x"}}},"additionalProperties":{"properties":{"a":{}}},"$defs":{"x":{"items":{"oneOf":[{"minimum":2},{"type":"array"}]}}}}`, object},
		"unevaluated":   {`{"allOf":[{"properties":{"d":{"minimum":1}}}],"unevaluatedProperties":{"properties":{"a":{"not":{"type":"string"}}}}}`, object},
		"dependent":     {`{"dependentSchemas":{"d":{"properties":{"a":{"minProperties":1}}},"z":{"required":["z"]}}}`, object},
		"dependencies":  {`{"$schema":"http://json-schema.org/draft-07/schema#","dependencies":{"d":{"properties":{"a":{"minProperties":1}}},"a":["d"]}}`, object},
	}
	for name, tc := range ordinary {
		cases[name] = [2]string{tc.schema, tc.payload}
	}
	delete(cases, "meta-schema") // it refers to itself dynamically
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, payload := mustSchema(t, tc[0]), mustPayload(t, tc[1])
			m := meter{costs: s.costs, left: 1 << 30}
			require.True(t, m.apply(s.document, payload, 0))

			var n int
			compiler := jsonschema.NewCompiler()
			compiler.RegisterExtension("visits", jsonschema.MustCompileString("visits.json", "true"), visits{&n})
			require.NoError(t, compiler.AddResource(schemaURL, bytes.NewReader([]byte(tc[0]))))
			document, err := compiler.Compile(schemaURL)
			require.NoError(t, err)
			_ = document.Validate(payload)
			assert.Positive(t, n)
			assert.GreaterOrEqual(t, 1<<30-m.left, n)
		})
	}
}
