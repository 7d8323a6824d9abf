package automation

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// line returns a description in one line.
func (c ConfigType) line() string {
	switch {
	case c.Element != nil:
		return string(c.Kind) + " of " + c.Element.line()
	case c.Kind != ConfigObject:
		return string(c.Kind)
	}
	var fields []string
	for _, f := range c.Fields {
		mark := "?"
		if f.Required {
			mark = ""
		}
		fields = append(fields, f.Name+mark+" "+f.line())
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

type (
	treeNode struct {
		Name     string               `json:"name"`
		Children []treeNode           `json:"children,omitempty"`
		Parent   *treeNode            `json:"parent"`
		ByName   map[string]*treeNode `json:"by_name,omitzero"`
	}
	listOfItself    []listOfItself
	pointerToItself *pointerToItself
	mapOfItself     map[string]mapOfItself
	pointing        struct{ *embedded }
	quoted          struct {
		N int `json:"n,string"`
	}
	wide0 struct{ A, B, C, D, E, F, G, H, I, J wide1 }
	wide1 struct{ A, B, C, D, E, F, G, H, I, J wide2 }
	wide2 struct{ A, B, C, D, E, F, G, H, I, J wide3 }
	wide3 struct{ A, B, C, D, E, F, G, H, I, J string }
)

// clash has two fields of one name.
var clash = reflect.StructOf([]reflect.StructField{
	{Name: "A", Type: reflect.TypeFor[string](), Tag: `json:"x"`},
	{Name: "B", Type: reflect.TypeFor[string](), Tag: `json:"x"`},
})

func TestDescribe_OfTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value any
		want  string
	}{
		{slack{}, "{channel string, text? value, fields? map of value, blocks? list of {text? value, image? value}, extra? json}"},
		{struct {
			A netip.Addr    `json:"a"`
			B time.Duration `json:"b,omitempty"`
			C RetryPolicy   `json:"c,omitzero"`
			D Condition
			E json.RawMessage `json:"e"`
			F map[int]string  `json:"f"`
			G [3]int          `json:"g"`
			H *Duration       `json:"h"`
			I uint8           `json:"i"`
			J string          `json:"-"`
		}{}, "{a string, b? integer, c? {max_attempts? integer, initial? duration, max? duration, for? duration, jitter? number}, " +
			"D rule, e json, f json, g json, h? duration, i integer}"},
		{treeNode{}, "{name string, children? list of json, parent? json, by_name? map of json}"},
		{listOfItself{}, "list of json"},
		{mapOfItself{}, "map of json"},
		{pointerToItself(nil), "json"},
		{reflect.Zero(clash).Interface(), "json"},
		{pointing{}, "json"},
		{quoted{}, "json"},
		{struct{ C chan int }{}, "{C json}"},
		{struct{ F func() }{}, "{F json}"},
		{everyShape{}, "{text string, named string, yes boolean, small integer, count integer, ratio number, exact number, list list of string, " +
			"bytes json, map map of integer, pointer? integer, any json, at time, pause duration, value value, rule rule, " +
			"parts list of json, by_name map of value, Untagged string, inner string}"},
	} {
		assert.Equal(t, tt.want, describeConfig(reflect.TypeOf(tt.value)).line(), "%T", tt.value)
	}
}

func TestDescribe_OfVeryManyFieldsIsBounded(t *testing.T) {
	t.Parallel()
	text := describeConfig(reflect.TypeFor[wide0]()).line()
	assert.Contains(t, text, "A {A {A {A string, ")
	assert.Contains(t, text, "J json")
	assert.LessOrEqual(t, strings.Count(text, ","), maxConfigFields)
}

func TestDescribe_OfRegistries(t *testing.T) {
	t.Parallel()
	assert.Empty(t, (*Registry)(nil).Describe())
	infos := slackRegistry().Describe()
	require.Len(t, infos, 1)
	text, err := json.Marshal(infos[0])
	require.NoError(t, err)
	assert.Contains(t, string(text), `{"type":"acme.slack","built_in":false,"branches":["default","answered"],"config":{"kind":"object","fields":[`+
		`{"name":"channel","required":true,"kind":"string"},`)
	infos[0].Branches[1] = "changed"
	assert.Equal(t, ConnectionType("answered"), slackRegistry().Describe()[0].Branches[1])
}

