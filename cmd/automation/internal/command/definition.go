package command

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// configs returns the configs of the steps by their keys.
func configs(steps []automation.Step) map[string]automation.StepConfig {
	all := make(map[string]automation.StepConfig, len(steps))
	for _, s := range steps {
		all[s.Key] = s.Config
	}
	return all
}

// maxDetail is how many characters of a config are shown.
const maxDetail = 70

// graph returns the steps with their configs and connections, in the order of the
// document.
func graph(a automation.Automation) table {
	var t table
	t.add("STEP", "TYPE", "CONFIG", "NEXT")
	for _, s := range a.Steps {
		t.add(s.Key, string(s.Config.StepType()), short(detail(s.Config), maxDetail), next(a, s.Key))
	}
	return t
}

// next lists where the connections of a step lead.
func next(a automation.Automation, key string) string {
	var parts []string
	for _, conn := range a.Connections {
		switch {
		case conn.From != key:
		case conn.Type == "" || conn.Type == automation.ConnectionDefault:
			parts = append(parts, conn.To)
		default:
			parts = append(parts, string(conn.Type)+" -> "+conn.To)
		}
	}
	if len(parts) == 0 {
		return "end"
	}
	return strings.Join(parts, ", ")
}

// detail returns the config of a step in a few words, and as JSON if there are none.
func detail(config automation.StepConfig) string {
	switch c := config.(type) {
	case automation.Trigger:
		return c.EventName
	case automation.Delay:
		return c.Duration.String()
	case automation.WaitForEvent:
		if c.Timeout.IsZero() {
			return c.EventName + ", however long"
		}
		return c.EventName + ", up to " + c.Timeout.String()
	case automation.WaitForAny:
		var events []string
		for _, l := range c.Events {
			events = append(events, l.EventName)
		}
		if c.Timeout.IsZero() {
			return strings.Join(events, " or ") + ", however long"
		}
		return strings.Join(events, " or ") + ", up to " + c.Timeout.String()
	case automation.Branch:
		names := make([]string, len(c.Branches))
		for i, branch := range c.Branches {
			names[i] = branch.Name
		}
		return strings.Join(names, ", ")
	case automation.Split:
		variants := make([]string, len(c.Variants))
		for i, v := range c.Variants {
			variants[i] = fmt.Sprintf("%s %d", v.Name, v.Weight)
		}
		return strings.Join(variants, ", ")
	case automation.DelayUntil, automation.Window:
		_, about := diagram.Describe(automation.Step{Config: config})
		return about
	case automation.SendEmail:
		return c.Template.ID
	case automation.SendEvent:
		return c.EventName
	case automation.AddToSegment:
		return c.SegmentID
	case automation.RemoveFromSegment:
		return c.SegmentID
	case automation.ContactDelete:
		return ""
	case automation.RawConfig:
		return string(c.Config)
	}
	text, err := jsondoc.Encode(config)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
