package automation

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ruleData(t require.TestingT) *Data {
	return &Data{
		Now:   now,
		Steps: map[string]map[string]any{"email": decodeObject(t, `{"to": "ada@example.com"}`)},
		Run:   &RunData{ID: "r1", StartedAt: now.Add(-time.Hour), Trigger: "order"},
		Event: decodeObject(t, `{
			"plan": "pro", "empty": "", "city": "Zürich", "five": "5",
			"seats": 5, "big": 9007199254740993, "half": 5e-1, "huge": 1e400,
			"yes": true, "no": false, "none": null,
			"tags": ["a", "5", 5, null, true, ["a"], {"b": 1}], "no_tags": [],
			"user": {"name": "Ada"}, "nobody": {},
			"day": "2026-01-31", "noon": "2026-01-31T12:00:00Z", "noon_bern": "2026-01-31T13:00:00+01:00"
		}`),
		Contact: &Contact{
			Segments: []string{"customers", "5"},
			Email:    "ada@example.com", FirstName: "Ada", CreatedAt: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
			Properties: map[string]any{
				"seats": 5, "ratio": 0.5, "big": uint64(math.MaxUint64), "plan": hostPlan("pro"), "vip": hostFlag(true), "nil": nil,
				"when": time.Time{}, "bad": json.Number("five"), "nan": math.NaN(),
			},
		},
		WaitEvents: map[string]map[string]any{"order.paid": decodeObject(t, `{"amount": 10}`)},
	}
}

type (
	hostPlan string
	hostFlag bool
)

// mustCompileRule compiles r, which must be valid.
func mustCompileRule(t require.TestingT, r Rule) *CompiledRule {
	require.Empty(t, ruleProblems(r, Limits{}, pathWaits))
	c, err := compileRule(r, pathWaits)
	require.NoError(t, err)
	return c
}

