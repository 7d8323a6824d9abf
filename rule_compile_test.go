package automation

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCompileRule_ReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := CompileRule(All(
		Field("plan").Eq("pro"),
		Any(Field("event.seats").Gt("many"), Rule{Field: "event.x", Operator: "near"}),
		Field("wait_events.order.paid.amount").Exists(),
	), RuleOptions{})
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "rule", invalid.Subject)
	found := map[string]Code{}
	for _, p := range invalid.Problems {
		assert.Equal(t, SeverityError, p.Severity)
		found[p.Path] = p.Code
	}
	assert.Equal(t, map[string]Code{
		"rules[0].field":             CodeInvalidReference,
		"rules[1].rules[0].value":    CodeInvalidRule,
		"rules[1].rules[1].operator": CodeInvalidRule,
		"rules[2].field":             CodeWaitNeverBefore,
	}, found)
}

func TestCompileRule_RefusesEmptyRules(t *testing.T) {
	t.Parallel()
	for _, rule := range []Rule{{}, All(), Any(Field("event.x").Exists(), All())} {
		compiled, err := CompileRule(rule, RuleOptions{})
		var invalid *ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Nil(t, compiled)
	}
}

func TestCompileRule_EnforcesTheLimits(t *testing.T) {
	t.Parallel()
	rule := All(All(Field("event.x").Exists()))
	for _, limits := range []Limits{{RuleDepth: 1}, {Rules: 2}} {
		_, err := CompileRule(rule, RuleOptions{Limits: limits})
		var invalid *ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, CodeLimit, invalid.Problems[0].Code)
	}
	_, err := CompileRule(rule, RuleOptions{Limits: Limits{RuleDepth: 2, Rules: 3}})
	assert.NoError(t, err)
}

func TestCompileRule_AllowsThePayloadsOfWaitEvents(t *testing.T) {
	t.Parallel()
	rule, err := CompileRule(Field("wait_events.order.paid.amount").Gte(10), RuleOptions{WaitEvents: []string{"order.paid"}})
	require.NoError(t, err)
	held, err := rule.Holds(Data{WaitEvents: map[string]map[string]any{"order.paid": {"amount": 10}}})
	require.NoError(t, err)
	assert.True(t, held)
	_, err = rule.Holds(Data{})
	assert.Equal(t, &ConditionError{
		Field: "wait_events.order.paid.amount", Operator: OpGte, FieldType: "absent", ValueType: "number",
	}, err)
}

func TestCompileRule_AllowsTheOutputsOfSteps(t *testing.T) {
	t.Parallel()
	rule, err := CompileRule(Field("steps.ask.score").Gte(10), RuleOptions{StepKeys: []string{"ask"}})
	require.NoError(t, err)
	held, err := rule.Holds(Data{Steps: map[string]map[string]any{"ask": {"score": 10}}})
	require.NoError(t, err)
	assert.True(t, held)
	_, err = rule.Holds(Data{})
	assert.Equal(t, &ConditionError{Field: "steps.ask.score", Operator: OpGte, FieldType: "absent", ValueType: "number"}, err)
	_, err = CompileRule(Field("steps.ask.score").Gte(10), RuleOptions{})
	assert.ErrorContains(t, err, `there is no step "ask"`)
}

func TestCompileRule_SharesNothingWithTheRule(t *testing.T) {
	t.Parallel()
	rule := All(Field("event.plan").Eq("pro"))
	compiled, err := CompileRule(rule, RuleOptions{})
	require.NoError(t, err)
	rule.Rules[0] = Field("event.plan").Eq("free")
	held, err := compiled.Holds(Data{Event: map[string]any{"plan": "pro"}})
	require.NoError(t, err)
	assert.True(t, held)
}

func TestCompileRule_RefusesWhatValidationRefuses(t *testing.T) {
	t.Parallel()
	for want, rule := range map[string]Rule{
		`operator "near" is unknown`: Any(Rule{Field: "event.x", Operator: "near"}),
		`rule type "xor" is unknown`: {Type: "xor"},
		`type "or" has no rules`:     All(Field("event.x").Exists(), Any()),
		`path "plan" names no field`: Field("plan").Exists(),
	} {
		_, err := compileRule(rule, nil)
		assert.ErrorContains(t, err, want)
	}
}

func BenchmarkCompileRuleFourLeaves(b *testing.B) {
	rule := fourLeaves()
	b.ReportAllocs()
	for b.Loop() {
		if problems := ruleProblems(rule, Limits{}, nil); problems != nil {
			b.Fatal(problems)
		}
		if _, err := compileRule(rule, nil); err != nil {
			b.Fatal(err)
		}
	}
}

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

// A record that does not fit its rule is damaged. Callers must still be able to read the
// other steps of the run.
func TestConditionOutput_OfTooFewOutcomes(t *testing.T) {
	t.Parallel()
	rule := mustCompileRule(t, fourLeaves())
	for _, out := range []ruleOutcomes{nil, {ruleHeld}, make(ruleOutcomes, 9)} {
		assert.True(t, json.Valid(conditionOutput(true, rule, out)))
	}
}
