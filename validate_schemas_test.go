package automation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func define(name, schema string) EventDefinition {
	return EventDefinition{Name: name, Schema: json.RawMessage(schema)}
}

var (
	flatUser  = define("user.created", `{"plan":"string","seats":"number","since":"date","vip":"boolean"}`)
	jsonOrder = define("order.paid", `{"type":"object","properties":{
		"amount":{"type":"number"},"card":{"type":"object","properties":{"brand":{"type":"string"}}},
		"items":{"type":"array","items":{"type":"object","properties":{"sku":{"type":"string"}}}}}}`)
)

func TestValidate_ComparesFieldsWithDefinitions(t *testing.T) {
	t.Parallel()
	reads := func(path string) StepConfig { return email("t", map[string]Value{"X": Var(path)}) }
	const inUser, inOrder = `the definition of event "user.created" has no field `, `the definition of event "order.paid" has no field `
	tests := []struct {
		name   string
		config StepConfig
		want   []string // paths begin at steps[2].config.
	}{
		{"declared", reads("event.plan"), nil},
		{"misspelt", reads("event.plna"), []string{`template.variables.X: ` + inUser + `"plna": did you mean "event.plan"?`}},
		{"not similar", reads("event.coupon"), []string{`template.variables.X: ` + inUser + `"coupon": its fields are plan, seats, since, vip`}},
		{"in a text", reads("event.plan.name"), []string{`template.variables.X: ` + inUser + `"plan.name": "event.plan" is a string, which has no fields`}},
		{"property", ContactUpdate{Properties: map[string]Value{"p": Var("event.Seats")}}, []string{`properties.p: ` + inUser + `"Seats": did you mean "event.seats"?`}},
		{"custom step", pagerConfig{Team: "ops", Text: Var("event.paln")}, []string{"text: " + inUser}},
		{"rule", Condition{Any(Field("event.plan").Eq("pro"), Field("event.plna").Eq("pro"))}, []string{
			"rules[1].field: " + inUser + `"plna": did you mean "event.plan"?`,
		}},

		{"awaited", reads("wait_events.order.paid.card.brand"), nil},
		{"awaited, not similar", reads("wait_events.order.paid.card.owner"), []string{`template.variables.X: ` + inOrder + `"card.owner": the fields of "wait_events.order.paid.card" are brand`}},
		{"awaited, in an array", reads("wait_events.order.paid.items.0.sku"), nil},
		{"awaited, misspelt", reads("wait_events.order.paid.card.bradn"), []string{`template.variables.X: ` + inOrder + `"card.bradn": did you mean "wait_events.order.paid.card.brand"?`}},
		{"awaited, misspelt before a dot", Condition{Field("wait_events.order.paid.crad.brand").Exists()}, []string{
			"field: " + inOrder + `"crad.brand": did you mean "wait_events.order.paid.card.brand"?`,
		}},

		{"filter on the incoming event", WaitForEvent{EventName: "order.paid", Timeout: oneDay, FilterRule: Field("event.amount").Gt(1)}, nil},
		{"filter on a field of the trigger's event", WaitForEvent{EventName: "order.paid", Timeout: oneDay, FilterRule: Field("event.plan").Eq("pro")}, []string{
			"filter_rule.field: " + inOrder + `"plan": its fields are amount, card, items`,
		}},
		{"filter on an event without definition", WaitForEvent{EventName: "other", Timeout: oneDay, FilterRule: Field("event.plna").Eq("pro")}, nil},
		{"contact", reads("contact.properties.plna"), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := Automation{
				Name: "Test", Steps: []Step{start, step("paid?", forPaid), step("s", test.config), step("late", aDelay)},
				Connections: []Connection{{From: "start", To: "paid?"}, {"paid?", "s", ConnectionEventReceived}, {"paid?", "late", ConnectionTimeout}},
			}
			opts := ValidateOptions{Registry: pagerRegistry()}
			require.Empty(t, withCode(CodeUnknownEventField, Validate(a, opts)), "without definitions")
			opts.Definitions = []EventDefinition{flatUser, jsonOrder, define("broken", `{"a":1}`), {Name: "other"}}
			var want []string
			for _, line := range test.want {
				want = append(want, "warning unknown_event_field steps[2].config."+line)
			}
			assertProblems(t, want, withCode(CodeUnknownEventField, Validate(a, opts)))
		})
	}
}