func TestRule_Evaluates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule Rule
		want bool
	}{
		{Field("event.plan").Eq("pro"), true},
		{Field("event.plan").Eq("Pro"), false},
		{Field("event.plan").Neq("free"), true},
		{Field("event.plan").Neq("pro"), false},
		{Field("event.five").Eq(5), false},
		{Field("event.five").Neq(5), true},
		{Field("event.seats").Eq("5"), false},
		{Field("event.seats").Eq(5), true},
		{Field("event.seats").Eq(json.Number("5.0")), true},
		{Field("event.seats").Eq(json.Number("50e-1")), true},
		{Field("event.big").Eq(9007199254740993), true},
		{Field("event.big").Eq(9007199254740992), false},
		{Field("event.big").Gt(9007199254740992), true},
		{Field("event.huge").Gt(json.Number("1e399")), true},
		{Field("event.half").Eq(0.5), true},
		{Field("event.yes").Eq(true), true},
		{Field("event.yes").Eq("true"), false},
		{Field("event.no").Eq(nil), false},
		{Field("event.none").Eq(nil), true},
		{Field("event.none").Neq(nil), false},
		{Field("event.none").Eq(""), false},
		{Field("event.none").Neq(0), true},
		{Field("event.day").Eq("2026-01-31T00:00:00Z"), false},

		{Field("event.seats").Gt(4), true},
		{Field("event.seats").Gt(5), false},
		{Field("event.seats").Gte(5), true},
		{Field("event.seats").Lt(5), false},
		{Field("event.seats").Lt(5.5), true},
		{Field("event.seats").Lte(5), true},
		{Field("event.none").Gt(0), false},
		{Field("event.none").Gte(0), false},
		{Field("event.none").Lt(0), false},
		{Field("event.none").Lte("2026-01-31"), false},
		{Field("event.day").Gt("2026-01-30"), true},
		{Field("event.day").Gte("2026-01-31T00:00:00Z"), true},
		{Field("event.day").Lt("2026-01-31T00:00:00.000001Z"), true},
		{Field("event.noon").Gt("2026-01-31"), true},
		{Field("event.noon_bern").Gte("2026-01-31T12:00:00Z"), true},
		{Field("event.noon_bern").Lte("2026-01-31T12:00:00Z"), true},
		{Field("contact.created_at").Gte("2026-01-31"), true},
		{Field("contact.created_at").Lt("2026-01-31"), false},

		{Field("event.plan").In("free", "pro"), true},
		{Field("event.plan").In("free", "Pro"), false},
		{Field("event.seats").In("5", true, nil), false},
		{Field("event.seats").In(4, json.Number("5.0")), true},
		{Field("event.big").In(9007199254740992, 9007199254740994), false},
		{Field("event.big").In(9007199254740992, json.Number("9007199254740993e0")), true},
		{Field("event.five").In(5, "5"), true},
		{Field("event.five").In(5), false},
		{Field("event.none").In(0, "", false), false},
		{Field("event.none").In(nil), true},
		{Field("event.no").In(true, false), true},
		{Field("contact.last_name").In("", "Byron"), false},
		{Field("contact.properties.missing").In("a", nil), true},

		{Field("event.plan").Eq(Var("contact.properties.plan")), true},
		{Field("event.plan").Eq(Var("event.five")), false},
		{Field("event.five").Eq(Var("event.seats")), false},
		{Field("event.seats").Neq(Var("event.five")), true},
		{Field("event.seats").Eq(Var("contact.properties.seats")), true},
		{Field("event.none").Eq(Var("contact.last_name")), true},
		{Field("event.plan").Eq(Var("contact.last_name")), false},
		{Field("contact.last_name").Eq(Var("contact.properties.missing")), true},
		{Field("contact.last_name").Eq(Var("event.none")), true},
		{Field("event.yes").Eq(Var("event.no")), false},
		{Field("event.big").Gt(Var("event.seats")), true},
		{Field("event.seats").Gte(Var("contact.properties.seats")), true},
		{Field("event.seats").Lt(Var("wait_events.order.paid.amount")), true},
		{Field("event.none").Lt(Var("event.seats")), false},
		{Field("event.noon").Gt(Var("event.day")), true},
		{Field("event.noon").Gte(Var("event.noon_bern")), true},
		{Field("event.noon").Gt(Var("contact.created_at")), true},
		{Field("event.tags").Contains(Var("event.five")), true},
		{Field("event.tags").Contains(Var("event.none")), true},
		{Field("event.tags").NotContains(Var("event.plan")), true},
		{Field("contact.email").Contains(Var("event.empty")), true},
		{Rule{Field: "contact.properties.plan", Operator: OpStartsWith, Value: Var("event.plan")}, true},
		{Rule{Field: "event.plan", Operator: OpEndsWith, Value: Var("event.city")}, false},

		{Field("steps.email.to").Eq(Var("contact.email")), true},
		{Field("steps.ask.score").Exists(), false},
		{Field("run.id").Eq("r1"), true},
		{Field("run.trigger").In("order", "cart"), true},
		{Field("run.started_at").Lt(Now("-30 minutes")), true},
		{Field("run.started_at").Gte("2026-01-31T11:00:00Z"), true},
		{Field("trigger.plan").Eq(Var("event.plan")), true},

		{Field("event.plan").Contains("r"), true},
		{Field("event.plan").Contains("R"), false},
		{Field("event.plan").Contains(""), true},
		{Field("event.none").Contains(""), false},
		{Field("event.tags").Contains("a"), true},
		{Field("event.tags").Contains("b"), false},
		{Field("event.tags").Contains(5), true},
		{Field("event.tags").Contains(5.0), true},
		{Field("event.tags").Contains(6), false},
		{Field("event.tags").Contains(true), true},
		{Field("event.tags").Contains(false), false},
		{Field("event.tags").Contains(nil), true},
		{Field("event.no_tags").Contains(nil), false},
		{Field("event.city").StartsWith("Zü"), true},
		{Field("event.city").StartsWith("zü"), false},
		{Field("event.city").EndsWith("ürich"), true},
		{Field("event.city").EndsWith("Zürich am See"), false},
		{Field("event.empty").StartsWith(""), true},
		{Field("event.none").StartsWith(""), false},
		{Field("event.none").EndsWith(""), false},

		{Field("event.none").Exists(), true},
		{Field("event.missing").Exists(), false},
		{Field("event.user.name").Exists(), true},
		{Field("contact.first_name").Exists(), true},
		{Field("contact.last_name").Exists(), false},
		{Field("contact.unsubscribed").Exists(), true},
		{Field("contact.properties.nil").Exists(), false},
		{Field("wait_events.order.paid.amount").Exists(), true},
		{Field("wait_events.feedback.score").Exists(), false},
		{Field("event.missing").IsEmpty(), true},
		{Field("event.none").IsEmpty(), true},
		{Field("event.empty").IsEmpty(), true},
		{Field("event.no_tags").IsEmpty(), true},
		{Field("event.nobody").IsEmpty(), true},
		{Field("event.plan").IsEmpty(), false},
		{Field("event.tags").IsEmpty(), false},
		{Field("event.user").IsEmpty(), false},
		{Field("event.seats").IsEmpty(), false},
		{Field("event.no").IsEmpty(), false},
		{Field("contact.last_name").IsEmpty(), true},
		{Field("contact.properties.missing").IsEmpty(), true},
		{Field("contact.properties.when").IsEmpty(), false},
		{Field("event.missing").IsNotEmpty(), false},
		{Field("event.none").IsNotEmpty(), false},
		{Field("event.empty").IsNotEmpty(), false},
		{Field("event.no_tags").IsNotEmpty(), false},
		{Field("event.nobody").IsNotEmpty(), false},
		{Field("event.plan").IsNotEmpty(), true},
		{Field("event.tags").IsNotEmpty(), true},
		{Field("event.user").IsNotEmpty(), true},
		{Field("event.seats").IsNotEmpty(), true},
		{Field("event.no").IsNotEmpty(), true},
		{Field("contact.last_name").IsNotEmpty(), false},
		{Field("contact.properties.missing").IsNotEmpty(), false},
		{Field("contact.properties.when").IsNotEmpty(), true},
		{Field("event.plan").NotContains("x"), true},
		{Field("event.plan").NotContains("ro"), false},
		{Field("event.plan").NotContains(""), false},
		{Field("event.tags").NotContains("b"), true},
		{Field("event.tags").NotContains(5), false},
		{Field("event.no_tags").NotContains("a"), true},
		{Field("event.none").NotContains("a"), true},
		{Field("contact.last_name").NotContains("a"), true},
		{Field("contact.properties.missing").NotContains("a"), true},

		{Field("contact.last_name").Eq(nil), true},
		{Field("contact.last_name").Eq(""), false},
		{Field("contact.last_name").Neq("Lovelace"), true},
		{Field("contact.last_name").StartsWith("L"), false},
		{Field("contact.last_name").Contains("L"), false},
		{Field("contact.properties.missing").Gt(1), false},
		{Field("contact.properties.missing.deeper").Eq(nil), true},
		{Field("contact.unsubscribed").Eq(false), true},
		{Field("contact.segments").Contains("customers"), true},
		{Field("contact.segments").Contains("customer"), false},
		{Field("contact.segments").Contains(5), false},
		{Field("contact.segments").Contains(Var("event.five")), true},
		{Field("contact.segments").NotContains("beta"), true},
		{Field("contact.segments").Exists(), true},
		{Field("contact.segments").IsEmpty(), false},
		{Field("contact.segments").IsNotEmpty(), true},
		{Field("contact.email").EndsWith("@example.com"), true},
		{Field("contact.properties.seats").Gte(5), true},
		{Field("contact.properties.ratio").Eq(0.5), true},
		{Field("contact.properties.big").Eq(json.Number("18446744073709551615")), true},
		{Field("contact.properties.plan").Eq("pro"), true},
		{Field("contact.properties.vip").Eq(true), true},
		{Field("wait_events.order.paid.amount").Gt(9), true},
	} {
		t.Run(fmt.Sprint(test.rule.Field, " ", test.rule.Operator, " ", test.rule.Value, test.rule.Values), func(t *testing.T) {
			t.Parallel()
			got, err := mustCompileRule(t, test.rule).eval(ruleData(t), nil)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestRule_WithoutContactEveryContactFieldIsUnset(t *testing.T) {
	t.Parallel()
	for _, d := range []*Data{nil, {}} {
		held, err := mustCompileRule(t, Field("contact.unsubscribed").Eq(nil)).eval(d, nil)
		require.NoError(t, err)
		assert.True(t, held)
	}
}

func TestRule_OfAContactInNoSegment(t *testing.T) {
	t.Parallel()
	segments := Field("contact.segments")
	for _, rule := range []Rule{segments.IsEmpty(), segments.Exists(), segments.NotContains("beta"), Not(segments.Contains(nil)), Not(segments.IsNotEmpty())} {
		held, err := mustCompileRule(t, rule).Holds(Data{Contact: &Contact{}})
		require.NoError(t, err)
		assert.True(t, held, "%v", rule)
	}
}

func TestRule_ReadsAFieldAgainAfterAnotherOne(t *testing.T) {
	t.Parallel()
	plan, none, tags := Field("event.plan"), Field("event.none"), Field("event.tags")
	for _, rule := range []Rule{
		All(plan.StartsWith("p"), plan.EndsWith("o"), none.Eq(nil), plan.Eq("pro"), tags.Contains(5), tags.Contains("a")),
		Any(All(plan.Eq("pro"), none.Exists(), plan.Eq("free")), plan.Eq("pro")),
		Any(All(plan.Eq("free"), none.Exists()), plan.Eq("pro")),
		All(Field("contact.last_name").IsEmpty(), Field("contact.last_name").Eq(nil), Field("contact.first_name").Eq("Ada")),
	} {
		held, err := mustCompileRule(t, rule).eval(ruleData(t), nil)
		require.NoError(t, err)
		assert.True(t, held)
	}
}

func TestHolds_IsTheSameForGoNumbersAndDecodedOnes(t *testing.T) {
	t.Parallel()
	rule := mustCompileRule(t, All(Field("event.amount").Gte(10), Field("event.amount").Lt(49.75)))
	for _, amount := range []any{json.Number("49.5"), 49.5, float32(49.5), 49, uint8(49), json.Number("4950e-2")} {
		held, err := rule.Holds(Data{Event: map[string]any{"amount": amount}})
		require.NoError(t, err)
		assert.True(t, held, "%T", amount)
	}
	_, err := rule.Holds(Data{Event: map[string]any{"amount": []float64{49.5}}})
	var failed *ConditionError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "[]float64", failed.FieldType)
}

func TestHolds_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	rule, d := mustCompileRule(t, fourLeaves()), ruleData(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				held, err := rule.Holds(*d)
				assert.NoError(t, err)
				assert.True(t, held)
			}
		})
	}
	all.Wait()
}

