package automation

import (
	"maps"
	"slices"
	"time"
)

// Data is the input of rules and references. They never change it.
type Data struct {
	// Event is the payload of the event that started the run. In the filter of a
	// wait it is the payload of the incoming event. The Runner decodes numbers as
	// json.Number. Data of the host may contain any Go number.
	Event map[string]any
	// Contact is the run's contact. Nil means that the run has no contact.
	Contact *Contact
	// WaitEvents has, by event name, the payload of the last event that a wait of
	// this run received.
	WaitEvents map[string]map[string]any

	// Steps has, by key, the outputs of the steps that the run has completed or skipped,
	// and that rules or references read.
	Steps map[string]map[string]any
	// Trigger is, in the filter of a wait, the payload of the event that started the run.
	// Nil means that Event is this payload.
	Trigger map[string]any
	// Run is the run. Nil means that there is none.
	Run *RunData
	// Now is the time from which a rule's time, such as that of Now("-7 days"), is counted.
	// Without it, such a rule cannot be evaluated.
	Now time.Time

	// names are those of the automation: of events that were received or not, and of
	// steps. They determine what a reference means. If names is nil, WaitEvents and
	// Steps determine it.
	names *pathNames
}

// RunData is what rules and references read of a run.
type RunData struct {
	// ID is the id of the run.
	ID string
	// StartedAt is when the run started.
	StartedAt time.Time
	// Trigger is the name of the event that started the run.
	Trigger string
}

// pathNames returns the names that a reference can contain. A nil Data has none.
func (d *Data) pathNames() *pathNames {
	switch {
	case d == nil:
		return nil
	case d.names != nil:
		return d.names
	default:
		return &pathNames{waits: slices.Collect(maps.Keys(d.WaitEvents)), steps: slices.Collect(maps.Keys(d.Steps))}
	}
}
