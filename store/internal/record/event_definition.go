package record

import "github.com/seed-b636437c/automation"

// MatchesDefinition reports whether the Schema that an event was checked against is
// the schema of its definition as the store has it now. The caller looks the
// definition up by the event's name. It is nil if the lookup finds nothing. Because
// such a lookup also matches ids, it can find the definition of an event with another
// name, which counts as no definition.
func MatchesDefinition(n *automation.NewEvent, d *automation.EventDefinition) bool {
	if d == nil || d.Name != n.Event.Name {
		return n.Schema == ""
	}
	return n.Schema == string(d.Schema)
}