func TestRule_FailsWithAConditionError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule        Rule
		field, with string
	}{
		{Field("event.missing").Eq("x"), "absent", "string"},
		{Field("event.missing").Neq(nil), "absent", "null"},
		{Field("event.missing").Gt(1), "absent", "number"},
		{Field("event.missing").Lt("2026-01-31"), "absent", "date"},
		{Field("event.missing").Contains(true), "absent", "boolean"},
		{Field("event.missing").StartsWith(""), "absent", "string"},
		{Field("event.user.missing").Eq("x"), "absent", "string"},
		{Field("wait_events.feedback.score").Eq(1), "absent", "number"},
		{Field("trigger.missing").Eq("a"), "absent", "string"},
		{Field("steps.ask.score").Eq("a"), "absent", "string"},
		{Field("event.tags").Eq("a"), "array", "string"},
		{Field("event.user").Neq(nil), "object", "null"},
		{Field("event.missing").In("x", nil), "absent", "list"},
		{Field("event.tags").In("a"), "array", "list"},
		{Field("event.user").In("a"), "object", "list"},
		{Field("contact.properties.nan").In(1), "float64", "list"},
		{Field("event.plan").Gt(1), "string", "number"},
		{Field("event.seats").Gt("2026-01-31"), "number", "date"},
		{Field("event.plan").Gt("2026-01-31"), "string", "date"},
		{Field("event.yes").Lte(1), "boolean", "number"},
		{Field("event.tags").Lte(1), "array", "number"},
		{Field("event.seats").Contains(5), "number", "number"},
		{Field("event.plan").Contains(5), "string", "number"},
		{Field("event.plan").Contains(nil), "string", "null"},
		{Field("event.user").Contains("name"), "object", "string"},
		{Field("event.missing").NotContains("a"), "absent", "string"},
		{Field("event.seats").NotContains(5), "number", "number"},
		{Field("event.plan").NotContains(5), "string", "number"},
		{Field("event.seats").StartsWith("5"), "number", "string"},
		{Field("event.tags").EndsWith("a"), "array", "string"},
		{Field("contact.unsubscribed").StartsWith("t"), "boolean", "string"},
		{Field("contact.properties.when").Eq("x"), "time.Time", "string"},
		{Field("contact.properties.bad").Gt(1), "json.Number", "number"},
		{Field("contact.properties.nan").Eq(1), "float64", "number"},
	} {
		t.Run(fmt.Sprint(test.rule.Field, " ", test.rule.Operator, " ", test.rule.Value), func(t *testing.T) {
			t.Parallel()
			rule := mustCompileRule(t, test.rule)
			out := rule.makeOutcomes(nil)
			held, err := rule.eval(ruleData(t), out)
			assert.False(t, held)
			assert.Equal(t, ruleOutcomes{ruleNotEvaluated}, out)
			assert.Equal(t, &ConditionError{
				Field: test.rule.Field, Operator: test.rule.Operator, FieldType: test.field, ValueType: test.with,
			}, err)
		})
	}
}