func TestValidate_AcceptsFieldsThatASchemaAllows(t *testing.T) {
	t.Parallel()
	a := Automation{Name: "Test", Steps: []Step{start, step("s", email("t", map[string]Value{"X": Var("event.coupon"), "Y": Var("event.plna")}))}, Connections: chain("start", "s")}
	for schema, want := range map[string]int{
		`null`: 0, `{}`: 0, `{"type":"object"}`: 0,
		`{"properties":{"plan":{}},"additionalProperties":{"type":"string"}}`: 0,
		`{"properties":{"plan":{}},"additionalProperties":true}`:              1, // plna looks like plan
		`{"properties":{"plan":{}},"additionalProperties":false}`:             2,
		`{"properties":{"plan":{}}}`:                                          2,
	} {
		assert.Len(t, Validate(a, ValidateOptions{Definitions: []EventDefinition{define("user.created", schema)}}), want, schema)
	}
}

func TestValidate_ComparesOperatorsWithTypes(t *testing.T) {
	t.Parallel()
	const cannot, never = `, which operator `, `, and never equals `
	for _, test := range []struct {
		rule Rule
		want string // after the beginning of the message
	}{
		{Field("event.seats").Gt(5), ""},
		{Field("event.seats").Eq(5), ""},
		{Field("event.seats").Eq(nil), ""},
		{Field("event.seats").Exists(), ""},
		{Field("event.plan").Contains("pro"), ""},
		{Field("event.plan").Gt("2026-01-31"), ""}, // the text can be a date
		{Field("event.since").Gt("2026-01-31"), ""},
		{Field("event.since").Eq("2026-01-31"), ""},
		{Field("event.vip").Neq(false), ""},
		{Field("event.other").Gt(5), ""}, // reported already
		{Field("event.seats").In(5, nil), ""},
		{Field("event.seats").Gt(Var("event.seats")), ""},
		{Field("event.since").Gt(Var("event.plan")), ""},
		{Field("event.since").Gt(Now("-1 day")), ""},
		{Field("event.seats").Eq(Var("event.plan")), `"event.seats" is a number by the definition of its event, and never equals "event.plan", which is a string`},
		{Field("event.seats").Gt(Var("event.vip")), `"event.seats" is a number by the definition of its event, which operator "gt" cannot compare with "event.vip", a boolean`},
		{Field("event.seats").Gt(Now("-1 day")), `"event.seats" is a number by the definition of its event, which operator "gt" cannot compare with {"now":"-1 day"}`},
		{Field("trigger.seats").Eq("5"), `"trigger.seats" is a number by the definition of its event, and never equals "5"`},

		{Field("event.seats").Eq("5"), `"event.seats" is a number by the definition of its event, and never equals "5", which is a string`},
		{Field("event.vip").Neq("true"), `"event.vip" is a boolean by the definition of its event` + never},
		{Field("event.plan").Gt(5), `"event.plan" is a string by the definition of its event, which operator "gt" cannot compare with 5`},
		{Field("event.since").Lte(5), `"event.since" is a date by the definition of its event` + cannot},
		{Field("event.seats").Gt("2026-01-31"), `"event.seats" is a number by the definition of its event` + cannot},
		{Field("event.seats").StartsWith("5"), `"event.seats" is a number by the definition of its event` + cannot},
		{Field("event.plan").Contains(5), `"event.plan" is a string by the definition of its event` + cannot},
		{Field("event.vip").NotContains("x"), `"event.vip" is a boolean by the definition of its event` + cannot},
	} {
		a := Automation{Name: "Test", Steps: []Step{start, step("s", Condition{All(test.rule)})}, Connections: chain("start", "s")}
		var want []string
		if test.want != "" {
			want = []string{"warning event_field_type steps[1].config.rules[0]: " + test.want}
		}
		assertProblems(t, want, withCode(CodeEventFieldType, Validate(a, ValidateOptions{Definitions: []EventDefinition{flatUser}})))
	}
}

