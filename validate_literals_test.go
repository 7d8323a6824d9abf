package automation

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestValidate_WarnsAboutReferencesInTexts(t *testing.T) {
	t.Parallel()
	const inValue = " stays as it is, because nothing is replaced in the text of a value: write "
	variable := func(text string) StepConfig { return email("t", map[string]Value{"PLAN": String(text)}) }
	header := func(subject string) StepConfig { return SendEmail{Template: TemplateRef{ID: "t"}, Subject: subject} }
	tests := []struct {
		name   string
		config StepConfig
		want   []string // paths begin at steps[1].config.
	}{
		{"two braces", variable("{{event.plan}}"), []string{
			`template.variables.PLAN: {{event.plan}}` + inValue + `{"var":"event.plan"} as the whole value`,
		}},
		{"three braces, spaces and a fallback", variable("{{{ event.plan | free }}}"), []string{
			`template.variables.PLAN: {{{ event.plan | free }}}` + inValue + `{"var":"event.plan"}`,
		}},
		{"a dollar", variable("${contact.first_name}"), []string{
			`template.variables.PLAN: ${contact.first_name}` + inValue + `{"var":"contact.first_name"}`,
		}},
		{"text around it", variable("Hi {{wait_events.card.added.brand}}!"), []string{
			`template.variables.PLAN: {{wait_events.card.added.brand}}` + inValue + `{"var":"wait_events.card.added.brand"}`,
		}},
		{"names of a contact", ContactUpdate{FirstName: String("{{event.first}}"), LastName: String("{{event.last}}")}, []string{
			`first_name: {{event.first}}`, `last_name: {{event.last}}`,
		}},
		{"property", ContactUpdate{Properties: map[string]Value{"plan": String("${event.plan}")}}, []string{`properties.plan: ${event.plan}`}},
		{"custom step", pagerConfig{Team: "ops", Text: String("{{event.text}}")}, []string{`text: {{event.text}}` + inValue}},
		{"subject", header("Your {{{event.plan}}} plan"), []string{
			`subject: {{{event.plan}}} is not replaced, because a mailer has no payloads of events: ` +
				`give the variable "PLAN": {"var":"event.plan"}, and write {{{PLAN}}} here`,
		}},
		{"addresses", SendEmail{
			Template: TemplateRef{ID: "t"}, From: "{{event.team-name}} <a@acme.test>", ReplyTo: "${wait_events.x.0} <a@acme.test>",
		}, []string{
			`from: {{event.team-name}} is not replaced, because a mailer has no payloads of events: give the variable "TEAMNAME": {"var":"event.team-name"}, and write {{{TEAMNAME}}} here`,
			`reply_to: ${wait_events.x.0} is not replaced`,
		}},
		{"rule", Condition{All(Field("event.a").Eq("{{event.b}}"))}, []string{
			`rules[0].value: {{event.b}} stays as it is, because nothing is replaced in the value of a rule: to compare with data, write {"var":"event.b"} as the whole value`,
		}},
		{"filter", WaitForEvent{EventName: "x", Timeout: oneDay, FilterRule: Field("event.a").Contains("${event.b}")}, []string{"filter_rule.value: ${event.b}"}},

		{"a subject has fields of the contact", header("Hello {{contact.first_name}}, {{{PLAN}}}"), nil},
		{"other texts with braces", email("t", map[string]Value{
			"a": String("{{PLAN}}"), "b": String("event.plan"), "c": String("${HOME}"), "d": String("{event}"), "e": String("{{eventually.so}}"), "f": String("{"),
			"g": String("a function(event){event.stop()}"),
		}), nil},
		{"references", email("t", map[string]Value{"PLAN": Var("event.plan")}), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := Automation{Name: "Test", Steps: []Step{start, step("s", test.config)}, Connections: chain("start", "s")}
			var want []string
			for _, line := range test.want {
				want = append(want, "warning reference_in_text steps[1].config."+line)
			}
			assertProblems(t, want, withCode(CodeReferenceInText, Validate(a, ValidateOptions{Registry: pagerRegistry()})))
		})
	}
}

func withCode(code Code, problems Problems) Problems {
	return slices.DeleteFunc(problems, func(p Problem) bool { return p.Code != code })
}

func TestValidate_NamesTheStepOfAReferenceInAText(t *testing.T) {
	t.Parallel()
	a := Automation{Name: "Test", Steps: []Step{start, step("s", ContactUpdate{FirstName: String("{{event.name}}")})}, Connections: chain("start", "s")}
	problems := Validate(a, ValidateOptions{})
	assert.Len(t, problems, 1)
	assert.Equal(t, "s", problems[0].Step)
}

func TestFindTag_IsShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<16)
	for _, text := range []string{
		"{{event." + long + "}}", "{{event.a|" + long + "}}", strings.Repeat("{", 1<<16), strings.Repeat("{{event.a", 1<<12), "{{event.\xff}}",
	} {
		tag, path := findTag(text)
		assert.Empty(t, tag)
		assert.Empty(t, path)
	}
}
