package automation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	start   = Step{Key: "start", Config: Trigger{EventName: "user.created"}}
	oneDay  = MustParseDuration("1 day")
	aDelay  = Delay{Duration: oneDay}
	isPro   = Condition{Rule: Field("event.plan").Eq("pro")}
	forPaid = WaitForEvent{EventName: "order.paid", Timeout: oneDay}
)

func step(key string, config StepConfig) Step { return Step{Key: key, Config: config} }

// chain returns connections that join the steps in a row.
func chain(keys ...string) []Connection {
	var connections []Connection
	for i := 1; i < len(keys); i++ {
		connections = append(connections, Connection{From: keys[i-1], To: keys[i]})
	}
	return connections
}

// linesOf returns one line for each problem: severity, code, path, text.
func linesOf(problems Problems) []string {
	var out []string
	for _, p := range problems {
		out = append(out, fmt.Sprintf("%s %s %s: %s", p.Severity, p.Code, p.Path, p.Message))
	}
	return out
}

// assertProblems compares the lines of problems with their expected beginnings.
func assertProblems(t *testing.T, want []string, got Problems) {
	t.Helper()
	all := linesOf(got)
	if !assert.Len(t, all, len(want), "%s", strings.Join(all, "\n")) {
		return
	}
	for i, prefix := range want {
		assert.Truef(t, strings.HasPrefix(all[i], prefix), "want %q…\ngot  %q", prefix, all[i])
	}
}

func TestValidate_ValidAutomationHasNoProblems(t *testing.T) {
	t.Parallel()
	a := Automation{
		Name: "Welcome",
		Steps: []Step{
			start,
			step("paid?", forPaid),
			step("thanks", SendEmail{Template: TemplateRef{ID: "thanks", Variables: map[string]Value{
				"amount": Var("wait_events.order.paid.amount"),
			}}}),
			step("nudge", SendEmail{Template: TemplateRef{ID: "nudge"}}),
		},
		Connections: []Connection{
			{From: "start", To: "paid?", Type: ConnectionDefault},
			{From: "paid?", To: "thanks", Type: ConnectionEventReceived},
			{From: "paid?", To: "nudge", Type: ConnectionTimeout},
		},
	}
	assert.Nil(t, Validate(a, ValidateOptions{}))
}

func TestValidate_IDTravels(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][]string{
		"":                       nil,
		"welcome-2":              nil,
		strings.Repeat("i", 255): nil,
		strings.Repeat("i", 256): {"error invalid_name id: the id "},
		"a\r\nb":                 {`error invalid_name id: the id "a\r\nb" must not contain control characters`},
		"a\xff":                  {`error invalid_name id: the id "a\xff" must be valid UTF-8`},
	} {
		a := Automation{ID: id, Name: "Test", Steps: []Step{start, step("a", aDelay)}, Connections: chain("start", "a")}
		assertProblems(t, want, Validate(a, ValidateOptions{}))
		assertProblems(t, want, headProblems(a))
	}
}

// People read messages, and hosts log them. Both need them short.
func TestValidate_MessagesRepeatLittleOfALongText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	configs := map[string]StepConfig{
		"event name":    WaitForEvent{EventName: long},
		"duration":      Delay{durationFromText(long)},
		"long duration": Delay{durationFromText("1 year" + long)},
		"field":         Condition{Field(long).Exists()},
		"contact field": Condition{Field("contact." + long).Exists()},
		"operator":      Condition{Rule{Field: "event.a", Operator: Operator(long)}},
		"rule type":     Condition{Rule{Type: RuleType(long)}},
		"rule value":    Condition{Field("event.a").Gt(long)},
		"rule var":      Condition{Field("event.a").Eq(Var(long))},
		"template":      email(long, map[string]Value{long: {}, "ref": Var(long), "text": String(long + "\xff"), "number": ValueOf(json.Number(long))}),
		"sender":        SendEmail{Template: TemplateRef{ID: "t"}, From: long, Subject: long + "\n", ReplyTo: long, Delivery: Delivery(long)},
		"update":        ContactUpdate{FirstName: String(long + "\n"), LastName: numberLiteral("1" + strings.Repeat("0", 1<<20)), Unsubscribed: String(long)},
		"segment":       AddToSegment{SegmentID: long},
		"unknown type":  RawConfig{Type: StepType(long)},
	}
	for name, config := range configs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Automation{
				ID: long, Name: long + "\xff", Status: Status(long),
				Steps: []Step{start, step(long, config)},
				Connections: []Connection{
					{From: "start", To: long}, {long, "start", ConnectionType(long)}, {long, long, ConnectionTimeout}, {From: long + "y", To: long},
				},
			}
			problems := Validate(a, ValidateOptions{})
			require.NotEmpty(t, problems)
			for _, p := range problems {
				assert.Less(t, len(p.String()), 700, p.Code)
			}
			_, err := Compile(a, CompileOptions{})
			assert.Less(t, len(err.Error()), 700*len(problems))
		})
	}
}

