package dashboard

import (
	"encoding/json"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// outlineStep is a step of a graph in the form of a list, which screen readers and narrow
// screens show in place of the diagram.
type outlineStep struct {
	Key, Type string
	About     string // what the step does, in a few words
	Counts    tally
	Next      []outlineNext
	Gone      bool // not in the version that is shown, although runs are at it
	// Here and Failed are the links to the runs that are at the step, or failed there.
	Here, Failed template.URL
}

// outlineNext is a connection.
type outlineNext struct{ Branch, To string }

// outlineOf returns the steps of a graph in their order, with how many runs are at each.
// After them come the steps of other versions at which runs are, or failed.
func outlineOf(a automation.Automation, counts map[string]tally) []outlineStep {
	var steps []outlineStep
	known := map[string]bool{}
	for i, s := range a.Steps {
		known[s.Key] = true
		steps = append(steps, outlineStep{
			Key: s.Key, Type: typeOf(s), About: describe(s.Config), Counts: counts[s.Key], Next: nextOf(a, i),
		})
	}
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[key]; !known[key] && n.Running+n.Failed > 0 {
			steps = append(steps, outlineStep{Key: key, Counts: counts[key], Gone: true})
		}
	}
	return steps
}

// nextOf returns the connections of the step with this place. It leaves out the only
// connection of a step if it leads to the step below.
func nextOf(a automation.Automation, place int) (next []outlineNext) {
	for _, c := range a.Connections {
		if c.From == a.Steps[place].Key {
			next = append(next, outlineNext{branchName(c.Type), c.To})
		}
	}
	if len(next) == 1 && place+1 < len(a.Steps) && next[0] == (outlineNext{"", a.Steps[place+1].Key}) {
		return nil
	}
	return next
}

// branchName returns the name of a branch for people, and "" for the default one.
func branchName(t automation.ConnectionType) string {
	switch t {
	case "", automation.ConnectionDefault:
		return ""
	case automation.ConnectionConditionMet:
		return "yes"
	case automation.ConnectionConditionNotMet:
		return "no"
	case automation.ConnectionEventReceived:
		return "received"
	default:
		return string(t) // timeout, and the branches of custom steps
	}
}

func typeOf(s automation.Step) string {
	if s.Config == nil {
		return ""
	}
	return string(s.Config.StepType())
}

// describe returns what a step does in a few words.
func describe(config automation.StepConfig) string {
	switch c := config.(type) {
	case automation.Trigger:
		return "on " + c.EventName
	case automation.Delay:
		return c.Duration.String()
	case automation.WaitForEvent:
		if c.Timeout.IsZero() {
			return c.EventName + ", however long"
		}
		return c.EventName + ", at most " + c.Timeout.String()
	case automation.SendEmail:
		if c.Subject != "" {
			return c.Template.ID + ": " + c.Subject
		}
		return c.Template.ID
	case automation.AddToSegment:
		return c.SegmentID
	case automation.ContactDelete:
		return "deletes the contact"
	default: // a condition, changes of a contact, and custom steps
		return short(configJSON(c))
	}
}

// configJSON returns the JSON of a config on one line, and "" if there is none.
func configJSON(c automation.StepConfig) string {
	if raw, ok := c.(automation.RawConfig); ok {
		return string(raw.Config)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return ""
	}
	return string(text)
}

// short cuts a text.
func short(text string) string {
	const most = 120
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
