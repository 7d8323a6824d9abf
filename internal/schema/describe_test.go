package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// line returns a description in one line.
func (d Description) line() string {
	switch {
	case d.Known:
		return strings.TrimSpace("known " + d.Type)
	case d.ParentType != "":
		return d.Parent + " is a " + d.ParentType
	case d.Open:
		return "open " + d.Parent + " has " + strings.Join(d.Fields, ", ")
	default:
		return d.Parent + " has " + strings.Join(d.Fields, ", ")
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	const user = `{"properties":{"name":{"type":"string"},"age":{"type":["integer","null"]},"born":{"type":"string","format":"date"},"tags":{"type":"array","items":{"type":"string"}}}}`
	for _, tc := range []struct{ schema, path, want string }{
		{`{}`, "plna", "known"},
		{`{"plan":"string","seats":"number"}`, "plan", "known string"},
		{`{"plan":"string","seats":"number"}`, "plna", " has plan, seats"},
		{`{"plan":"string","seats":"number"}`, "plan.name", "plan. is a string"},
		{`{"user.name":"string","user":"date"}`, "user.name", "known string"},
		{`{"user.name":"string","user":"date"}`, "user", "known date"},

		{`{"type":"object"}`, "plna", "known"},
		{`{"required":["plan"]}`, "plna", "known"},
		{`{"properties":{"user":` + user + `}}`, "user", "known"},
		{`{"properties":{"user":` + user + `}}`, "usre", " has user"},
		{`{"properties":{"user":` + user + `}}`, "user.name", "known string"},
		{`{"properties":{"user":` + user + `}}`, "user.age", "known number"},
		{`{"properties":{"user":` + user + `}}`, "user.born", "known date"},
		{`{"properties":{"user":` + user + `}}`, "user.nmae", "user. has age, born, name, tags"},
		{`{"properties":{"user":` + user + `}}`, "user.name.first", "user.name. is a string"},
		{`{"properties":{"user":` + user + `}}`, "user.tags.0", "known string"},
		{`{"properties":{"user":` + user + `}}`, "user.tags.0.x", "user.tags.0. is a string"},
		{`{"properties":{"user":` + user + `}}`, "user.tags.first", "known"},
		{`{"properties":{"users":{"items":` + user + `}}}`, "users.12.nmae", "users.12. has age, born, name, tags"},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"users":{"items":[` + user + `]}}}`, "users.0.nmae", "known"},
		{`{"properties":{"users":{"prefixItems":[` + user + `]}}}`, "users.0.nmae", "known"},
		{`{"properties":{"users":{}}}`, "users.0.nmae", "known"},
		{`{"properties":{"a":true,"b":{"type":"object"}}}`, "b.c.d", "known"},
		{`{"properties":{"a.b":{"type":"string"},"a":{"properties":{"c":{}}}}}`, "a.b", "known string"},
		{`{"properties":{"a.b":{"type":"string"},"a":{"properties":{"c":{}}}}}`, "a.c", "known"},

		{`{"properties":{"a":{}},"additionalProperties":false}`, "b", " has a"},
		{`{"properties":{"a":{}},"additionalProperties":true}`, "b", "open  has a"},
		{`{"properties":{"a":{}},"additionalProperties":{"type":"string"}}`, "b", "known"},
		{`{"properties":{"a":{}},"patternProperties":{"^x":{"type":"string"}}}`, "b", "known"},
		{`{"properties":{"a":{}},"unevaluatedProperties":false}`, "b", " has a"},
		{`{"properties":{"a":{}},"unevaluatedProperties":{"type":"string"}}`, "b", "known"},

		{`{"$ref":"#/$defs/user","$defs":{"user":` + user + `}}`, "nmae", " has age, born, name, tags"},
		{`{"properties":{"u":{"$ref":"#/$defs/user"}},"$defs":{"user":` + user + `}}`, "u.age", "known number"},
		{`{"allOf":[` + user + `,{"properties":{"plan":{"type":"boolean"}}}]}`, "plan", "known boolean"},
		{`{"allOf":[` + user + `,{"properties":{"plan":{"type":"boolean"}}}]}`, "plna", " has age, born, name, plan, tags"},
		{`{"anyOf":[` + user + `,{"properties":{"plan":{"type":"boolean"}}}]}`, "plan", "known"},
		{`{"anyOf":[` + user + `,{"properties":{"plan":{"type":"boolean"}}}]}`, "plna", " has age, born, name, plan, tags"},
		{`{"anyOf":[` + user + `,{"type":"object"}]}`, "plna", "known"},
		{`{"oneOf":[` + user + `,{"$ref":"#/$defs/x"}],"$defs":{"x":{"properties":{"plan":{}}}}}`, "plna", " has age, born, name, plan, tags"},
		{`{"properties":{"a":{}},"anyOf":[{"required":["a"]},{"properties":{"b":{"type":"string"}}}]}`, "b", "known"},
		{`{"properties":{"a":{}},"if":{"properties":{"c":{"const":1}}},"then":{"properties":{"b":{"type":"string"}}}}`, "b", "known"},
		{`{"properties":{"a":{}},"dependentSchemas":{"a":{"properties":{"b":{}}}}}`, "b", "known"},
		{`{"properties":{"plan":{"anyOf":[{"type":"string"},{"type":"number"}]}}}`, "plan", "known"},
		{`{"properties":{"plan":{"type":["string","number"]}}}`, "plan", "known"},
		{`{"properties":{"plan":{"not":{"type":"string"}}}}`, "plan", "known"},
		{`{"properties":{"next":{"$ref":"#"}}}`, "next.next.next", "known"},
		{`{"properties":{"next":{"$ref":"#"}}}`, "next.next.nxet", "next.next. has next"},
	} {
		assert.Equal(t, tc.want, mustSchema(t, tc.schema).Describe(tc.path).line(), "%s\n%s", tc.schema, tc.path)
	}
	assert.True(t, (*Schema)(nil).Describe("plan").Known)
}

// A path that a payload has is known, with the type of its value, whatever form the schema
// of the payload has.
func TestDescribe_KnowsThePathsOfPayloads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := described{T: t, paths: map[string]string{}, defs: map[string]any{}}
		root := w.object("", 3)
		root["$defs"] = w.defs
		text, err := json.Marshal(root)
		require.NoError(t, err)
		s, violations := Compile(text)
		require.Empty(t, violations)
		for path, kind := range w.paths {
			d := s.Describe(path)
			assert.True(t, d.Known, "%s\n%s", text, path)
			if d.Type != "" {
				assert.Equal(t, kind, d.Type, "%s\n%s", text, path)
			}
		}
		for _, f := range s.Fields() {
			assert.True(t, s.Describe(f.Path).Known, "%s\n%s", text, f.Path)
			if f.Type != "" {
				assert.Equal(t, w.paths[f.Path], f.Type, "%s\n%s", text, f.Path)
			}
		}
	})
}

// described draws a schema, and records the paths of its payloads with their types.
type described struct {
	*rapid.T
	paths map[string]string
	defs  map[string]any
}

func (w *described) object(path string, depth int) map[string]any {
	properties := map[string]any{}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "a.b", "0", "c"}), 1, 3, rapid.ID).Draw(w.T, "names") {
		properties[name] = w.value(path+name, depth-1)
	}
	return w.wrapped(map[string]any{"type": "object", "properties": properties, "additionalProperties": rapid.Bool().Draw(w.T, "open")})
}

func (w *described) value(path string, depth int) map[string]any {
	kinds := []string{"string", "number", "boolean", "object", "array"}
	if depth <= 0 {
		kinds = kinds[:3]
	}
	kind := rapid.SampledFrom(kinds).Draw(w.T, "kind")
	switch kind {
	case "object":
		w.paths[path] = ""
		return w.object(path+".", depth)
	case "array":
		w.paths[path] = ""
		return w.wrapped(map[string]any{"type": "array", "items": w.value(path+".0", depth-1)})
	}
	if was, twice := w.paths[path]; twice && was != kind {
		kind = "" // a.b is a key with a dot, and b in a
	}
	w.paths[path] = kind
	if kind == "" {
		return map[string]any{}
	}
	return w.wrapped(map[string]any{"type": kind})
}

// wrapped returns a schema that accepts the same values, in another form.
func (w *described) wrapped(s map[string]any) map[string]any {
	switch rapid.IntRange(0, 4).Draw(w.T, "form") {
	case 0:
		return map[string]any{"allOf": []any{s}}
	case 1:
		return map[string]any{"anyOf": []any{s, map[string]any{"type": "object", "properties": map[string]any{"other": map[string]any{}}}}}
	case 2:
		name := fmt.Sprint("d", len(w.defs))
		w.defs[name] = s
		return map[string]any{"$ref": "#/$defs/" + name}
	default:
		return s
	}
}

// What Describe costs has a bound, also for a path with very many readings.
func TestDescribe_IsBounded(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, `{"properties":{"a":{"$ref":"#"},"a.a":{"$ref":"#"}}}`)
	assert.True(t, s.Describe(strings.Repeat("a.", 1<<16)+"b").Known)
	assert.False(t, s.Describe(strings.Repeat("a.", maxSegments-1)+"b").Known)
	assert.True(t, mustSchema(t, doubling(10)).Describe("a").Known)
}