func TestValidate_Graph(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		steps       []Step
		connections []Connection
		want        []string
	}{
		{
			name: "no steps",
			want: []string{"error no_trigger steps: no step starts a run: make the first step a trigger"},
		},
		{
			name:        "no trigger",
			steps:       []Step{step("a", aDelay), step("b", aDelay)},
			connections: chain("a", "b"),
			want:        []string{"error no_trigger steps"},
		},
		{
			name:        "two triggers",
			steps:       []Step{start, step("again", Trigger{EventName: "x"}), step("lost", aDelay)},
			connections: chain("start", "again"),
			want:        []string{`error many_triggers steps[1].type: step "start" is the trigger already`},
		},
		{
			name:        "trigger not first",
			steps:       []Step{step("a", aDelay), start},
			connections: chain("start", "a"),
			want:        []string{"error trigger_not_first steps[1].type: the trigger is not the first step"},
		},
		{
			name:        "empty key",
			steps:       []Step{start, step("", aDelay)},
			connections: chain("start", ""),
			want:        []string{"error empty_step_key steps[1].key"},
		},
		{
			name:        "duplicate key",
			steps:       []Step{start, step("a", aDelay), step("a", aDelay)},
			connections: chain("start", "a"),
			want:        []string{"error duplicate_step_key steps[2].key: steps[1] has the same key"},
		},
		{
			name:        "key too long",
			steps:       []Step{start, step(strings.Repeat("k", 129), aDelay)},
			connections: chain("start", strings.Repeat("k", 129)),
			want:        []string{"error limit_exceeded steps[1].key: the key has 129 bytes, the limit is 128"},
		},
		{
			name:        "key that no store keeps",
			steps:       []Step{start, step("a\xff", aDelay), step("a\x00", aDelay)},
			connections: chain("start", "a\xff", "a\x00"),
			want: []string{
				"error invalid_name steps[1].key: the key must be valid UTF-8",
				"error invalid_name steps[2].key: the key must not contain control characters",
			},
		},
		{
			name:        "cycle",
			steps:       []Step{start, step("x", isPro), step("b", aDelay), step("c", aDelay)},
			connections: append(chain("start", "x"), Connection{"x", "b", ConnectionConditionMet}, Connection{"x", "c", ConnectionConditionNotMet}, Connection{From: "b", To: "x"}),
			want:        []string{"error cycle steps[1]: the steps run in a circle, x → b → x: remove one"},
		},
		{
			name:        "cycle away from the trigger",
			steps:       []Step{start, step("a", aDelay), step("b", aDelay)},
			connections: chain("a", "b", "a"),
			want: []string{
				"error cycle steps[1]: the steps run in a circle, a → b → a",
				"error unreachable_step steps[1]",
				"error unreachable_step steps[2]",
			},
		},
		{
			name:        "way back to the trigger is no cycle as well",
			steps:       []Step{start, step("a", aDelay)},
			connections: chain("start", "a", "start"),
			want:        []string{"error connection_to_trigger connections[1].to"},
		},
		{
			name:        "unreachable step",
			steps:       []Step{start, step("a", aDelay), step("lost", aDelay)},
			connections: chain("start", "a"),
			want:        []string{"error unreachable_step steps[2]: no path leads from the trigger to the step"},
		},
		{
			name:        "step after contact_delete",
			steps:       []Step{start, step("gone", ContactDelete{}), step("a", aDelay), step("b", aDelay)},
			connections: chain("start", "gone", "a", "b"),
			want: []string{
				"warning step_after_contact_delete steps[2]: the step never runs",
				"warning step_after_contact_delete steps[3]",
			},
		},
		{
			name:  "step after contact_delete that another path leads to",
			steps: []Step{start, step("pro?", isPro), step("gone", ContactDelete{}), step("a", aDelay)},
			connections: []Connection{
				{From: "start", To: "pro?"}, {"pro?", "gone", ConnectionConditionMet},
				{"pro?", "a", ConnectionConditionNotMet}, {From: "gone", To: "a"},
			},
		},
		{
			name:        "condition with one branch",
			steps:       []Step{start, step("pro?", isPro), step("a", aDelay)},
			connections: append(chain("start", "pro?"), Connection{"pro?", "a", ConnectionConditionNotMet}),
			want:        []string{`warning one_branch steps[1]: the condition has one branch only, and the run ends otherwise: add a connection of type "condition_met"`},
		},
		{
			name:        "condition without branches ends the run",
			steps:       []Step{start, step("pro?", isPro)},
			connections: chain("start", "pro?"),
		},
		{
			name:  "branches that meet at once",
			steps: []Step{start, step("pro?", isPro), step("paid?", forPaid), step("a", aDelay)},
			connections: []Connection{
				{From: "start", To: "pro?"},
				{"pro?", "paid?", ConnectionConditionMet}, {"pro?", "paid?", ConnectionConditionNotMet},
				{"paid?", "a", ConnectionEventReceived}, {"paid?", "a", ConnectionDefault},
			},
			want: []string{
				`warning branches_meet_at_once steps[1]: the branches "condition_met" and "condition_not_met" both lead to step "paid?"`,
				`warning branches_meet_at_once steps[2]: the branches "event_received" and "default" both lead to step "a"`,
			},
		},
		{
			name:        "wait without timeout",
			steps:       []Step{start, step("paid?", WaitForEvent{EventName: "order.paid"})},
			connections: chain("start", "paid?"),
			want:        []string{"warning wait_without_timeout steps[1].config: the wait has no timeout"},
		},
		{
			name:        "unhandled timeout",
			steps:       []Step{start, step("paid?", forPaid), step("a", aDelay)},
			connections: append(chain("start", "paid?"), Connection{"paid?", "a", ConnectionEventReceived}),
			want:        []string{`warning unhandled_timeout steps[1].config.timeout: the run fails when the wait times out: add a connection of type "timeout" or "default"`},
		},
		{
			name:        "default serves for both outcomes of a wait",
			steps:       []Step{start, step("paid?", forPaid), step("a", aDelay)},
			connections: chain("start", "paid?", "a"),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := Automation{Name: "Test", Steps: test.steps, Connections: test.connections}
			assertProblems(t, test.want, Validate(a, ValidateOptions{}))
		})
	}
}

