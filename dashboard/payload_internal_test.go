package dashboard

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPayloadFields_AreTheFieldsWithSimpleTypes(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string][]payloadField{
		``:                            nil,
		`null`:                        nil,
		`{`:                           nil,
		`{"b":"date","a.b":"string"}`: {{"a.b", "string"}, {"b", "date"}},
		`{"type":"object","properties":{"n":{"type":"integer"},"o":{"type":"object"},"s":{"type":["string","null"]},"x":{}}}`: {{"n", "number"}, {"s", "string"}},
		`{"type":"object","patternProperties":{"^x":{}}}`:                                                                     nil,
	} {
		assert.Equal(t, want, payloadFields(json.RawMessage(schema)), schema)
	}
}

func TestPayload_IsTheSameAfterItWasSplitAndComposed(t *testing.T) {
	t.Parallel()
	fields := []payloadField{{"plan", "string"}, {"seats", "number"}, {"trial", "boolean"}}
	for _, payload := range []string{
		`{"plan":"pro","seats":9007199254740993,"trial":false,"teams":[{"a":1}]}`,
		`{"plan":7,"seats":"many","trial":"yes"}`,
		`{"plan":"","seats":null,"trial":{}}`,
		`{"plan":"7","seats":1e3,"more":"<&>"}`,
		`{}`,
	} {
		inputs, rest := splitPayload(json.RawMessage(payload), fields)
		composed := composePayload(rest, kindsOf(fields), inputs)
		if len(composed) == 0 {
			composed = json.RawMessage(`{}`)
		}
		assert.JSONEq(t, payload, string(composed))
	}
}

func TestPayload_StaysAsItWasWrittenIfItIsNoObject(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{`, `[1]`, `{"a":1,"a":2}`} {
		inputs, rest := splitPayload(json.RawMessage(text), []payloadField{{"a", "number"}})
		assert.Empty(t, inputs)
		assert.Equal(t, text, rest)
		assert.Equal(t, text, string(composePayload(text, nil, map[string]string{"b": "1"})))
	}
	assert.Equal(t, `{"a" : 1}`, string(composePayload(`{"a" : 1}`, nil, map[string]string{"b": ""})))
}

func FuzzFieldValue(f *testing.F) {
	for _, text := range []string{"1", " 1 ", "1e999", "true", "null", `"x"`, "[", "-0", "0x1"} {
		f.Add("number", text)
	}
	f.Fuzz(func(t *testing.T, kind, text string) {
		_, err := json.Marshal(fieldValue(kind, text))
		require.NoError(t, err)
	})
}
