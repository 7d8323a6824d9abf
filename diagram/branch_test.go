package diagram_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

// A branch step has a line for each branch that it names, in their order, and an end for each
// that leads nowhere.
func TestBranchSteps_AreDrawnWithTheirNames(t *testing.T) {
	t.Parallel()
	a := automation.Automation{
		Name: "Sort",
		Steps: []automation.Step{
			trigger("start", "user.created"),
			{Key: "sort", Config: automation.Branch{Branches: []automation.BranchRule{
				{Name: "team", Rule: automation.Field("event.seats").Gt(1)},
				{Name: "pro", Rule: automation.Field("event.plan").Eq("pro")},
			}}},
			email("invite", "invite"), email("tips", "tips"),
		},
		Connections: []automation.Connection{
			{From: "start", To: "sort"}, {From: "sort", To: "tips"}, {From: "sort", To: "invite", Type: "team"},
		},
	}
	kind, about := diagram.Describe(a.Steps[1])
	assert.Equal(t, "branch", kind)
	assert.Equal(t, "team, pro", about)
	text := diagram.Mermaid(a, diagram.Options{})
	for _, label := range []string{"team", "pro", "default"} {
		assert.Contains(t, text, label)
	}
	svg := string(diagram.SVG(a, diagram.Options{Run: &automation.Run{
		Status: automation.RunCompleted, Step: "sort",
		Steps: []automation.StepRun{
			{Key: "start", Status: automation.StepCompleted}, {Key: "sort", Status: automation.StepCompleted, Branch: "pro"},
			{Key: "invite", Status: automation.StepSkipped}, {Key: "tips", Status: automation.StepSkipped},
		},
	}}))
	assert.Contains(t, svg, ">pro<")
}
