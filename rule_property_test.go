package automation

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawRule draws a valid rule. Many of its comparisons fail on ruleData.
func drawRule(t *rapid.T, depth int) Rule {
	if depth == 0 || rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
		return drawComparison(t)
	}
	if rapid.IntRange(0, 3).Draw(t, "not") == 0 {
		return Not(drawRule(t, depth-1))
	}
	members := make([]Rule, rapid.IntRange(1, 3).Draw(t, "members"))
	for i := range members {
		members[i] = drawRule(t, depth-1)
	}
	if rapid.Bool().Draw(t, "and") {
		return All(members...)
	}
	return Any(members...)
}

// drawPath draws a path into ruleData.
func drawPath(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		"event.plan", "event.seats", "event.yes", "event.none", "event.tags", "event.day", "event.missing",
		"contact.email", "contact.last_name", "contact.properties.seats", "wait_events.order.paid.amount",
		"trigger.plan", "trigger.missing", "steps.email.to", "steps.ask.x", "run.id", "run.started_at",
	}).Draw(t, "path")
}

// drawBinary draws an operator that compares with one value.
func drawBinary(t *rapid.T) Operator {
	return rapid.SampledFrom([]Operator{
		OpEq, OpNeq, OpGt, OpGte, OpLt, OpLte, OpContains, OpNotContains, OpStartsWith, OpEndsWith,
	}).Draw(t, "operator")
}

// A reference compares like the literal that it leads to, if there is such a literal and the
// operator takes it, and fails otherwise.
func TestRule_AReferenceComparesLikeItsLiteral(t *testing.T) {
	t.Parallel()
	d := ruleData(t)
	rapid.Check(t, func(t *rapid.T) {
		rule := Rule{Field: drawPath(t), Operator: drawBinary(t), Value: Var(drawPath(t))}
		held, err := mustCompileRule(t, rule).Holds(*d)
		literal := rule
		v, ok := rule.Value.resolve(d)
		ref, _ := rule.Value.Ref()
		literal.Value = ValueOf(v)
		if !ok && !strings.HasPrefix(ref, "contact.") || len(ruleProblems(literal, Limits{}, pathWaits)) > 0 {
			assert.Error(t, err)
			return
		}
		want, wantErr := mustCompileRule(t, literal).Holds(*d)
		assert.Equal(t, want, held)
		assert.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
	})
}

// A time compares like the date-time that it is at Data.Now.
func TestRule_ATimeComparesLikeItsDate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := ruleData(t)
		d.Now = now.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "now")))
		f := Field(drawPath(t))
		op := rapid.SampledFrom([]Operator{OpGt, OpGte, OpLt, OpLte}).Draw(t, "operator")
		offset := time.Duration(rapid.IntRange(-48, 48).Draw(t, "hours")) * time.Hour
		held, err := mustCompileRule(t, f.rule(op, Now(offset.String()))).Holds(*d)
		want, wantErr := mustCompileRule(t, f.rule(op, String(d.Now.Add(offset).Format(time.RFC3339Nano)))).Holds(*d)
		assert.Equal(t, want, held)
		assert.Equal(t, wantErr, err)
	})
}

func drawComparison(t *rapid.T) Rule {
	f := Field(drawPath(t))
	if rapid.IntRange(0, 3).Draw(t, "reference") == 0 {
		return Rule{Type: RuleCompare, Field: f.path, Operator: drawBinary(t), Value: Var(drawPath(t))}
	}
	return rapid.SampledFrom([]Rule{
		f.Eq("pro"), f.Eq(5), f.Eq(nil), f.Neq(true), f.Neq("pro"), f.Gt(4), f.Lte(5), f.Gte("2026-01-31"), f.Lt("2026-02-01"),
		f.Contains("a"), f.Contains(5), f.StartsWith("p"), f.EndsWith("m"), f.Exists(), f.IsEmpty(),
		f.NotContains("a"), f.NotContains(5), f.IsNotEmpty(), f.In("pro"), f.In(4, 5, nil, "free"),
		f.Gt(Now("-1 day")), f.Lte(Now("36h")),
	}).Draw(t, "comparison")
}