// oddType generates any Go type, also one that JSON does not have.
func oddType(depth int) *rapid.Generator[reflect.Type] {
	leaves := rapid.SampledFrom([]reflect.Type{
		reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[int8](), reflect.TypeFor[uint](), reflect.TypeFor[float32](),
		reflect.TypeFor[Duration](), reflect.TypeFor[Value](), reflect.TypeFor[Rule](), reflect.TypeFor[time.Time](), reflect.TypeFor[json.Number](),
		reflect.TypeFor[RetryPolicy](), reflect.TypeFor[treeNode](), reflect.TypeFor[listOfItself](), reflect.TypeFor[any](), reflect.TypeFor[fmt.Stringer](),
		reflect.TypeFor[json.RawMessage](), reflect.TypeFor[[]byte](), reflect.TypeFor[chan int](), reflect.TypeFor[func()](), reflect.TypeFor[complex64](),
		reflect.TypeFor[uintptr](), reflect.TypeFor[map[int]string](), reflect.TypeFor[[2]string](), clash, reflect.TypeFor[quoted](),
	})
	if depth == 0 {
		return leaves
	}
	return rapid.Custom(func(t *rapid.T) reflect.Type {
		part := oddType(depth - 1)
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			return reflect.SliceOf(part.Draw(t, "element"))
		case 1:
			return reflect.PointerTo(part.Draw(t, "target"))
		case 2:
			return reflect.MapOf(reflect.TypeFor[string](), part.Draw(t, "value"))
		case 3:
			return leaves.Draw(t, "leaf")
		default:
			return reflect.StructOf(oddFields(t, part))
		}
	})
}

func oddFields(t *rapid.T, part *rapid.Generator[reflect.Type]) []reflect.StructField {
	var fields []reflect.StructField
	for i := range rapid.IntRange(0, 4).Draw(t, "fields") {
		name := rapid.SampledFrom([]string{"", "a", "-", "a b", "é"}).Draw(t, "name")
		if name != "" {
			name += fmt.Sprint(i)
		}
		options := rapid.SampledFrom([]string{"", "", ",omitempty", ",omitzero", ",string"}).Draw(t, "options")
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("F%d", i), Type: part.Draw(t, "type"), Tag: reflect.StructTag(fmt.Sprintf(`json:"%s%s"`, name, options)),
		})
	}
	return fields
}

// sample returns a value of the kind.
func (c ConfigType) sample() any {
	switch c.Kind {
	case ConfigString:
		return "x"
	case ConfigNumber, ConfigInteger, ConfigValue:
		return 1
	case ConfigBoolean:
		return true
	case ConfigDuration:
		return "3 days"
	case ConfigTime:
		return "2026-01-31T09:30:00Z"
	case ConfigRule:
		return Field("event.plan").Eq("pro")
	case ConfigList:
		return append([]any{}, c.Element.samples()...)
	case ConfigMap:
		object := map[string]any{}
		for i, value := range c.Element.samples() {
			object[fmt.Sprint("key ", i)] = value
		}
		return object
	case ConfigObject:
		object := map[string]any{}
		for _, f := range c.Fields {
			object[f.Name] = f.sample()
		}
		return object
	default:
		return nil
	}
}

// samples returns two samples of an element. Of any JSON there are none: if the element is
// a struct inside itself, it cannot be null.
func (c ConfigType) samples() []any {
	if c.Kind == ConfigJSON {
		return nil
	}
	return []any{c.sample(), c.sample()}
}

// A description exists for every type. If configs of the type can be registered, a document
// made by the description is read without problems, and the description has exactly the
// fields that are encoded.
func TestDescribe_AgreesWithDecodingAndEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		goType := reflect.StructOf(oddFields(t, oddType(3)))
		description := describeConfig(goType)
		_, err := json.Marshal(description)
		require.NoError(t, err)
		s, err := shapes{}.of(goType)
		if err != nil {
			return
		}
		text, err := json.Marshal(description.sample())
		require.NoError(t, err)
		v := reflect.New(goType)
		require.Empty(t, (&reader{}).document(text, s, v.Elem()), "%s for %s", text, goType)

		var encoded map[string]any
		zero, err := json.Marshal(reflect.Zero(goType).Interface())
		if err != nil || json.Unmarshal(zero, &encoded) != nil {
			return // a zero Rule or Value has no JSON
		}
		assert.Subset(t, description.names(func(ConfigField) bool { return true }), slices.Collect(maps.Keys(encoded)))
		assert.Subset(t, slices.Collect(maps.Keys(encoded)), description.names(func(f ConfigField) bool { return f.Required }))
	})
}

func (c ConfigType) names(keep func(ConfigField) bool) []string {
	names := []string{}
	for _, f := range c.Fields {
		if keep(f) {
			names = append(names, f.Name)
		}
	}
	return names
}
