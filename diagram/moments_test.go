package diagram_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

func TestDescribe_StepsThatWaitForLocalTimes(t *testing.T) {
	t.Parallel()
	nine := automation.MustParseLocalTime("09:00")
	for want, config := range map[string]automation.StepConfig{
		"1 day before event.starts_at at 09:00, contact's zone": automation.DelayUntil{
			At: automation.Var("event.starts_at"), Offset: automation.MustParseOffset("-1 day"), Time: nine, Zone: automation.ContactZone(),
		},
		"2 hours after event.at": automation.DelayUntil{At: automation.Var("event.at"), Offset: automation.MustParseOffset("+2 hours")},
		"2026-12-24 at 09:00":    automation.DelayUntil{At: automation.String("2026-12-24"), Time: nine},
		"09:00, Europe/Berlin":   automation.DelayUntil{Next: &automation.NextTime{Time: nine}, Zone: automation.ZoneOf("Europe/Berlin")},
		"mon thu 09:00, after 1 day": automation.DelayUntil{
			Next:  &automation.NextTime{Weekdays: []automation.Weekday{automation.Monday, automation.Thursday}, Time: nine},
			After: automation.MustParseDuration("1 day"),
		},
		"mon 09:00–17:00, 22:00–24:00": automation.Window{Hours: []automation.Hours{
			{Days: []automation.Weekday{automation.Monday}, From: nine, To: automation.MustParseLocalTime("17:00")},
			{From: automation.MustParseLocalTime("22:00"), To: automation.MustParseLocalTime("24:00")},
		}},
	} {
		_, about := diagram.Describe(automation.Step{Key: "step", Config: config})
		assert.Equal(t, want, about)
	}
}

// A date that has passed has a branch of its own, unless the config states what happens then.
func TestDelayUntil_IsDrawnWithItsBranchForThePast(t *testing.T) {
	t.Parallel()
	draw := func(config automation.DelayUntil, connected ...automation.ConnectionType) string {
		a := automation.Automation{Name: "Until", Steps: []automation.Step{trigger("start", "signup"), {Key: "until", Config: config}, email("hello", "hello")}}
		a.Connections = []automation.Connection{{From: "start", To: "until"}}
		for _, typ := range connected {
			a.Connections = append(a.Connections, automation.Connection{From: "until", To: "hello", Type: typ})
		}
		return diagram.Mermaid(a, diagram.Options{})
	}
	date := automation.DelayUntil{At: automation.Var("event.at")}
	assert.Contains(t, draw(date, automation.ConnectionDefault, automation.ConnectionPast), `|"past"|`)
	date.IfPast = automation.OtherwiseEnd
	assert.NotContains(t, draw(date, automation.ConnectionDefault), "past")
}