func TestValidate_Automation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		a    Automation
		want []string
	}{
		{"no name", Automation{}, []string{"error invalid_name name: the automation has no name"}},
		{"name that is not UTF-8", Automation{Name: "\xff"}, []string{`error invalid_name name: the name "\xff" is not valid UTF-8`}},
		{"unknown status", Automation{Name: "A", Status: "paused"}, []string{`error invalid_status status: status "paused" is unknown: use "enabled" or "disabled"`}},
		{"enabled", Automation{Name: "A", Status: StatusEnabled}, nil},
		{"disabled", Automation{Name: "A", Status: StatusDisabled}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.a.Steps = []Step{start}
			assertProblems(t, test.want, Validate(test.a, ValidateOptions{}))
		})
	}
}

func TestValidate_StepLimit(t *testing.T) {
	t.Parallel()
	a := longAutomation(151)
	assert.Empty(t, Validate(longAutomation(150), ValidateOptions{}).Errors())
	assertProblems(t, []string{"error limit_exceeded steps: the automation has 151 steps, the limit is 150"}, Validate(a, ValidateOptions{}))
	assert.Empty(t, Validate(a, ValidateOptions{Limits: Limits{Steps: 151}}).Errors())
}

func TestValidate_ReportsEverythingAtOnceInDocumentOrder(t *testing.T) {
	t.Parallel()
	a := Automation{
		Status: "paused",
		Steps: []Step{
			step("wait", WaitForEvent{EventName: "resend:x", Timeout: durationFromText("soon")}),
			{Key: "start", Config: Trigger{}},
			step("start", Delay{}),
			step("mail", SendEmail{Subject: "a\r\nBcc: b", Template: TemplateRef{Variables: map[string]Value{"z": Var("x"), "b": Var("event.")}}}),
		},
		Connections: []Connection{
			{"start", "wait", "nope"}, {"wait", "wait", ConnectionTimeout}, {"mail", "start", ""}, {"x", "y", ""},
		},
	}
	assertProblems(t, []string{
		"error invalid_name name",
		"error invalid_status status",
		"error invalid_event_name steps[0].config.event_name",
		"error invalid_duration steps[0].config.timeout",
		"error trigger_not_first steps[1].type",
		"error missing_field steps[1].config.event_name",
		"error duplicate_step_key steps[2].key",
		"error missing_field steps[2].config.duration",
		"error unsafe_header steps[3].config.subject",
		"error missing_field steps[3].config.template.id",
		"error invalid_reference steps[3].config.template.variables.b",
		"error invalid_reference steps[3].config.template.variables.z",
		"error invalid_connection_type connections[0].type",
		"error self_connection connections[1].to",
		"error connection_to_trigger connections[2].to",
		"error unknown_step connections[3].from",
		"error unknown_step connections[3].to",
	}, Validate(a, ValidateOptions{}))
}

