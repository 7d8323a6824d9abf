package automation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// affects reports whether an event may change a run that is there already: resume its wait, or
// end it. An event never does that to the run that it started, nor to the run that sent it.
func (t *turn) affects(e *Event, run *activeRun) bool {
	switch {
	case e.AutomationID != "" || run.rec.EventID == e.ID:
		return false
	case e.Cause == nil:
		return true
	default:
		return e.Cause.RunID != run.rec.ID && !t.isTooDeep(e)
	}
}

// isTooDeep reports whether too many automations led to the event.
func (t *turn) isTooDeep(e *Event) bool {
	return e.Cause != nil && len(e.Cause.Automations) > t.r.opts.Limits.Chain
}

// mayStart reports whether an event may start runs of the automation that its name starts.
func (t *turn) mayStart(e *Event, automationID string) bool {
	if e.AutomationID != "" && e.AutomationID != automationID {
		return false
	}
	return !t.closesChain(e, automationID)
}

// closesChain reports whether an event that a run has sent must not start the automation: the
// automation led to the event, or the chain is as long as it may be.
func (t *turn) closesChain(e *Event, automationID string) bool {
	return e.Cause != nil && (t.isTooDeep(e) || slices.Contains(e.Cause.Automations, automationID))
}

// startsAny reports whether the event starts a run.
func (t *turn) startsAny(e *PendingEvent) bool {
	return slices.ContainsFunc(e.Starts, func(v VersionRef) bool { return t.mayStart(&e.Event, v.AutomationID) })
}

// sentEvents are the events that a turn sends.
type sentEvents struct {
	events []NewEvent // since the last transition
	at     time.Time  // AcceptedAt of the latest one, also of an earlier transition
	n      uint8      // how many of that time were sent before it
}

// readSchemas reads the schemas of the events that runs of the graph can send.
func (t *turn) readSchemas(ctx context.Context, g *Graph) error {
	for _, name := range g.sends {
		if _, ok := t.schemas[name]; ok {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, t.r.opts.StoreTimeout)
		found, err := t.r.schemas.recent(ctx, t.r.store, name, t.r.now())
		cancel()
		if err != nil {
			return fmt.Errorf("definition of event %s: %w", jsondoc.Quote(name), err)
		}
		if t.schemas == nil {
			t.schemas = map[string]foundSchema{}
		}
		t.schemas[name] = found
	}
	return nil
}

// sendEvent adds an event to the next transition, together with the run.
func (t *turn) sendEvent(run *activeRun, effect *SendEventEffect) Input {
	payload, problems := scanPayload(effect.Payload, t.r.opts.Limits.PayloadBytes)
	if err := problems.Err("event " + jsondoc.Quote(effect.EventName)); err != nil {
		return Input{Kind: InputFailed, Err: Permanent(err)}
	}
	coerced, problems := t.schemas[effect.EventName].validate(payload)
	if len(problems) > 0 {
		return Input{Kind: InputFailed, Err: &SchemaError{Event: effect.EventName, Problems: problems}}
	}
	e := Event{
		Name: effect.EventName, ContactID: t.in.Key.ID, Payload: effect.Payload,
		Cause: run.cause.then(run.rec.ID, run.rec.AutomationID),
	}
	if coerced != nil {
		e.Payload = coerced
	}
	at, n := t.nextAcceptance()
	e.AcceptedAt, e.OccurredAt = at, at
	e.ID = uuid.Derived(at, n, run.rec.ID, run.action.Step)
	t.sent.events = append(t.sent.events, NewEvent{Event: e, HostContact: t.r.opts.Contacts != nil})
	t.notice(&EventAccepted{At: t.now, Event: e})
	return Input{Kind: InputSucceeded, Output: sentOutput(e.ID)}
}

// nextAcceptance returns when the next event that the turn sends is accepted: now, and not
// before the events of the contact that the turn has read or sent. n is how many events the turn
// has sent at that time already.
func (t *turn) nextAcceptance() (at time.Time, n uint8) {
	at = stamp(t.now)
	for i := range t.in.Events {
		at = later(at, stamp(t.in.Events[i].AcceptedAt))
	}
	if at = later(at, t.sent.at); !at.After(t.sent.at) {
		if n = t.sent.n + 1; n == 0 {
			at = at.Add(time.Microsecond)
		}
	}
	t.sent.at, t.sent.n = at, n
	return at, n
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
