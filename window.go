package automation

import (
	"slices"
	"time"

	"github.com/seed-b636437c/automation/internal/civil"
)

// Window is when something is open. As a step it holds a run until it is open: the run goes
// on at once if it is open already. As SendEmail.Window and Options.Window it holds emails.
// Resend has no such step.
type Window struct {
	// Hours are open. There is at least one, and there are at most 10. They may overlap.
	Hours []Hours `json:"hours,omitzero"`
	// Zone is the time zone of the hours. It is looked up each time.
	Zone Zone `json:"zone,omitzero"`
	// Except are dates on which no hours begin, at most 100. Hours that began on the evening
	// before still end when they end.
	Except []Date `json:"except,omitempty"`
}

// The most that a window may have.
const (
	maxWindowHours = 10
	maxWindowDates = 100
)

// StepType returns TypeWindow.
func (Window) StepType() StepType { return TypeWindow }

// IsZero reports whether w is the zero Window, which means "not given".
func (w Window) IsZero() bool { return w.Hours == nil && w.Except == nil && w.Zone.IsZero() }

// clone returns a copy that shares no memory with w.
func (w Window) clone() Window {
	w.Hours, w.Except = slices.Clone(w.Hours), slices.Clone(w.Except)
	for i := range w.Hours {
		w.Hours[i].Days = slices.Clone(w.Hours[i].Days)
	}
	return w
}

// Next returns t if w is open at t on the clocks of zone, and otherwise the next instant at
// which it opens. It returns the zero time if w does not open within a year. It does not read
// w.Zone. Hours that are invalid are never open.
func (w Window) Next(t time.Time, zone *time.Location) time.Time {
	next, _ := civil.Window{Hours: w.Hours, Except: w.Except}.Next(t, zone)
	return next
}
