package dashboard

import (
	"html/template"

	"github.com/seed-b636437c/automation"
)

// outcome is what became of an event.
type outcome struct {
	State   string // pending, started, resumed, ended or ignored
	Started []runLink
	Runs    template.URL // all that the event started
	Resumed []runLink
	Ended   []runLink
	Reason  string // why the event started, resumed and ended nothing
}

// runLink is a link to a run.
type runLink struct {
	ID   string
	Link template.URL
}

// Short returns the end of the id, in which ids of the same time differ.
func (l runLink) Short() string {
	const shown = 8
	if len(l.ID) <= shown {
		return l.ID
	}
	return "…" + l.ID[len(l.ID)-shown:]
}

// ignoredReasons are what EventRecord.Reason means.
var ignoredReasons = map[automation.EventReason]string{
	automation.ReasonContactDeleted: "The contact was deleted before the event was handled.",
	automation.ReasonFilterNotMet:   "A run waited for this event, but the filter of its wait did not match the payload.",
	automation.ReasonBeforeWait:     "A run waits for this event, but the event came before the wait began.",
	automation.ReasonRefused:        "The rules of entry kept the event from starting a run.",
	automation.ReasonDisabled:       "Every automation that starts with this event was disabled.",
	automation.ReasonNoMatch:        "No automation starts with this event, and no run of the contact waited for it.",
	"":                              "No run that the event started is kept, and no reason was recorded.",
}

// outcomeOf returns what became of an event.
func (x *exchange) outcomeOf(e automation.EventRecord) outcome {
	o := outcome{Started: x.runLinks(e.Started), Runs: x.to.With(x.to.To("runs"), "event", e.ID), Resumed: x.runLinks(e.Resumed), Ended: x.runLinks(e.Ended)}
	switch {
	case e.Status == automation.EventStatusPending:
		o.State = "pending"
	case len(o.Started) > 0:
		o.State = "started"
	case len(o.Resumed) > 0:
		o.State = "resumed"
	case len(o.Ended) > 0:
		o.State = "ended"
	default:
		o.State = "ignored"
		if o.Reason = ignoredReasons[e.Reason]; o.Reason == "" { // of a newer release
			o.Reason = string(e.Reason)
		}
	}
	return o
}

func (x *exchange) runLinks(ids []string) []runLink {
	links := make([]runLink, len(ids))
	for i, id := range ids {
		links[i] = runLink{id, x.to.To("runs", id)}
	}
	return links
}