// naiveEval evaluates all comparisons, and then applies the definition of groups: the
// result is that of the first member that decides or fails.
func naiveEval(t require.TestingT, r Rule, d *Data) (bool, error) {
	if len(r.Rules) == 0 {
		return mustCompileRule(t, r).Holds(*d)
	}
	type result struct {
		held bool
		err  error
	}
	var results []result
	for _, member := range r.Rules {
		held, err := naiveEval(t, member, d)
		results = append(results, result{held, err})
	}
	if r.Type == RuleNot {
		return results[0].err == nil && !results[0].held, results[0].err
	}
	for _, res := range results {
		if res.err != nil || res.held == (r.Type == RuleAny) {
			return res.held, res.err
		}
	}
	return r.Type == RuleAll, nil
}

func TestRule_AgreesWithTheNaiveEvaluator(t *testing.T) {
	t.Parallel()
	d := ruleData(t)
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t, 4)
		compiled := mustCompileRule(t, rule)
		held, err := compiled.eval(d, compiled.makeOutcomes(nil))
		wantHeld, wantErr := naiveEval(t, rule, d)
		assert.Equal(t, wantHeld, held)
		assert.Equal(t, wantErr, err)
		silent, err := compiled.eval(d, nil)
		assert.Equal(t, held, silent, "recording changes nothing")
		assert.Equal(t, wantErr, err)
	})
}

func TestRule_NotIsTheOppositeAndKeepsErrors(t *testing.T) {
	t.Parallel()
	d := ruleData(t)
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t, 3)
		held, err := mustCompileRule(t, rule).Holds(*d)
		opposite, errToo := mustCompileRule(t, Not(rule)).Holds(*d)
		again, errAgain := mustCompileRule(t, Not(Not(rule))).Holds(*d)
		require.Equal(t, err, errToo, "an error within stays the same error")
		require.Equal(t, err, errAgain)
		assert.Equal(t, err == nil && !held, opposite)
		assert.Equal(t, held, again)
	})
}

// drawScalar draws a value of a comparison. Several are numbers in different forms.
func drawScalar(t *rapid.T, label string) any {
	return rapid.SampledFrom([]any{
		"pro", "", "5", true, false, nil, 5, json.Number("5.0"), json.Number("5e0"), json.Number("0.05e2"), 4,
		9007199254740993, json.Number("9007199254740993.0"), 9007199254740992,
	}).Draw(t, label)
}

// In is the same as a group of type or with a comparison for each value, apart from the type
// in the error.
func TestRule_InIsAnyOfEqualities(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := Field(rapid.SampledFrom([]string{"event.x", "event.missing", "contact.properties.x", "contact.last_name"}).Draw(t, "field"))
		x := rapid.OneOf(rapid.Custom(func(t *rapid.T) any { return drawScalar(t, "x") }), rapid.SampledFrom([]any{[]any{5}, map[string]any{}})).Draw(t, "data")
		d := Data{Event: map[string]any{"x": x}, Contact: &Contact{Properties: map[string]any{"x": x}}}
		var values []any
		var each []Rule
		for i := range rapid.IntRange(1, 5).Draw(t, "values") {
			values = append(values, drawScalar(t, fmt.Sprint("value ", i)))
			each = append(each, f.Eq(values[i]))
		}
		held, err := mustCompileRule(t, f.In(values...)).Holds(d)
		want, wantErr := mustCompileRule(t, Any(each...)).Holds(d)
		assert.Equal(t, want, held)
		assert.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
	})
}

// opposites are the operators that are the negation of another one.
var opposites = map[Operator]Operator{OpEq: OpNeq, OpContains: OpNotContains, OpIsEmpty: OpIsNotEmpty}

func TestRule_AnOperatorAndItsOppositeNeverAgree(t *testing.T) {
	t.Parallel()
	d := ruleData(t)
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.Custom(drawComparison).Filter(func(r Rule) bool { return opposites[r.Operator] != "" }).Draw(t, "rule")
		negated := rule
		negated.Operator = opposites[rule.Operator]
		held, err := mustCompileRule(t, rule).Holds(*d)
		heldToo, errToo := mustCompileRule(t, negated).Holds(*d)
		require.Equal(t, err == nil, errToo == nil, "both fail for the same fields")
		if err == nil {
			assert.NotEqual(t, held, heldToo)
		}
	})
}

