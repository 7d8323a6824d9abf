package record

import "github.com/seed-b636437c/automation"

// Starts is what an event starts.
type Starts struct {
	Refs     []automation.VersionRef // of the enabled automations whose trigger names the event
	Disabled bool                    // whether there are disabled ones
}

// Add adds an automation whose trigger names the event.
func (s *Starts) Add(v automation.VersionRef, enabled bool) {
	if !enabled {
		s.Disabled = true
		return
	}
	s.Refs = append(s.Refs, v)
}
