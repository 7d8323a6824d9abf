package automation

import (
	"maps"
	"slices"
)

// Data is what rules and references read, and never change.
type Data struct {
	// Event is the payload of the event that started the run, decoded with
	// numbers as json.Number, though a host's own Data may have any Go number; in
	// a wait's filter it is that of the incoming event.
	Event map[string]any
	// Contact is the run's contact, or nil if there is none.
	Contact *Contact
	// WaitEvents are the payloads of the last event received by a wait for each
	// event name in this run.
	WaitEvents map[string]map[string]any

	// waitNames are the names of all events that the graph waits for, received
	// or not. They decide which event a reference means. Without them the names
	// in WaitEvents do.
	waitNames []string
}

// eventsWaitedFor returns the event names that a wait_events reference can
// mean. A nil Data has none.
func (d *Data) eventsWaitedFor() []string {
	switch {
	case d == nil:
		return nil
	case d.waitNames != nil:
		return d.waitNames
	default:
		return slices.Collect(maps.Keys(d.WaitEvents))
	}
}