func TestRule_FailsForAReferenceThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule        Rule
		field, with string
	}{
		{Field("event.plan").Eq(Var("event.missing")), "string", "absent"},
		{Field("event.none").Eq(Var("event.missing")), "null", "absent"},
		{Field("event.missing").Eq(Var("event.missing")), "absent", "absent"},
		{Field("event.missing").Eq(Var("event.plan")), "absent", "string"},
		{Field("contact.last_name").Eq(Var("wait_events.feedback.score")), "null", "absent"},
		{Field("contact.last_name").Neq(Var("event.tags")), "null", "array"},
		{Field("event.tags").Eq(Var("event.tags")), "array", "array"},
		{Field("event.plan").Neq(Var("event.user")), "string", "object"},
		{Field("event.plan").Gt(Var("event.plan")), "string", "string"},
		{Field("event.seats").Gt(Var("event.day")), "number", "string"},
		{Field("event.seats").Gt(Var("event.five")), "number", "string"},
		{Field("event.day").Gt(Var("event.seats")), "string", "number"},
		{Field("event.seats").Lt(Var("contact.last_name")), "number", "null"},
		{Field("event.none").Lt(Var("event.yes")), "null", "boolean"},
		{Field("event.plan").Contains(Var("event.seats")), "string", "number"},
		{Field("event.tags").Contains(Var("event.no_tags")), "array", "array"},
		{Rule{Field: "event.plan", Operator: OpStartsWith, Value: Var("event.none")}, "string", "null"},
		{Field("event.plan").Eq(Var("contact.properties.when")), "string", "time.Time"},
		{Field("event.seats").Lt(Var("contact.properties.nan")), "number", "float64"},
	} {
		t.Run(fmt.Sprint(test.rule.Field, " ", test.rule.Operator, " ", test.rule.Value), func(t *testing.T) {
			t.Parallel()
			ref, _ := test.rule.Value.Ref()
			held, err := mustCompileRule(t, test.rule).Holds(*ruleData(t))
			assert.False(t, held)
			assert.Equal(t, &ConditionError{
				Field: test.rule.Field, Operator: test.rule.Operator, FieldType: test.field, ValueType: test.with, ValuePath: ref,
			}, err)
		})
	}
}

