package automation

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func email(id string, variables map[string]Value) SendEmail {
	return SendEmail{Template: TemplateRef{ID: id, Variables: variables}}
}

func TestValidate_Config(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config StepConfig
		want   []string // paths begin at steps[1].
	}{
		{"nil", nil, []string{"error invalid_config config: the step has no config"}},
		{"nil pointer", (*Delay)(nil), []string{"error invalid_config config: the step has no config"}},
		{"pointer", &Delay{Duration: oneDay}, []string{"error invalid_config config: the config is a pointer: give the automation.Delay itself"}},
		{"impostor", impostorConfig{}, []string{`error invalid_config config: step type "delay" is built in, and automation.impostorConfig is not its config`}},
		{"raw config of a built-in type", RawConfig{Type: TypeDelay}, []string{`error invalid_config config: step type "delay" is built in`}},

		{"delay without duration", Delay{}, []string{"error missing_field config.duration: the duration is missing"}},
		{"delay that is no duration", Delay{durationFromText("soon")}, []string{`error invalid_duration config.duration: duration "soon" is not understood`}},
		{"delay of nothing", Delay{durationFromText("0 days")}, []string{`error invalid_duration config.duration: duration "0 days" is not positive`}},
		{"delay backwards", Delay{DurationOf(-1)}, []string{`error invalid_duration config.duration: duration "-1ns" is not positive`}},
		{"delay at the limit", Delay{MustParseDuration("30 days")}, nil},
		{"delay over the limit", Delay{MustParseDuration("31 days")}, []string{`error limit_exceeded config.duration: duration "31 days" is over the limit of 30 days: raise Limits.Duration, or connect this delay to a second one for the rest`}},

		{"wait without event", WaitForEvent{Timeout: oneDay}, []string{"error missing_field config.event_name"}},
		{"wait for a reserved event", WaitForEvent{EventName: "resend:sent", Timeout: oneDay}, []string{`error invalid_event_name config.event_name: event name "resend:sent" must not begin with "resend:"`}},
		{"timeout over the limit", WaitForEvent{EventName: "x", Timeout: MustParseDuration("5 weeks")}, []string{`error limit_exceeded config.timeout: timeout "5 weeks" is over the limit of 30 days: raise Limits.Duration, or connect the timeout of this wait to a second wait for the rest`}},
		{"timeout that is no duration", WaitForEvent{EventName: "x", Timeout: durationFromText("")}, []string{"error invalid_duration config.timeout"}},
		{"wait with a bad filter", WaitForEvent{EventName: "x", Timeout: oneDay, FilterRule: All(Field("event.a").Gt("b"))}, []string{"error invalid_rule config.filter_rule.rules[0].value"}},

		{"condition without rule", Condition{}, []string{"error invalid_rule config.field", "error invalid_rule config.operator"}},
		{"rule with a bad field", Condition{Field("plan").Exists()}, []string{"error invalid_reference config.field"}},
		{"rule with too many groups", Condition{ruleInGroups(11)}, []string{"error limit_exceeded config.rules[0]"}},
		{"rule that contains itself", Condition{ruleInItself()}, []string{"error limit_exceeded config.rules[0]"}},

		{"email without template", SendEmail{}, []string{"error missing_field config.template.id: the template's id is missing"}},
		{"email with a text that cannot be stored", email("a\x00", nil), []string{"error invalid_config config.template.id"}},
		{"email with an id that cannot travel", email("a\r\nb", nil), []string{`error invalid_config config.template.id: the template's id "a\r\nb" must not contain control characters`}},
		{"email with an id that is too long", email(strings.Repeat("t", 256), nil), []string{"error invalid_config config.template.id"}},
		{"email with line breaks", SendEmail{Template: TemplateRef{ID: "t"}, From: "a@b.c\nBcc: d@e.f", Subject: "a\rb", ReplyTo: "a@b.c\r\n"}, []string{
			`error unsafe_header config.from: the sender "a@b.c\nBcc: d@e.f" has a line break`,
			"error unsafe_header config.subject", "error unsafe_header config.reply_to",
		}},
		{"email from nobody", SendEmail{Template: TemplateRef{ID: "t"}, From: "Acme", ReplyTo: "help@"}, []string{
			`error invalid_email config.from: the sender "Acme" is not an email address`,
			`error invalid_email config.reply_to: the reply address "help@" is not an email address`,
		}},
		{"email with everything", SendEmail{
			Template: TemplateRef{ID: "t", Variables: map[string]Value{"a": Null(), "b": Var("contact.email")}},
			From:     "Acme <a@acme.test>", Subject: "Hi", ReplyTo: "b@acme.test", Delivery: AtMostOnce,
		}, nil},
		{"email with an unknown delivery", SendEmail{Template: TemplateRef{ID: "t"}, Delivery: "twice"}, []string{`error invalid_config config.delivery: delivery "twice" is unknown`}},
		{"variables", email("t", map[string]Value{"": Null(), "a.b": Var("even.x"), "c": {}, "d": ValueOf(math.NaN()), "e": Var("wait_events.x.y")}), []string{
			"error invalid_config config.template.variables: a name is empty",
			`error invalid_reference config.template.variables["a.b"]`,
			`error invalid_config config.template.variables.c: "c" has no value`,
			"error invalid_config config.template.variables.d: a value cannot be NaN",
			"error wait_event_not_waited_for config.template.variables.e",
		}},

		{"update of nothing", ContactUpdate{Properties: map[string]Value{}}, []string{"error missing_field config: nothing is updated"}},
		{"update of all", ContactUpdate{FirstName: Null(), LastName: Var("event.name"), Unsubscribed: Bool(false), Properties: map[string]Value{"n": Number(1)}}, nil},
		{"update with wrong types", ContactUpdate{FirstName: Number(1), LastName: Bool(true), Unsubscribed: String("yes")}, []string{
			"error invalid_config config.first_name: 1 is not a name", "error invalid_config config.last_name",
			`error invalid_config config.unsubscribed: "yes" is neither true nor false`,
		}},
		{"unsubscribed cannot be cleared", ContactUpdate{Unsubscribed: Null()}, []string{"error invalid_config config.unsubscribed: null is neither"}},
		{"update with a bad reference", ContactUpdate{Unsubscribed: Var("contact.nickname")}, []string{"error invalid_reference config.unsubscribed"}},

		{"update with line breaks", ContactUpdate{FirstName: String("Ada\r\nBcc: eve@example.com"), LastName: String("a\nb"), Properties: map[string]Value{"note": String("a\nb")}}, []string{
			`error unsafe_header config.first_name: the name "Ada\r\nBcc: eve@example.com" has a line break`, "error unsafe_header config.last_name",
		}},

		{"segment with an id that cannot travel", AddToSegment{SegmentID: "a\nb"}, []string{"error invalid_config config.segment_id"}},
		{"wait for an event of the engine", WaitForEvent{EventName: "sys:contact.updated", Timeout: oneDay}, []string{`error invalid_event_name config.event_name: event name "sys:contact.updated" must not begin with "sys:"`}},
		{"wait for an event that is not UTF-8", WaitForEvent{EventName: "a\xff", Timeout: oneDay}, []string{`error invalid_event_name config.event_name: event name "a\xff" must be valid UTF-8`}},
		{"segment without id", AddToSegment{}, []string{"error missing_field config.segment_id: the segment id is missing"}},

		{"custom", pagerConfig{Team: "ops", Text: Var("event.text")}, nil},
		{"pointer to custom", &pagerConfig{Team: "ops"}, nil},
		{"raw custom", RawConfig{Type: "acme.pager", Config: []byte(`{"team":"ops"}`)}, nil},
		{"custom that refuses itself", pagerConfig{}, []string{"error invalid_config config: nobody is paged: give a team"}},
		{"custom that lists problems", pagerConfig{Team: "?"}, []string{"error invalid_config config.team: the team is a riddle"}},
		{"custom with bad references", pagerConfig{Team: "ops", Text: Var("x"), Extra: map[string]Value{"a.b": Var("y")}}, []string{
			"error invalid_reference config.text", `error invalid_reference config.extra["a.b"]`,
		}},
		{"raw custom that cannot be read", RawConfig{Type: "acme.pager", Config: []byte(`{"taem":"ops"}`)}, []string{"error unknown_field config.taem"}},
		{"unknown type", RawConfig{Type: "acme.other"}, []string{`error unknown_step_type type: step type "acme.other" is unknown`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := Automation{Name: "Test", Steps: []Step{start, step("s", test.config)}, Connections: chain("start", "s")}
			problems := Validate(a, ValidateOptions{Registry: pagerRegistry()}).Errors()
			for i, p := range problems {
				assert.Equal(t, "s", p.Step)
				problems[i].Path = p.Path[len("steps[1]."):]
			}
			assertProblems(t, test.want, problems)
		})
	}
}

