// Package awaited names the events that steps and rules wait for, for what shows runs to people.
package awaited

import (
	"slices"

	"github.com/seed-b636437c/automation"
)

// ByStep returns the names of the events that end a step. It returns nil for a step that does
// not wait for events.
func ByStep(config automation.StepConfig) []string {
	switch c := config.(type) {
	case automation.WaitForEvent:
		return []string{c.EventName}
	case automation.WaitForAny:
		return Names(c.Events)
	default:
		return nil
	}
}

// Names returns the names of the events of listeners, each once.
func Names(listeners []automation.Listener) (names []string) {
	for _, l := range listeners {
		if !slices.Contains(names, l.EventName) {
			names = append(names, l.EventName)
		}
	}
	return names
}