// now is the time of ruleData: noon of event.day.
var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func TestRule_ComparesWithATime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule Rule
		want bool
	}{
		{Field("event.noon").Gte(Now("0 seconds")), true},
		{Field("event.noon").Lte(Now("0s")), true},
		{Field("event.noon").Gt(Now("-0 days")), false},
		{Field("event.noon_bern").Lt(Now("1 second")), true},
		{Field("event.noon").Gt(Now("-1 second")), true},
		{Field("event.day").Lt(Now("-12 hours")), false},
		{Field("event.day").Lte(Now("-12h")), true},
		{Field("event.day").Gt(Now("-12h1s")), true},
		{Field("event.day").Gt(Now("-1 week 1 day")), true},
		{Field("event.day").Gte(Now("1 day 12 hours")), false},
		{Field("contact.created_at").Gt(Now("-1 day")), true},
		{Field("contact.created_at").Gt(Now("-1 hour")), false},
		{Field("event.none").Lt(Now("1 day")), false},
		{Field("contact.last_name").Gt(Now("-1 day")), false},
	} {
		t.Run(fmt.Sprint(test.rule.Field, " ", test.rule.Operator, " ", test.rule.Value), func(t *testing.T) {
			t.Parallel()
			held, err := mustCompileRule(t, test.rule).Holds(*ruleData(t))
			require.NoError(t, err)
			assert.Equal(t, test.want, held)
		})
	}
}