func TestValidate_UnknownTypeWithoutRegistry(t *testing.T) {
	t.Parallel()
	a := Automation{Name: "Test", Steps: []Step{start, step("s", pagerConfig{Team: "ops"})}, Connections: chain("start", "s")}
	assertProblems(t, []string{"error unknown_step_type steps[1].type"}, Validate(a, ValidateOptions{}))
}

// ruleInGroups returns a rule in n groups.
func ruleInGroups(n int) Rule {
	rule := Field("event.a").Exists()
	for range n {
		rule = All(rule)
	}
	return rule
}

// ruleInItself returns a group that is a member of itself.
func ruleInItself() Rule {
	rules := make([]Rule, 1)
	rules[0] = Rule{Type: RuleAll, Rules: rules}
	return rules[0]
}

// A rule without a condition would hold for everything, or for nothing.
func TestParse_AndValidate_RefuseEmptyRules(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{
		`{}`, `{"type":"rule"}`, `{"type":null,"rules":null}`, `{"rules":[]}`, `{"type":"and"}`, `{"type":"and","rules":[]}`, `{"type":"or","rules":[]}`,
		`{"type":"not","rules":[]}`, `{"type":"or","rules":[{}]}`, `{"type":"and","rules":[{"type":"or","rules":[]}]}`, `{"type":"not","rules":[{}]}`,
		`{"type":"and","rules":[{"field":"event.x","operator":"exists"},{}]}`, `{"field":"event.x","operator":"in","values":[]}`,
	} {
		for _, config := range []string{
			`"type":"condition","config":` + rule, `"type":"wait_for_event","config":{"event_name":"x","timeout":"1 day","filter_rule":` + rule + `}`,
		} {
			a, err := Parse([]byte(`{"name":"Test","steps":[{"key":"start","type":"trigger","config":{"event_name":"x"}},{"key":"s",`+config+`}],"connections":[{"from":"start","to":"s"}]}`), nil)
			if err == nil {
				err = Validate(a, ValidateOptions{}).Err("automation")
			}
			if assert.Error(t, err, config) {
				assert.NotContains(t, err.Error(), "unknown", config)
			}
		}
	}
	for _, filter := range []string{``, `,"filter_rule":null`} {
		a, err := Parse([]byte(`{"name":"Test","steps":[{"key":"start","type":"trigger","config":{"event_name":"x"}},{"key":"s","type":"wait_for_event","config":{"event_name":"x","timeout":"1 day"`+filter+`}}],"connections":[{"from":"start","to":"s"}]}`), nil)
		assert.NoError(t, err)
		assert.NoError(t, Validate(a, ValidateOptions{}).Err("automation"), "every event is accepted")
	}
}
