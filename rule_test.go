package automation

import (
	"encoding/json"
	"slices"
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
		`{"type":"rule","field":"event.plan","operator":"is_not_empty"}`:                    f.IsNotEmpty(),
		`{"type":"rule","field":"event.plan","operator":"not_contains","value":"o"}`:        f.NotContains("o"),
		`{"type":"and","rules":[{"type":"rule","field":"event.plan","operator":"exists"}]}`: All(f.Exists()),
		`{"type":"or","rules":[{"type":"and","rules":[]}]}`:                                 Any(All()),
		`{"type":"not","rules":[{"type":"rule","field":"event.plan","operator":"exists"}]}`: Not(f.Exists()),
		`{"type":"rule","field":"event.plan","operator":"in","values":["pro",5,true,null]}`: f.In("pro", 5, true, nil),
		`{"type":"rule","field":"event.plan","operator":"in","values":[]}`:                  f.In(),
		`{"type":"rule","field":"event.plan","operator":"gt","value":{"now":"-7 days"}}`:    f.Gt(Now("-7 days")),
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

func TestAll_CopiesItsArguments(t *testing.T) {
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
		`{"type":"not","rules":[{"type":"or","rules":[{"field":"event.plan","operator":"exists"}]}]}`,
		`{"field":"event.plan","operator":"in","values":[1.50,9007199254740993,"",null]}`,
		`{"field":"event.plan","operator":"in","values":[]}`,
		`{"values":[{"var":"event.x"}]}`,
		`{"field":"event.day","operator":"lt","value":{"now":"- 1 Day  12 hours"}}`,
		`{"field":"event.day","operator":"lt","value":{"now":"soon"}}`,
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

func TestRuleProblems_AcceptsTheValuesOfEveryOperator(t *testing.T) {
	t.Parallel()
	f := Field("event.x")
	for name, rule := range map[string]Rule{
		"eq string":             f.Eq("a"),
		"eq number":             f.Eq(1),
		"eq boolean":            f.Eq(false),
		"eq null":               f.Eq(nil),
		"neq null":              f.Neq(nil),
		"gt number":             f.Gt(1.5),
		"gte date":              f.Gte("2026-01-31"),
		"lt date-time":          f.Lt("2026-01-31T10:00:00Z"),
		"lte date-time":         f.Lte("2026-01-31T10:00:00.123456+02:00"),
		"contains string":       f.Contains(""),
		"contains number":       f.Contains(1),
		"contains boolean":      f.Contains(true),
		"contains null":         f.Contains(nil),
		"starts_with":           f.StartsWith("a"),
		"ends_with":             f.EndsWith(""),
		"exists":                f.Exists(),
		"is_empty":              f.IsEmpty(),
		"is_not_empty":          f.IsNotEmpty(),
		"not_contains":          f.NotContains("a"),
		"exists with null":      {Field: "event.x", Operator: OpExists, Value: Null()},
		"in":                    f.In("a", 1, true, nil),
		"in 1,000 values":       f.In(slices.Repeat([]any{"a"}, 1000)...),
		"in with a null value":  {Field: "event.x", Operator: OpIn, Value: Null(), Values: []Value{Null()}},
		"eq reference":          f.Eq(Var("event.y")),
		"lt reference":          f.Lt(Var("contact.created_at")),
		"starts_with reference": {Field: "event.x", Operator: OpStartsWith, Value: Var("wait_events.order.paid.name")},
		"gt time":               f.Gt(Now("-7 days")),
		"gte time":              f.Gte(Now("36h")),
		"lt time":               f.Lt(Now("- 1 week 2 days")),
		"lte now":               f.Lte(Now("0 seconds")),
		"no type":               {Field: "event.x", Operator: OpEq, Value: Null()},
		"contact":               Field("contact.properties.seats").Gt(1),
		"wait event":            Field("wait_events.order.paid.amount").Gt(1),
		"groups":                All(Any(f.Exists()), f.Eq(1)),
		"not":                   Not(Not(All(f.Exists(), Not(f.Eq(1))))),
		"group with null value": {Type: RuleAll, Value: Null(), Rules: []Rule{f.Exists()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, ruleProblems(rule, Limits{}, pathWaits))
			_, err := compileRule(rule, pathWaits)
			assert.NoError(t, err)
		})
	}
}

func TestRuleProblems_Refuses(t *testing.T) {
	t.Parallel()
	f := Field("event.x")
	for _, test := range []struct {
		name    string
		rule    Rule
		path    string
		code    Code
		message string
	}{
		{"empty group", All(), "rules", CodeInvalidRule, `type "and" needs at least one rule`},
		{"empty group inside", Any(f.Exists(), All()), "rules[1].rules", CodeInvalidRule, "needs at least one rule"},
		{"unknown type", Rule{Type: "nor", Rules: []Rule{f.Exists()}}, "type", CodeInvalidRule, `rule type "nor" is unknown: use "rule", "and", "or" or "not"`},
		{"not of nothing", Rule{Type: RuleNot}, "rules", CodeInvalidRule, `type "not" needs exactly one rule, not 0`},
		{"not of an empty list", Any(Rule{Type: RuleNot, Rules: []Rule{}}), "rules[0].rules", CodeInvalidRule, "needs exactly one rule, not 0"},
		{"not of several", Rule{Type: RuleNot, Rules: []Rule{f.Exists(), f.Eq(1)}}, "rules", CodeInvalidRule, `exactly one rule, not 2: put several into one group of type "and" or "or"`},
		{"not of a rule without a field", Not(Rule{Operator: OpExists}), "rules[0].field", CodeInvalidRule, "the field is missing"},
		{"not of an empty group", Not(All()), "rules[0].rules", CodeInvalidRule, "needs at least one rule"},
		{"not with a field", Rule{Type: RuleNot, Field: "event.x", Rules: []Rule{f.Exists()}}, "field", CodeInvalidRule, "belongs to a comparison"},
		{"group with a field", Rule{Type: RuleAny, Field: "event.x", Rules: []Rule{f.Exists()}}, "field", CodeInvalidRule, "belongs to a comparison"},
		{"group with an operator", Rule{Type: RuleAny, Operator: OpEq, Rules: []Rule{f.Exists()}}, "operator", CodeInvalidRule, "belongs to a comparison"},
		{"group with a value", Rule{Type: RuleAny, Value: String(""), Rules: []Rule{f.Exists()}}, "value", CodeInvalidRule, "belongs to a comparison"},
		{"comparison with rules", Rule{Field: "event.x", Operator: OpExists, Rules: []Rule{f.Exists()}}, "rules", CodeInvalidRule, "a comparison has no rules"},
		{"comparison with no rules", Rule{Field: "event.x", Operator: OpExists, Rules: []Rule{}}, "rules", CodeInvalidRule, "a comparison has no rules"},
		{"no field", Rule{Operator: OpExists}, "field", CodeInvalidRule, "the field is missing"},
		{"no operator", Rule{Field: "event.x"}, "operator", CodeInvalidRule, "the operator is missing: use one of eq, neq,"},
		{"unknown operator", Rule{Field: "event.x", Operator: "matches"}, "operator", CodeInvalidRule, `operator "matches" is unknown`},
		{"operator in another case", Rule{Field: "event.x", Operator: "EQ"}, "operator", CodeInvalidRule, `operator "EQ" is unknown`},
		{"malformed field", Field("plan").Exists(), "field", CodeInvalidReference, `path "plan" names no field`},
		{"unknown scope", Field("user.plan").Exists(), "field", CodeInvalidReference, `must begin with "event.", "trigger.", "contact.", "wait_events."`},
		{"unknown contact field", All(Field("contact.plan").Exists()), "rules[0].field", CodeInvalidReference, `no field "plan"`},
		{"event not waited for", Field("wait_events.signup.plan").Exists(), "field", CodeWaitNeverBefore, "no wait_for_event or wait_for_any step waits for that event"},
		{"exists with a value", Rule{Field: "event.x", Operator: OpExists, Value: Bool(true)}, "value", CodeInvalidRule, `operator "exists" takes no value`},
		{"is_not_empty with a value", Rule{Field: "event.x", Operator: OpIsNotEmpty, Value: String("y")}, "value", CodeInvalidRule, `operator "is_not_empty" takes no value`},
		{"not_contains without a value", Rule{Field: "event.x", Operator: OpNotContains}, "value", CodeInvalidRule, `operator "not_contains" compares with a string, a number, a boolean or null`},
		{"is_empty with a value", Rule{Field: "event.x", Operator: OpIsEmpty, Value: Var("event.y")}, "value", CodeInvalidRule, `operator "is_empty" takes no value`},
		{"in without values", Rule{Field: "event.x", Operator: OpIn}, "values", CodeInvalidRule, `operator "in" compares with a list`},
		{"in of nothing", All(f.In()), "rules[0].values", CodeInvalidRule, "the values are missing"},
		{"in 1,001 values", f.In(slices.Repeat([]any{"a"}, 1001)...), "values", CodeLimit, "there are 1001 values, the limit is 1000"},
		{"in with one value", Rule{Field: "event.x", Operator: OpIn, Value: String("a"), Values: []Value{String("a")}}, "value", CodeInvalidRule, `put the value into "values"`},
		{"in with an absent value", Rule{Field: "event.x", Operator: OpIn, Values: []Value{String("a"), {}}}, "values[1]", CodeInvalidRule, "the value is missing"},
		{"in with a Go slice", f.In(1, []int{1}), "values[1]", CodeInvalidRule, "a value cannot be a Go []int"},
		{"in with invalid UTF-8", f.In("\xff"), "values[0]", CodeInvalidRule, "is not valid UTF-8"},
		{"in with a reference", f.In("a", Var("event.y")), "values[1]", CodeInvalidRule, `a list has literals, not a reference to "event.y"`},
		{"eq with values", Rule{Field: "event.x", Operator: OpEq, Value: String("a"), Values: []Value{}}, "values", CodeInvalidRule, `"values" belongs to operator "in"`},
		{"group with values", Rule{Type: RuleAny, Values: []Value{}, Rules: []Rule{f.Exists()}}, "values", CodeInvalidRule, "belongs to a comparison"},
		{"eq without a value", Rule{Field: "event.x", Operator: OpEq}, "value", CodeInvalidRule, "the value is missing"},
		{"eq with a malformed reference", f.Eq(Var("y")), "value", CodeInvalidReference, `path "y" names no field`},
		{"eq with an event not waited for", All(f.Eq(Var("wait_events.signup.plan"))), "rules[0].value", CodeWaitNeverBefore, "no wait_for_event or wait_for_any step waits for that event"},
		{"gt with a time that is none", f.Gt(Now("-7 dys")), "value", CodeInvalidRule, `offset "-7 dys" is not understood: write whole numbers of seconds`},
		{"gt with an empty time", f.Gt(Now("")), "value", CodeInvalidRule, `offset "" is not understood`},
		{"gt with two signs", f.Gt(Now("--7 days")), "value", CodeInvalidRule, `offset "--7 days" is not understood`},
		{"eq with a time", f.Eq(Now("-7 days")), "value", CodeInvalidRule, `operator "eq" does not compare with the time {"now":"-7 days"}: use "gt", "gte", "lt" or "lte"`},
		{"contains a time", f.Contains(Now("-7 days")), "value", CodeInvalidRule, "does not compare with the time"},
		{"in with a time", f.In(Now("-7 days")), "values[0]", CodeInvalidRule, "a list has literals, not the time"},
		{"exists with a time", Rule{Field: "event.x", Operator: OpExists, Value: Now("1 day")}, "value", CodeInvalidRule, "takes no value"},
		{"eq of segments", Field("contact.segments").Eq("beta"), "operator", CodeInvalidRule, `contact.segments is a list, which operator "eq" cannot compare: use "contains" or "not_contains"`},
		{"in of segments", Field("contact.segments").In("beta"), "operator", CodeInvalidRule, `operator "in" cannot compare`},
		{"eq with segments", f.Eq(Var("contact.segments")), "value", CodeInvalidRule, `contact.segments is a list, with which operator "eq" cannot compare`},
		{"gt with an unknown contact field", f.Gt(Var("contact.emial")), "value", CodeInvalidReference, `did you mean "contact.email"?`},
		{"eq with a Go slice", f.Eq([]int{1}), "value", CodeInvalidRule, "a value cannot be a Go []int"},
		{"eq with invalid UTF-8", f.Eq("\xff"), "value", CodeInvalidRule, "is not valid UTF-8"},
		{"gt with null", f.Gt(nil), "value", CodeInvalidRule, "compares with a number or an RFC 3339 date or date-time"},
		{"gt with a boolean", f.Gt(true), "value", CodeInvalidRule, `such as "2026-01-31", not with true`},
		{"gt with text", f.Gt("5"), "value", CodeInvalidRule, `not with "5"`},
		{"gte with an impossible date", f.Gte("2026-02-30"), "value", CodeInvalidRule, `not with "2026-02-30"`},
		{"lt with a date-time without zone", f.Lt("2026-01-31T10:00:00"), "value", CodeInvalidRule, "not with"},
		{"lte with a date-time without T", f.Lte("2026-01-31 10:00:00Z"), "value", CodeInvalidRule, "not with"},
		{"starts_with a number", Rule{Field: "event.x", Operator: OpStartsWith, Value: Number(5)}, "value", CodeInvalidRule, "compares with a string, not with 5"},
		{"ends_with null", Rule{Field: "event.x", Operator: OpEndsWith, Value: Null()}, "value", CodeInvalidRule, "compares with a string, not with null"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			problems := ruleProblems(test.rule, Limits{}, pathWaits)
			require.Len(t, problems, 1)
			assert.Equal(t, test.path, problems[0].Path)
			assert.Equal(t, test.code, problems[0].Code)
			assert.Contains(t, problems[0].Message, test.message)
		})
	}
}

