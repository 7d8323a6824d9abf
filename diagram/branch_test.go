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

// A wait for any of several events has a line for each name that is connected. The others join
// event_received or default, as the run does.
func TestWaitForAny_IsDrawnWithItsEvents(t *testing.T) {
	t.Parallel()
	wait := automation.WaitForAny{
		Events:  []automation.Listener{{Name: "paid", EventName: "order.paid"}, {Name: "left", EventName: "cart.emptied"}},
		Timeout: automation.MustParseDuration("1 day"),
	}
	kind, about := diagram.Describe(automation.Step{Key: "wait", Config: wait})
	assert.Equal(t, "wait for any event", kind)
	assert.Equal(t, "order.paid or cart.emptied, up to 1 day", about)
	for name, tt := range map[string]struct {
		connections   []automation.ConnectionType
		want, wantNot []string
	}{
		"one name":           {[]automation.ConnectionType{"paid"}, []string{"paid", "left", "timed out"}, []string{"received", "default"}},
		"the rest":           {[]automation.ConnectionType{"paid", automation.ConnectionEventReceived}, []string{"paid", "received", "timed out"}, []string{"left"}},
		"default":            {[]automation.ConnectionType{"paid", automation.ConnectionDefault}, []string{"paid", "default"}, []string{"left", "timed out"}},
		"all":                {[]automation.ConnectionType{"paid", "left", automation.ConnectionTimeout}, []string{"paid", "left", "timed out"}, []string{"received"}},
		"no connection":      {nil, []string{"paid", "left", "timed out"}, []string{"received"}},
		"default and others": {[]automation.ConnectionType{automation.ConnectionEventReceived, automation.ConnectionDefault, automation.ConnectionTimeout}, []string{"received", "default", "timed out"}, []string{"left"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := automation.Automation{
				Name:        "Wait",
				Steps:       []automation.Step{trigger("start", "signup"), {Key: "wait", Config: wait}},
				Connections: []automation.Connection{{From: "start", To: "wait"}},
			}
			for _, typ := range tt.connections {
				key := "to-" + string(typ[0:1])
				a.Steps = append(a.Steps, email(key, "x"))
				a.Connections = append(a.Connections, automation.Connection{From: "wait", To: key, Type: typ})
			}
			svg := string(diagram.SVG(a, diagram.Options{}))
			for _, word := range tt.want {
				assert.Contains(t, svg, ">"+word+"<")
			}
			for _, word := range tt.wantNot {
				assert.NotContains(t, svg, ">"+word+"<")
			}
		})
	}
}
