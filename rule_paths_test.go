package automation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/schema"
)

func lineOf(paths []PathInfo) string {
	var lines []string
	for _, p := range paths {
		lines = append(lines, strings.TrimSpace(p.Path+" "+string(p.Type)))
	}
	return strings.Join(lines, ", ")
}

func TestPaths_OfDefinitions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ schema, want string }{
		{``, ""},
		{`null`, ""},
		{`{`, ""},
		{`{"plan":"strnig"}`, ""},
		{`{"plan":"string","seats":"number","vip":"boolean","at":"date"}`, "event.at date, event.plan string, event.seats number, event.vip boolean"},
		{`{"":"string",".a":"string","a.":"string","a..b":"string","a.b":"string"}`, "event.a.b string"},
		{`{"properties":{"user":{"properties":{"name":{"type":["string","null"]},"tags":{"type":"array","items":{"type":"string"}}}},"any":true}}`,
			"event.any, event.user.name string, event.user.tags"},
		{`{"properties":{"a.b":{"type":"string"},"a":{"properties":{"b":{"type":"number"}}}}}`, "event.a.b"},
		{`{"properties":{"a.b":{"type":"string"},"a":{"properties":{"b":{"properties":{"c":true}}}}}}`, "event.a.b, event.a.b.c"},
		{`{"properties":{"plan":{"type":"string"}},"additionalProperties":{"type":"number"}}`, "event.plan string"},
		{`{"oneOf":[{"properties":{"card":{"type":"string"}}},{"properties":{"iban":{"type":"string"}}}]}`, "event.card, event.iban"},
		{`{"$defs":{"node":{"properties":{"name":{"type":"string"},"next":{"$ref":"#/$defs/node"}}}},"$ref":"#/$defs/node"}`,
			"event.name string, event.next"},
		{`{"$defs":{"place":{"properties":{"city":{"type":"string"}}}},"properties":{"from":{"$ref":"#/$defs/place"},"to":{"$ref":"#/$defs/place"}}}`,
			"event.from.city string, event.to.city string"},
	} {
		d := EventDefinition{Name: "e", Schema: json.RawMessage(tt.schema)}
		assert.Equal(t, tt.want, lineOf(d.Paths()), tt.schema)
	}
}

// Rules accept each path, and validation has nothing against it.
func TestPaths_AreAccepted(t *testing.T) {
	t.Parallel()
	text := `{"properties":{"a":{"type":"string"},"b":{"properties":{"c":{"type":"number"},"d.e":{"format":"date","type":"string"}}},"f":{"anyOf":[{"properties":{"g":true}},{"type":"null"}]}},"additionalProperties":false}`
	s, violations := schema.Compile(json.RawMessage(text))
	require.Empty(t, violations)
	paths := EventDefinition{Schema: json.RawMessage(text)}.Paths()
	assert.Equal(t, "event.a string, event.b.c number, event.b.d.e date, event.f.g", lineOf(paths))
	for _, p := range append(paths, ContactPaths(nil)...) {
		compiled, err := compilePath(p.Path, nil)
		require.NoError(t, err)
		if compiled.scope == scopeEvent {
			described := s.Describe(compiled.keys)
			described.DateOnly = false
			assert.Equal(t, schema.Description{Known: true, Type: string(p.Type)}, described, p.Path)
		}
	}
}

func TestPaths_OfAHugeSchemaAreBounded(t *testing.T) {
	t.Parallel()
	defs := make([]string, 20)
	for i := range defs {
		defs[i] = fmt.Sprintf(`"d%d":{"properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"},"c":{"type":"string"}}}`, i, i+1, i+1)
	}
	text := `{"$defs":{` + strings.Join(defs, ",") + `,"d20":{}},"$ref":"#/$defs/d0"}`
	paths := EventDefinition{Schema: json.RawMessage(text)}.Paths()
	assert.Len(t, paths, 1000)
}

func TestPaths_OfContacts(t *testing.T) {
	t.Parallel()
	paths := ContactPaths([]ContactProperty{
		{Key: "seats", Type: PropertyNumber}, {Key: "plan", Type: PropertyString}, {Key: "not..a.path", Type: PropertyString},
	})
	assert.Equal(t, "contact.created_at date, contact.email string, contact.first_name string, contact.id string, "+
		"contact.last_name string, contact.segments, contact.unsubscribed boolean, contact.properties.plan string, contact.properties.seats number", lineOf(paths))
}
