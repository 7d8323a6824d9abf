package record

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// CheckProjection returns why no store can keep a projection, nil if a store can.
func CheckProjection(p *automation.Projection) error {
	if p.Source == "" {
		return invalidProjection("give the source a name")
	}
	if strings.HasPrefix(p.Source, enginePrefix) {
		return invalidProjection("the source %q may not begin with %q", p.Source, enginePrefix)
	}
	if p.Sequence <= p.After {
		return invalidProjection("the sequence %d is not after %d", p.Sequence, p.After)
	}
	for i := range p.Events {
		if flaw := eventFlaw(&p.Events[i]); flaw != "" {
			return invalidProjection("event %q %s", p.Events[i].Event.ID, flaw)
		}
	}
	for i := range p.Runs {
		if flaw := runFlaw(&p.Runs[i].RunRecord); flaw != "" {
			return invalidProjection("run %q %s", p.Runs[i].RunRecord.ID, flaw)
		}
	}
	return nil
}

func invalidProjection(format string, args ...any) error {
	return fmt.Errorf("projection: "+format+": %w", append(args, automation.ErrInvalid)...)
}

func eventFlaw(e *automation.ProjectedEvent) string {
	switch {
	case e.Event.ID == "":
		return "has no ID"
	case e.Event.ContactID == "" && e.Event.Email == "":
		return "has neither a ContactID nor an Email"
	case e.HandledAt.IsZero():
		return "has no HandledAt"
	default:
		return ""
	}
}

func runFlaw(r *automation.RunRecord) string {
	switch {
	case r.ID == "":
		return "has no ID"
	case r.AutomationID == "":
		return "has no AutomationID"
	case r.ContactID == "":
		return "has no ContactID"
	case !slices.Contains(statuses[:], r.Status):
		return fmt.Sprintf("has the status %q", r.Status)
	case r.CreatedAt.IsZero():
		return "has no CreatedAt"
	case r.Status != automation.RunRunning && r.CompletedAt.IsZero():
		return "has ended and has no CompletedAt"
	default:
		return ""
	}
}

// SourceElsewhere is for a projection from a sequence at which the source is not.
func SourceElsewhere(p *automation.Projection) error {
	return Conflict("source %q is not at sequence %d: read where it is with ProjectedTo, and project from there", p.Source, p.After)
}

// Catalog is a projection as stores write it.
type Catalog struct {
	// Events has each event once: those of the projection, and those that its runs name
	// besides. A store leaves out the events that it has.
	Events []CatalogEvent
	// Runs has each run once.
	Runs []automation.RunChange
	// Automations are those of the runs, in the order in which the runs name them.
	Automations []CatalogAutomation
}

// KeyOf returns the use of the idempotency key that a store keeps with a projected event, if
// there is one.
func KeyOf(e *automation.ProjectedEvent) (use KeyUse, ok bool) {
	ok = e.Event.IdempotencyKey != "" && e.ContentHash != "" && !e.KeyExpiresAt.IsZero()
	return KeyUse{Hash: e.ContentHash, EventID: e.Event.ID}, ok
}

// CatalogEvent is an event of a projection.
type CatalogEvent struct {
	automation.ProjectedEvent
	// Loose means that the store keeps beside the event what became of it. Otherwise
	// the runs that the event started show it.
	Loose bool
}

// CatalogAutomation is an automation of which a projection has runs.
type CatalogAutomation struct {
	ID string
	// Version is the highest version that the runs are of.
	Version int
	// At is when one of the runs was created.
	At time.Time
}

// CatalogOf returns a projection as stores write it.
func CatalogOf(p *automation.Projection) Catalog {
	c := Catalog{Runs: eachRunOnce(p.Runs)}
	started := map[string]*automation.RunRecord{}
	for i := range c.Runs {
		r := &c.Runs[i].RunRecord
		if r.EventID != "" && started[r.EventID] == nil {
			started[r.EventID] = r
		}
	}
	known := map[string]bool{}
	for i := range p.Events {
		if e := &p.Events[i]; !known[e.Event.ID] {
			known[e.Event.ID] = true
			c.Events = append(c.Events, catalogEvent(e, started[e.Event.ID]))
		}
	}
	for i := range c.Runs {
		if r := &c.Runs[i].RunRecord; r.EventID != "" && !known[r.EventID] {
			known[r.EventID] = true
			c.Events = append(c.Events, forgottenEvent(r))
		}
	}
	c.Automations = automationsOf(c.Runs)
	return c
}

// catalogEvent returns an event. run is one that the event started, nil if there is none.
// An event for an email that started a run belongs to the contact of the run.
func catalogEvent(e *automation.ProjectedEvent, run *automation.RunRecord) CatalogEvent {
	ce := CatalogEvent{ProjectedEvent: *e, Loose: true}
	if run != nil {
		ce.Event.ContactID = run.ContactID
		ce.Loose = len(e.Resumed) > 0 || e.Reason != "" || !e.HandledAt.Equal(run.CreatedAt)
	}
	if ce.Event.ContactID != "" {
		ce.Event.Email = ""
	}
	return ce
}

// forgottenEvent stands in for the event that started a run, in a store that has pruned
// the event: the run was pruned with it and goes on now.
func forgottenEvent(r *automation.RunRecord) CatalogEvent {
	at := acceptedBy(r.EventID, r.CreatedAt)
	return CatalogEvent{ProjectedEvent: automation.ProjectedEvent{
		Event:     automation.Event{ID: r.EventID, Name: r.EventName, ContactID: r.ContactID, OccurredAt: at, AcceptedAt: at},
		HandledAt: r.CreatedAt,
	}}
}

// acceptedBy returns when an event with this id was accepted, as far as the id shows that,
// but no later than latest. Lists of events rely on the time of an id.
func acceptedBy(id string, latest time.Time) time.Time {
	b, ok := uuid.Parse(id)
	if !ok || b[6]>>4 != 7 {
		return latest
	}
	var millis int64
	for _, octet := range b[:6] {
		millis = millis<<8 | int64(octet)
	}
	if at := time.UnixMilli(millis).UTC(); at.Before(latest) {
		return at
	}
	return latest
}

// eachRunOnce returns the runs as they are last. It merges the outputs of a run that is
// there several times.
func eachRunOnce(runs []automation.RunChange) []automation.RunChange {
	at := make(map[string]int, len(runs))
	once := make([]automation.RunChange, 0, len(runs))
	for i := range runs {
		j, known := at[runs[i].ID]
		if !known {
			at[runs[i].ID] = len(once)
			once = append(once, runs[i])
			continue
		}
		once[j] = followedBy(&once[j], &runs[i])
	}
	return once
}

// followedBy returns what two changes of a run do, one after the other.
func followedBy(first, second *automation.RunChange) automation.RunChange {
	both := *second
	if second.DropOutputs {
		return both
	}
	both.DropOutputs, both.Outputs = first.DropOutputs, slices.Clone(first.Outputs)
	for _, out := range second.Outputs {
		both.Outputs = slices.DeleteFunc(both.Outputs, func(o automation.StepOutput) bool { return o.Step == out.Step })
		both.Outputs = append(both.Outputs, out)
	}
	return both
}

func automationsOf(runs []automation.RunChange) (list []CatalogAutomation) {
	at := map[string]int{}
	for i := range runs {
		r := &runs[i]
		j, known := at[r.AutomationID]
		if !known {
			at[r.AutomationID] = len(list)
			list = append(list, CatalogAutomation{r.AutomationID, r.Version, r.CreatedAt})
			continue
		}
		list[j].Version = max(list[j].Version, r.Version)
	}
	return list
}
