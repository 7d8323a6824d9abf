package record

import (
	"maps"
	"slices"

	"github.com/seed-b636437c/automation"
)

// Starts is what an event starts.
type Starts struct {
	Refs     []automation.VersionRef // of the enabled automations whose triggers name the event
	Gathers  []string                // the ids of those that gather
	Disabled bool                    // whether there are disabled ones
}

// Add adds an automation whose triggers name the event.
func (s *Starts) Add(v automation.VersionRef, enabled, gathers bool) {
	if !enabled {
		s.Disabled = true
		return
	}
	s.Refs = append(s.Refs, v)
	if gathers {
		s.Gathers = append(s.Gathers, v.AutomationID)
	}
}

// SetTriggerNames sets the names of the events that start runs of an automation, as
// TriggerNames has returned them.
func SetTriggerNames(a *automation.AutomationRecord, names []string) {
	a.EventName, a.EventNames = "", nil
	if len(names) > 0 {
		a.EventName = names[0]
	}
	if len(names) > 1 {
		a.EventNames = names
	}
}

// EncodeSet returns the members of a set as a JSON array, sorted.
func EncodeSet(set map[string]bool) string { return EncodeNames(slices.Sorted(maps.Keys(set))) }
