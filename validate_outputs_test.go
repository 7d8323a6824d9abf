package automation

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestValidate_FindsReferencesToOutputsThatAreNotThere(t *testing.T) {
	t.Parallel()
	reads := func(path string) StepConfig { return email("t", map[string]Value{"a": Var(path)}) }
	branches := []Connection{
		{From: "start", To: "check"}, {"check", "ask", ConnectionConditionMet}, {"check", "mail", ConnectionConditionNotMet}, {From: "ask", To: "mail"}, {From: "mail", To: "more"},
	}
	const at = "steps[3].config.template.variables.a: "
	for _, test := range []struct {
		name        string
		reader      StepConfig
		connections []Connection
		want        []string
	}{
		{"on every path", reads("steps.ask.resume_at"), chain("start", "check", "ask", "mail", "more"), nil},
		{"on every branch", reads("steps.check.branch"), branches, nil},
		{"on one branch", reads("steps.ask.resume_at"), branches, []string{"warning step_output_on_some_paths " + at + `"steps.ask.resume_at" reads the output of step "ask", which does not lie on every path`}},
		{"later", reads("steps.more.resume_at"), branches, []string{"error step_output_not_before " + at + `"steps.more.resume_at" reads the output of step "more", which lies on no path to this one`}},
		{"its own", reads("steps.mail.to"), branches, []string{"error step_output_not_before " + at}},
		{"of the trigger", reads("steps.start.plan"), branches, []string{"error invalid_reference " + at + `"steps.start.plan" reads the output of the trigger, which has none: write trigger.<field>`}},
		{"of no step", reads("steps.asks.resume_at"), branches, []string{"error invalid_reference " + at + `path "steps.asks.resume_at": there is no step "asks": did you mean "steps.ask.resume_at"?`}},
		{"in a filter", WaitForEvent{EventName: "x", Timeout: oneDay, FilterRule: All(Field("event.a").Eq(Var("steps.more.x")))}, branches, []string{"error step_output_not_before steps[3].config.filter_rule.rules[0].value: "}},
		{"in the field of a rule", WaitForEvent{EventName: "x", Timeout: oneDay, FilterRule: Not(Field("steps.ask.x").Exists())}, branches, []string{"warning step_output_on_some_paths steps[3].config.filter_rule.rules[0].field: "}},
		{"in a custom step", pagerConfig{Team: "ops", Text: Var("steps.more.x")}, branches, []string{"error step_output_not_before steps[3].config.text: "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := Automation{
				Name:        "Test",
				Steps:       []Step{start, step("check", Condition{Field("event.x").Exists()}), step("ask", aDelay), step("mail", test.reader), step("more", aDelay)},
				Connections: test.connections,
			}
			var problems Problems
			for _, p := range Validate(a, ValidateOptions{Registry: pagerRegistry()}) {
				switch p.Code {
				case CodeOutputNotBefore, CodeOutputSometimesBefore, CodeInvalidReference:
					problems = append(problems, p)
				}
			}
			assertProblems(t, test.want, problems)
		})
	}
}

// A mistake in a connection explains why a step is not before another one.
func TestValidate_IgnoresOutputsBehindAMistake(t *testing.T) {
	t.Parallel()
	a := Automation{
		Name:        "Test",
		Steps:       []Step{start, step("ask", aDelay), step("mail", email("t", map[string]Value{"a": Var("steps.ask.resume_at")}))},
		Connections: chain("start", "aks", "mail"),
	}
	assertProblems(t, []string{"error unknown_step connections[0].to", "error unknown_step connections[1].from"}, Validate(a, ValidateOptions{}))
}

// The flow follows all paths at once. The reference walks along each path separately.
func TestStepFlow_AgreesWithAllPaths(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := newStepGraph(genAutomation(t))
		flow := newStepFlow(g)
		paths, with := make([]int, len(g.types)), make([]map[int]int, len(g.types))
		var walk func(i int, before []int)
		walk = func(i int, before []int) {
			paths[i]++
			for _, b := range before {
				if with[i] == nil {
					with[i] = map[int]int{}
				}
				with[i][b]++
			}
			for _, l := range g.out(i) {
				walk(l.to, append(before[:len(before):len(before)], i))
			}
		}
		walk(g.trigger, nil)
		for i := range g.types {
			for from := range g.types {
				want := sometimesBefore
				switch with[i][from] {
				case 0:
					want = neverBefore
				case paths[i]:
					want = alwaysBefore
				}
				assert.Equal(t, want, flow.at(i, from), "step %d, from %d", i, from)
			}
		}
	})
}