func TestValidate_NamesTheStepOrTheConnection(t *testing.T) {
	t.Parallel()
	a := Automation{
		Name:        "Test",
		Steps:       []Step{start, step("wait_1_day", Delay{Duration: durationFromText("0 days")})},
		Connections: chain("start", "wait_1_day", "x"),
	}
	problems := Validate(a, ValidateOptions{})
	require.Len(t, problems, 2)
	assert.Equal(t, `step "wait_1_day": duration "0 days" is not positive`, problems[0].String())
	assert.Equal(t, &Connection{From: "wait_1_day", To: "x"}, problems[1].Connection)
	assert.EqualError(t, problems[:1].Err(""), `automation: step "wait_1_day": duration "0 days" is not positive`)
}

// Every mutation breaks one rule of validation in any automation.
var mutations = map[Code]func(t *rapid.T, a *Automation){
	CodeNoTrigger: func(_ *rapid.T, a *Automation) { a.Steps = a.Steps[1:] },
	CodeTriggerNotFirst: func(_ *rapid.T, a *Automation) {
		last := len(a.Steps) - 1
		a.Steps[0], a.Steps[last] = a.Steps[last], a.Steps[0]
	},
	CodeMultipleTriggers: func(t *rapid.T, a *Automation) { anyStep(t, a).Config = Trigger{EventName: "again"} },
	CodeEmptyKey:         func(t *rapid.T, a *Automation) { anyStep(t, a).Key = "" },
	CodeDuplicateStep:    func(t *rapid.T, a *Automation) { anyStep(t, a).Key = a.Steps[0].Key },
	CodeUnreachable: func(_ *rapid.T, a *Automation) {
		a.Steps = append(a.Steps, step("island", aDelay))
	},
	CodeUnknownStep:    func(t *rapid.T, a *Automation) { anyConnection(t, a).To = "nowhere" },
	CodeSelfConnection: func(t *rapid.T, a *Automation) { c := anyConnection(t, a); c.To = c.From },
	CodeConnectionToTrigger: func(t *rapid.T, a *Automation) {
		a.Connections = append(a.Connections, Connection{From: anyStep(t, a).Key, To: a.Steps[0].Key})
	},
	CodeConnectionType:      func(t *rapid.T, a *Automation) { anyConnection(t, a).Type = "sideways" },
	CodeDuplicateConnection: func(t *rapid.T, a *Automation) { a.Connections = append(a.Connections, *anyConnection(t, a)) },
	CodeAmbiguousConnection: func(t *rapid.T, a *Automation) {
		c := *anyConnection(t, a)
		c.To = "fork"
		a.Steps = append(a.Steps, step("fork", aDelay))
		a.Connections = append(a.Connections, c)
	},
	CodeCycle: func(t *rapid.T, a *Automation) {
		c := anyConnection(t, a)
		a.Steps = append(a.Steps, step("detour", aDelay), step("back", aDelay))
		a.Connections = append(a.Connections, Connection{"detour", "back", ""}, Connection{"back", "detour", ""})
		c.To = "detour"
	},
	CodeInvalidDuration:  func(t *rapid.T, a *Automation) { anyStep(t, a).Config = Delay{Duration: durationFromText("soon")} },
	CodeInvalidReference: func(t *rapid.T, a *Automation) { anyStep(t, a).Config = ContactUpdate{FirstName: Var("nothing")} },
	CodeOutputNotBefore: func(t *rapid.T, a *Automation) {
		s := anyStep(t, a)
		s.Config = ContactUpdate{FirstName: Var("steps." + s.Key + ".x")}
	},
	CodeWaitNeverBefore: func(t *rapid.T, a *Automation) {
		anyStep(t, a).Config = Condition{Rule: Field("wait_events.never.sent").Exists()}
	},
}