func TestRule_FailsForATimeAndAFieldThatIsNone(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"event.plan": "string", "event.seats": "number", "event.yes": "boolean", "event.tags": "array", "event.missing": "absent",
	} {
		_, err := mustCompileRule(t, Field(field).Gt(Now("-7 days"))).Holds(*ruleData(t))
		assert.Equal(t, &ConditionError{Field: field, Operator: OpGt, FieldType: want, ValueType: "date"}, err)
	}
	d := ruleData(t)
	d.Now = time.Time{}
	_, err := mustCompileRule(t, Field("event.day").Gt(Now("-7 days"))).Holds(*d)
	assert.EqualError(t, err, `"now" is absent, so operator "gt" cannot compare field "event.day" with it: test it with "exists" first`)
}

func TestConditionError_NamesFieldOperatorAndTypes(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*ConditionError{
		`field "event.a" is absent, so operator "eq" cannot compare it with "event.b": test it with "exists" first`:     {"event.a", OpEq, "absent", "string", "event.b"},
		`"event.b" is absent, so operator "eq" cannot compare field "event.a" with it: test it with "exists" first`:     {"event.a", OpEq, "string", "absent", "event.b"},
		`field "event.a" is of type string, which operator "gt" cannot compare with "event.b", which is of type number`: {"event.a", OpGt, "string", "number", "event.b"},
	} {
		assert.EqualError(t, e, want)
	}
	absent := &ConditionError{Field: "event.plan", Operator: OpEq, FieldType: "absent", ValueType: "string"}
	assert.EqualError(t, absent,
		`field "event.plan" is absent, so operator "eq" cannot compare it with a string: test it with "exists" first`)
	mismatch := &ConditionError{Field: "event.plan", Operator: OpGt, FieldType: "string", ValueType: "number"}
	assert.EqualError(t, mismatch,
		`field "event.plan" is of type string, which operator "gt" cannot compare with a value of type number`)
}