// negatedRule returns the opposite of a rule made of eq, neq and groups.
func negatedRule(r Rule) Rule {
	members := make([]Rule, len(r.Rules))
	for i, member := range r.Rules {
		members[i] = negatedRule(member)
	}
	switch {
	case r.Type == RuleAll:
		return Any(members...)
	case r.Type == RuleAny:
		return All(members...)
	case r.Operator == OpEq:
		r.Operator = OpNeq
	default:
		r.Operator = OpEq
	}
	return r
}

func TestRule_ObeysDeMorgan(t *testing.T) {
	t.Parallel()
	d := ruleData(t)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(t *rapid.T) Rule {
			f := Field(rapid.SampledFrom([]string{"event.plan", "event.seats", "event.none", "contact.last_name"}).Draw(t, "field"))
			return rapid.SampledFrom([]Rule{f.Eq("pro"), f.Eq(5), f.Eq(nil), f.Neq("pro"), f.Neq(nil)}).Draw(t, "comparison")
		}
		groups := rapid.SliceOfN(rapid.Map(rapid.SliceOfN(rapid.Custom(draw), 1, 3), func(rules []Rule) Rule { return Any(rules...) }), 1, 3)
		rule := All(groups.Draw(t, "groups")...)
		held, err := mustCompileRule(t, rule).eval(d, nil)
		require.NoError(t, err)
		opposite, err := mustCompileRule(t, negatedRule(rule)).eval(d, nil)
		require.NoError(t, err)
		assert.NotEqual(t, held, opposite)
		not, err := mustCompileRule(t, Not(rule)).eval(d, nil)
		require.NoError(t, err)
		assert.Equal(t, opposite, not)
	})
}

func FuzzRuleJSON(f *testing.F) {
	for _, seed := range []string{
		`{"field":"event.plan","operator":"eq","value":"pro"}`,
		`{"type":"and","rules":[{"field":"event.seats","operator":"gt","value":1e999999999},{"field":"event.tags","operator":"contains","value":5}]}`,
		`{"type":"or","rules":[{"field":"event.day","operator":"lt","value":"2026-02-01"},{"field":"contact.last_name","operator":"is_empty"}]}`,
		`{"field":"wait_events.order.paid.amount","operator":"exists","value":null}`,
		`{"type":"not","rules":[{"type":"or","rules":[{"field":"event.tags","operator":"eq","value":5},{"field":"event.yes","operator":"eq","value":true}]}]}`,
		`{"field":"event.seats","operator":"in","values":["5",5.0,null,true]}`, `{"field":"event.x","operator":"in","values":[]}`,
		`{"field":"event.day","operator":"gt","value":{"now":"-7 days"}}`, `{"field":"event.day","operator":"lt","value":{"now":"x"}}`,
		`{"type":"not","rules":[]}`, `{"type":"and","rules":[]}`, `{"type":"rule","field":"event.x","operator":"eq","value":{"var":"event.y"}}`, `{}`,
	} {
		f.Add([]byte(seed))
	}
	d := ruleData(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var rule Rule
		if json.Unmarshal(data, &rule) != nil {
			return
		}
		encoded, err := json.Marshal(rule)
		require.NoError(t, err)
		var back Rule
		require.NoError(t, json.Unmarshal(encoded, &back))
		assert.Equal(t, rule, back)

		valid := len(ruleProblems(rule, Limits{}, pathWaits)) == 0
		c, err := compileRule(rule, pathWaits)
		if valid {
			require.NoError(t, err, "what validates compiles")
		}
		if err != nil {
			return
		}
		out := c.makeOutcomes(nil)
		_, err = c.eval(d, out)
		var failed *ConditionError
		assert.True(t, err == nil || errors.As(err, &failed))
		assert.True(t, json.Valid(c.appendOutcomes(nil, out)))
	})
}