// A comparison with a warning about its type fails or never holds for all payloads that
// the definition accepts, and one without a warning can do both.
func TestValidate_WarnsAboutTypesAsRulesEvaluate(t *testing.T) {
	t.Parallel()
	samples := map[string][]any{
		"plan": {"", "pro", "2026-02-01", "5"}, "seats": {json.Number("0"), json.Number("5"), json.Number("9")},
		"since": {"2026-01-01", "2026-02-01"}, "vip": {true, false},
	}
	literals := []Value{String(""), String("pro"), String("2026-01-31"), Number(5), Bool(true)}
	for _, op := range operators {
		for name, values := range samples {
			for _, literal := range literals {
				rule := Rule{Field: "event." + name, Operator: op, Value: literal}
				if op.takesNone() || !op.accepts(literal) {
					continue
				}
				if op == OpIn {
					rule.Value, rule.Values = Value{}, []Value{literal}
				}
				works := false
				for _, value := range values {
					held, err := mustCompileRule(t, rule).Holds(Data{Event: map[string]any{name: value}})
					works = works || err == nil && (held || op != OpEq && op != OpIn) && (!held || op != OpNeq)
				}
				a := Automation{Name: "Test", Steps: []Step{start, step("s", Condition{rule})}, Connections: chain("start", "s")}
				warned := len(withCode(CodeEventFieldType, Validate(a, ValidateOptions{Definitions: []EventDefinition{flatUser}}))) > 0
				if op == OpEq || op == OpNeq || op == OpIn {
					works = works || !warned // another value can be equal
				}
				assert.Equal(t, works, !warned, "%+v", rule)
			}
		}
	}
}

func TestValidate_WarnsAboutAFewFieldsOnly(t *testing.T) {
	t.Parallel()
	variables := map[string]Value{}
	for i := range 3 * maxFieldWarnings {
		variables[fmt.Sprint("v", i)] = Var(fmt.Sprintf("event.f%d", i))
	}
	a := Automation{Name: "Test", Steps: []Step{start, step("s", email("t", variables))}, Connections: chain("start", "s")}
	properties := map[string]string{}
	for i := range 1000 {
		properties[fmt.Sprint("p", i)] = "string"
	}
	schema, err := json.Marshal(properties)
	require.NoError(t, err)
	problems := Validate(a, ValidateOptions{Definitions: []EventDefinition{define("user.created", string(schema))}})
	assert.Len(t, problems, maxFieldWarnings)
	for _, p := range problems {
		assert.Less(t, len(p.Message), 700)
		assert.False(t, strings.HasSuffix(p.Message, "…"))
	}
}

// In a filter, trigger. has the fields of the event that started the run, and event. those of
// the event that the wait is for.
func TestValidate_KnowsTheFieldsOfTheTriggerInFilters(t *testing.T) {
	t.Parallel()
	filter := All(Field("event.plna").Eq(Var("trigger.plna")), Field("event.id").In("a", 5))
	a := Automation{Name: "Test", Steps: []Step{start, step("s", WaitForEvent{EventName: "order", Timeout: oneDay, FilterRule: filter})}, Connections: chain("start", "s")}
	definitions := []EventDefinition{flatUser, define("order", `{"plan_id":"string","id":"string"}`)}
	problems := Validate(a, ValidateOptions{Definitions: definitions})
	assertProblems(t, []string{
		`warning unknown_event_field steps[1].config.filter_rule.rules[0].field: the definition of event "order" has no field "plna"`,
		`warning unknown_event_field steps[1].config.filter_rule.rules[0].value: the definition of event "user.created" has no field "plna": did you mean "trigger.plan"?`,
	}, withCode(CodeUnknownEventField, problems))
	assertProblems(t, []string{
		`warning event_field_type steps[1].config.filter_rule.rules[1].values[1]: "event.id" is a string by the definition of its event, and never equals 5, which is a number`,
	}, withCode(CodeEventFieldType, Validate(a, ValidateOptions{Definitions: definitions})))
}