func TestRule_GroupsShortCircuit(t *testing.T) {
	t.Parallel()
	yes, no, fails := Field("event.yes").Eq(true), Field("event.yes").Eq(false), Field("event.missing").Eq(1)
	const t1, f0, skip = ruleHeld, ruleDidNotHold, ruleNotEvaluated
	for _, test := range []struct {
		name  string
		rule  Rule
		held  bool
		fails bool
		out   ruleOutcomes
	}{
		{"and of yes", All(yes, yes), true, false, ruleOutcomes{t1, t1}},
		{"and stops at no", All(yes, no, fails), false, false, ruleOutcomes{t1, f0, skip}},
		{"and fails", All(yes, fails, no), false, true, ruleOutcomes{t1, skip, skip}},
		{"or of no", Any(no, no), false, false, ruleOutcomes{f0, f0}},
		{"or stops at yes", Any(no, yes, fails), true, false, ruleOutcomes{f0, t1, skip}},
		{"or fails", Any(no, fails, yes), false, true, ruleOutcomes{f0, skip, skip}},
		{"nested", Any(All(yes, no, fails), All(yes), no), true, false, ruleOutcomes{t1, f0, skip, t1, skip}},
		{"nested failure", All(Any(no, fails), yes), false, true, ruleOutcomes{f0, skip, skip}},
		{"not of yes", Not(yes), false, false, ruleOutcomes{t1}},
		{"not of no", Not(no), true, false, ruleOutcomes{f0}},
		{"not fails", Not(fails), false, true, ruleOutcomes{skip}},
		{"twice not fails", Not(Not(fails)), false, true, ruleOutcomes{skip}},
		{"not of and stops at no", Not(All(no, fails)), true, false, ruleOutcomes{f0, skip}},
		{"not of or stops at yes", All(Not(Any(yes, fails)), fails), false, false, ruleOutcomes{t1, skip, skip}},
		{"not in or", Any(Not(yes), Not(no), fails), true, false, ruleOutcomes{t1, f0, skip}},
		{"not before a failure", Any(Not(yes), fails), false, true, ruleOutcomes{t1, skip}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rule := mustCompileRule(t, test.rule)
			out := rule.makeOutcomes(nil)
			for i := range out {
				out[i] = ruleHeld
			}
			held, err := rule.eval(ruleData(t), out)
			assert.Equal(t, test.held, held)
			assert.Equal(t, test.fails, err != nil)
			assert.Equal(t, test.out, out, "what was there before is overwritten")
		})
	}
}

// fourLeaves is a typical condition. All of its comparisons are evaluated.
func fourLeaves() Rule {
	return All(
		Field("event.plan").Eq("pro"),
		Field("event.seats").Gte(5),
		Any(
			Field("contact.email").EndsWith("@example.org"),
			Field("contact.properties.seats").Lt(10),
		),
	)
}

func TestRule_EvaluatesWithoutAllocating(t *testing.T) {
	d := ruleData(t)
	in := mustCompileRule(t, Field("event.plan").In("free", 5, nil, "pro"))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = in.Holds(*d) }))
	other := mustCompileRule(t, All(
		Field("event.noon").Gt(Now("-7 days")), Field("event.noon").Gt(Var("event.day")), Field("event.seats").Eq(Var("event.seats")), Field("event.plan").Eq(Var("event.plan")),
	))
	held, err := other.Holds(*d)
	require.NoError(t, err)
	assert.True(t, held)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = other.Holds(*d) }))
	rule := mustCompileRule(t, fourLeaves())
	out := rule.makeOutcomes(nil)
	_, err = rule.eval(d, out)
	require.NoError(t, err)
	assert.Equal(t, ruleOutcomes{ruleHeld, ruleHeld, ruleDidNotHold, ruleHeld}, out)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = rule.eval(d, out) }))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = rule.Holds(*d) }))
}

func BenchmarkRuleFourLeaves(b *testing.B) {
	rule, d := mustCompileRule(b, fourLeaves()), ruleData(b)
	out := make(ruleOutcomes, 4)
	b.ReportAllocs()
	for b.Loop() {
		if held, err := rule.eval(d, out); !held || err != nil {
			b.Fatal(held, err)
		}
	}
}

// eightLeaves is a long condition. All of its comparisons are evaluated.
func eightLeaves() Rule {
	return All(
		Field("event.plan").Eq("pro"),
		Field("event.country").Neq("US"),
		Field("event.amount").Gte(10),
		Field("event.amount").Lt(100),
		Any(
			Field("event.coupon").StartsWith("WINTER"),
			All(
				Field("contact.properties.seats").Gt(5),
				Field("contact.properties.role").Eq("admin"),
				Field("contact.email").EndsWith("@example.com"),
			),
		),
	)
}

func BenchmarkRuleEightLeaves(b *testing.B) {
	rule := mustCompileRule(b, eightLeaves())
	d := Data{
		Event:   decodeObject(b, `{"plan": "pro", "country": "DE", "amount": 49.5, "coupon": "SPRING-24"}`),
		Contact: &Contact{Email: "ada@example.com", Properties: decodeObject(b, `{"seats": 12, "role": "admin"}`)},
	}
	b.ReportAllocs()
	for b.Loop() {
		if held, err := rule.Holds(d); !held || err != nil {
			b.Fatal(held, err)
		}
	}
}
