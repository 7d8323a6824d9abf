package automation

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestField_BuildsRules(t *testing.T) {
	t.Parallel()
	f := Field("event.plan")
	for want, rule := range map[string]Rule{
		`{"type":"rule","field":"event.plan","operator":"eq","value":"pro"}`:                f.Eq("pro"),
		`{"type":"rule","field":"event.plan","operator":"eq","value":null}`:                 f.Eq(nil),
		`{"type":"rule","field":"event.plan","operator":"neq","value":true}`:                f.Neq(true),
		`{"type":"rule","field":"event.plan","operator":"gt","value":5}`:                    f.Gt(5),
		`{"type":"rule","field":"event.plan","operator":"gte","value":0.5}`:                 f.Gte(0.5),
		`{"type":"rule","field":"event.plan","operator":"lt","value":"2026-01-31"}`:         f.Lt("2026-01-31"),
		`{"type":"rule","field":"event.plan","operator":"lte","value":1.0}`:                 f.Lte(json.Number("1.0")),
		`{"type":"rule","field":"event.plan","operator":"contains","value":"x"}`:            f.Contains(String("x")),
		`{"type":"rule","field":"event.plan","operator":"starts_with","value":"a"}`:         f.StartsWith("a"),
		`{"type":"rule","field":"event.plan","operator":"ends_with","value":"z"}`:           f.EndsWith("z"),
		`{"type":"rule","field":"event.plan","operator":"exists"}`:                          f.Exists(),
		`{"type":"rule","field":"event.plan","operator":"is_empty"}`:                        f.IsEmpty(),
		`{"type":"and","rules":[{"type":"rule","field":"event.plan","operator":"exists"}]}`: All(f.Exists()),
		`{"type":"or","rules":[{"type":"and","rules":[]}]}`:                                 Any(All()),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			data, err := json.Marshal(rule)
			require.NoError(t, err)
			assert.Equal(t, want, string(data))
			var back Rule
			require.NoError(t, json.Unmarshal(data, &back))
			assert.Equal(t, rule, back)
		})
	}
}

func TestAll_KeepsNoHoldOfItsArguments(t *testing.T) {
	t.Parallel()
	rules := []Rule{Field("event.a").Exists(), Field("event.b").Exists()}
	all, anyOf := All(rules...), Any(rules...)
	rules[0] = Rule{}
	assert.Equal(t, "event.a", all.Rules[0].Field)
	assert.Equal(t, "event.a", anyOf.Rules[0].Field)
}

func TestRule_JSONRoundTripIsExact(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"field":"event.plan","operator":"eq","value":null}`,
		`{"field":"event.plan","operator":"eq","value":"pro"}`,
		`{"type":"rule","field":"event.n","operator":"gt","value":9007199254740993}`,
		`{"type":"rule","field":"event.n","operator":"gt","value":1.50}`,
		`{"field":"event.plan","operator":"exists"}`,
		`{"field":"event.plan","operator":"exists","value":null}`,
		`{"field":"event.plan","operator":"eq","value":{"var":"event.other"}}`,
		`{"type":"and","rules":[]}`,
		`{"type":"or","rules":[{"field":"a","operator":"eq","value":""},{"type":"and","rules":[]}]}`,
		`{"type":"xor","operator":"near"}`,
		`{}`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var r Rule
			require.NoError(t, json.Unmarshal([]byte(text), &r))
			data, err := json.Marshal(r)
			require.NoError(t, err)
			assert.Equal(t, text, string(data))
			assert.Equal(t, text == `{}`, r.IsZero())
		})
	}
}
