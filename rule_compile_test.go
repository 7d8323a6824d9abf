package automation

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCompileRule_ReportsEverythingThatIsWrong(t *testing.T) {
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

func TestCompileRule_RefusesNoRule(t *testing.T) {
	t.Parallel()
	for _, rule := range []Rule{{}, All(), Any(Field("event.x").Exists(), All())} {
		compiled, err := CompileRule(rule, RuleOptions{})
		var invalid *ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Nil(t, compiled)
	}
}

func TestCompileRule_KeepsToTheLimits(t *testing.T) {
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

func TestCompileRule_ReadsTheEventsItIsToldOf(t *testing.T) {
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

func TestCompileRule_KeepsNothingOfTheRuleItWasGiven(t *testing.T) {
	t.Parallel()
	rule := All(Field("event.plan").Eq("pro"))
	compiled, err := CompileRule(rule, RuleOptions{})
	require.NoError(t, err)
	rule.Rules[0] = Field("event.plan").Eq("free")
	held, err := compiled.Holds(Data{Event: map[string]any{"plan": "pro"}})
	require.NoError(t, err)
	assert.True(t, held)
}

func TestCompileStoredRule_RefusesWhatNoValidRuleContains(t *testing.T) {
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
