package automation

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAppendOutcomes_ListsEveryComparison(t *testing.T) {
	t.Parallel()
	rule := mustCompileRule(t, All(
		Field("event.plan").Eq(`p"r<o`),
		Any(Field("event.yes").Eq(true), Field("event.seats").Gt(json.Number("1.0"))),
		Field("event.none").Exists(),
	))
	out := rule.makeOutcomes(nil)
	_, err := rule.eval(ruleData(t), out)
	require.NoError(t, err)
	assert.Equal(t, `{"rules":[{"field":"event.plan","operator":"eq","value":"p\"r<o","result":false},`+
		`{"field":"event.yes","operator":"eq","value":true,"result":null},`+
		`{"field":"event.seats","operator":"gt","value":1.0,"result":null},`+
		`{"field":"event.none","operator":"exists","result":null}]`,
		string(rule.appendOutcomes([]byte(`{"rules":`), out)))

	out = ruleOutcomes{ruleHeld, ruleDidNotHold, ruleHeld, ruleHeld}
	assert.True(t, json.Valid(rule.appendOutcomes(nil, out)))
}

func TestMakeOutcomes_UsesTheBufferIfItIsLargeEnough(t *testing.T) {
	t.Parallel()
	rule := mustCompileRule(t, fourLeaves())
	for _, size := range []int{0, 3, 4, 16} {
		buffer := make(ruleOutcomes, size)
		out := rule.makeOutcomes(buffer)
		assert.Equal(t, make(ruleOutcomes, 4), out)
		out[0] = ruleHeld
		assert.Equal(t, size >= 4, size > 0 && buffer[0] == ruleHeld)
	}
}

func TestConditionOutput_IsWrittenInOnePiece(t *testing.T) {
	rule := mustCompileRule(t, All(Field("event.yes").Eq(false), Field("event.city").Neq("Zürich"), Field("event.none").Exists()))
	for met, out := range map[bool]ruleOutcomes{
		false: {ruleDidNotHold, ruleDidNotHold, ruleDidNotHold},
		true:  {ruleHeld, ruleHeld, ruleNotEvaluated},
	} {
		assert.True(t, json.Valid(conditionOutput(met, rule, out)))
		assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() { _ = conditionOutput(met, rule, out) }))
	}
}

func TestOutcomes_AreReadAsTheyWereRecorded(t *testing.T) {
	t.Parallel()
	for _, met := range []bool{true, false} {
		want := ruleOutcomes{ruleHeld, ruleNotEvaluated, ruleDidNotHold}
		got, out, ok := readOutcomes(recordOutcomes(met, want))
		assert.True(t, ok)
		assert.Equal(t, met, got)
		assert.Equal(t, want, out)
	}
	for _, other := range []string{"", `{"branch":"condition_met"}`, "\x07\x01"} {
		_, _, ok := readOutcomes([]byte(other))
		assert.False(t, ok, "%q", other)
	}
}

// A record that does not fit its rule is damaged, and must not stop the others.
func TestConditionOutput_OfTooFewOutcomes(t *testing.T) {
	t.Parallel()
	rule := mustCompileRule(t, fourLeaves())
	for _, out := range []ruleOutcomes{nil, {ruleHeld}, make(ruleOutcomes, 9)} {
		assert.True(t, json.Valid(conditionOutput(true, rule, out)))
	}
}