func TestRuleProblems_AreCompleteAndInOrder(t *testing.T) {
	t.Parallel()
	rule := Rule{Type: RuleAll, Field: "event.x", Rules: []Rule{
		{},
		{Type: "xor"},
		All(Field("plan").Gt("much"), Field("event.ok").Exists()),
	}}
	var paths []string
	for _, p := range ruleProblems(rule, Limits{}, nil) {
		paths = append(paths, p.Path)
	}
	assert.Equal(t, []string{
		"field", "rules[0].field", "rules[0].operator", "rules[1].type", "rules[2].rules[0].field", "rules[2].rules[0].value",
	}, paths)
}

// nestedRule returns a comparison within depth groups.
func nestedRule(depth int) Rule {
	r := Field("event.x").Exists()
	for range depth {
		r = All(r)
	}
	return r
}

func TestRuleProblems_LimitNesting(t *testing.T) {
	t.Parallel()
	assert.Empty(t, ruleProblems(nestedRule(10), Limits{}, nil))
	assert.Equal(t, []ruleProblem{{
		Path:    "rules[0].rules[0]",
		Code:    CodeLimit,
		Message: "groups are nested more than 2 deep: flatten them",
	}}, ruleProblems(nestedRule(3), Limits{RuleDepth: 2}, nil))
	assert.Len(t, ruleProblems(nestedRule(100_000), Limits{}, nil), 1)
}

func TestRuleProblems_LimitTheNumberOfRules(t *testing.T) {
	t.Parallel()
	rules := make([]Rule, 99)
	for i := range rules {
		rules[i] = Field("event.x").Exists()
	}
	assert.Empty(t, ruleProblems(All(rules...), Limits{}, nil), "99 comparisons and their group")
	rules[98].Field = "x"
	assert.Len(t, ruleProblems(All(rules...), Limits{}, nil), 1, "the last that is allowed is looked at")
	rules[98] = rules[0]
	over := All(append(rules, Rule{})...)
	assert.Equal(t, []ruleProblem{{
		Code:    CodeLimit,
		Message: "the rule has more than 100 comparisons and groups: split it over several conditions",
	}}, ruleProblems(over, Limits{}, nil))
}

func TestRuleProblems_EndOnARuleThatContainsItself(t *testing.T) {
	t.Parallel()
	rules := []Rule{{Type: RuleAll}, {Type: RuleAny}}
	rules[0].Rules, rules[1].Rules = rules, rules
	problems := ruleProblems(rules[0], Limits{}, nil)
	require.NotEmpty(t, problems)
	assert.Equal(t, CodeLimit, problems[0].Code)
}
