package record

import "github.com/seed-b636437c/automation"

// Fits reports whether an event was checked against its definition. That is what was
// found by the event's name; nil, and one that was found by its id, are none.
func MatchesDefinition(n *automation.NewEvent, d *automation.EventDefinition) bool {
	if d == nil || d.Name != n.Event.Name {
		return n.Schema == ""
	}
	return n.Schema == string(d.Schema)
}
