package dashboard

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

// comparison is what changed from one version to a later one.
type comparison struct {
	From, To    int
	Steps       []stepChange
	Connections []connectionChange
	Retry       *textChange // nil if the policy is the same
	Entry, Exit *textChange // nil if the rules are the same
}

// IsEmpty reports whether both versions do the same.
func (c comparison) IsEmpty() bool {
	return len(c.Steps) == 0 && len(c.Connections) == 0 && c.Retry == nil && c.Entry == nil && c.Exit == nil
}

// stepChange is a step that was added, removed or changed.
type stepChange struct {
	Key, Kind string
	textChange
}

// connectionChange is a connection that was added or removed.
type connectionChange struct{ Kind, From, Branch, To string }

// textChange is a text before and after a change, in lines.
type textChange struct{ Before, After []textLine }

// textLine is a line, and whether only one of two texts has it.
type textLine struct {
	Text string
	Only bool
}

// compare returns what changed between two versions, from the older one to the newer one.
// Steps are the same if they have the same key.
func compare(a, b automation.AutomationVersion) comparison {
	if a.Version > b.Version {
		a, b = b, a
	}
	c := comparison{From: a.Version, To: b.Version, Steps: stepChanges(a.Steps, b.Steps)}
	for _, gone := range without(a.Connections, b.Connections) {
		c.Connections = append(c.Connections, connectionChange{"removed", gone.From, diagram.BranchWord(gone.Type), gone.To})
	}
	for _, added := range without(b.Connections, a.Connections) {
		c.Connections = append(c.Connections, connectionChange{"added", added.From, diagram.BranchWord(added.Type), added.To})
	}
	if a.Retry != b.Retry {
		change := changeOf(jsonLines(a.Retry), jsonLines(b.Retry))
		c.Retry = &change
	}
	c.Entry, c.Exit = ruleChange(a.Entry, b.Entry), ruleChange(a.Exit, b.Exit)
	return c
}

// ruleChange returns what changed in the rules of entry or of exit, or nil. Rules may be nil.
func ruleChange[R any](before, after *R) *textChange {
	lines := func(rules *R) []string {
		if rules == nil {
			return nil
		}
		return jsonLines(rules)
	}
	if slices.Equal(lines(before), lines(after)) {
		return nil
	}
	change := changeOf(lines(before), lines(after))
	return &change
}

// stepChanges returns the steps that differ, in the order of the newer version, and then
// those that were removed.
func stepChanges(before, after []automation.Step) (changes []stepChange) {
	old := map[string][]string{}
	for _, s := range before {
		old[s.Key] = jsonLines(s)
	}
	kept := map[string]bool{}
	for _, s := range after {
		lines, ok := old[s.Key]
		kept[s.Key] = true
		switch now := jsonLines(s); {
		case !ok:
			changes = append(changes, stepChange{s.Key, "added", textChange{After: marked(now, now)}})
		case !slices.Equal(lines, now):
			changes = append(changes, stepChange{s.Key, "changed", changeOf(lines, now)})
		}
	}
	for _, s := range before {
		if !kept[s.Key] {
			changes = append(changes, stepChange{s.Key, "removed", textChange{Before: marked(old[s.Key], old[s.Key])}})
		}
	}
	return changes
}

// without returns the connections of a that b does not have.
func without(a, b []automation.Connection) (only []automation.Connection) {
	same := func(c automation.Connection) automation.Connection {
		if c.Type == "" {
			c.Type = automation.ConnectionDefault
		}
		return c
	}
	have := map[automation.Connection]bool{}
	for _, c := range b {
		have[same(c)] = true
	}
	for _, c := range a {
		if !have[same(c)] {
			only = append(only, c)
		}
	}
	return only
}

// jsonLines returns a value as indented JSON.
func jsonLines(v any) []string {
	encoded, err := json.Marshal(v)
	if err != nil {
		return []string{"a value without a document: " + err.Error()}
	}
	return strings.Split(indented(encoded), "\n")
}

// changeOf marks the lines that only one of the texts has. A comma at the end of a line does
// not count.
func changeOf(before, after []string) textChange {
	return textChange{marked(before, after), marked(after, before)}
}

func marked(lines, others []string) (out []textLine) {
	have := map[string]bool{}
	for _, line := range others {
		have[strings.TrimSuffix(line, ",")] = true
	}
	for _, line := range lines {
		out = append(out, textLine{line, !have[strings.TrimSuffix(line, ",")]})
	}
	return out
}
