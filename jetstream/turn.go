package jetstream

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// setAsideFor is how long a contact waits whose turn could not be planned.
const setAsideFor = time.Second

// plan plans the turn of a contact, and applies it to the state. If the turn cannot be planned,
// its inputs wait in the state, and the other contacts go on.
func (p *partition) plan(ctx context.Context, w *work, c *automation.Contact, readAt, dueBy time.Time) {
	if w.woken {
		w.timer = time.Time{}
	}
	w.entries = append(w.state.Backlog, w.entries...)
	if len(w.state.Backlog) > 0 || !w.state.RetryAt.IsZero() {
		w.state.Backlog, w.state.RetryAt, w.dirty = nil, time.Time{}, true
	}
	if w.busy {
		p.setAside(w, readAt, errBusy)
		return
	}
	w.mergeTaken()
	p.renew(w, readAt, dueBy)
	in, events, err := p.input(ctx, w)
	if err == nil {
		in.Contact, in.ReadAt, in.DueBy, in.NewContactID = c, readAt, dueBy, p.newContactID
		if dueBy.IsZero() {
			in.DueBy = time.Unix(0, 0) // before the first tick nothing is due
		}
		in.MoreEvents = w.more
		in.OutcomesBy = readAt.Add(p.opts.EffectDeadline)
		w.turn, err = p.runner.Plan(withPlanning(ctx, p, in.Events), in)
	}
	if err == nil {
		err = p.place(ctx, w)
	}
	if err != nil {
		p.setAside(w, readAt, err)
		return
	}
	p.apply(w, events, in.OutcomesBy)
	w.putOff(readAt)
	if w.woken {
		next, _ := w.due()
		w.dirty = w.dirty || !next.IsZero() // its timer may not have been written
	}
}

// input returns what the contact's turn works on, and the entries of its events.
func (p *partition) input(ctx context.Context, w *work) (in automation.TurnInput, events []entry, err error) {
	in.Key = w.contact.key
	in.Outcomes = w.outcomes
	for _, e := range w.entries {
		switch e.Kind {
		case kindEvent:
			st := p.starts[e.Event.Name]
			in.Events = append(in.Events, automation.PendingEvent{
				Event: *e.Event, Starts: st.refs, Disabled: st.disabled, Unannounced: e.Unannounced,
			})
			events = append(events, e)
		case kindRequest:
			if err := p.request(ctx, w, e); err != nil {
				return in, nil, err
			}
		case kindOutcome:
			in.Outcomes = append(in.Outcomes, *e.Outcome)
		}
	}
	for i := range w.state.Runs {
		r := &w.state.Runs[i]
		if r.Status == automation.RunRunning || r.Request != automation.RequestNone {
			in.Runs = append(in.Runs, r.ClaimedRun)
		}
	}
	return in, events, nil
}

// request records a request with the run that it is about. A run that is to be retried comes
// back from the catalog.
func (p *partition) request(ctx context.Context, w *work, e entry) error {
	run := w.state.run(e.RunID)
	if run == nil && e.Request == automation.RequestRetry {
		if err := p.copies.flush(ctx); err != nil {
			return err
		}
		rec, err := p.Store.FindRun(ctx, e.RunID)
		if errors.Is(err, automation.ErrNotFound) {
			return nil // it was pruned
		}
		if err != nil {
			return err
		}
		event, err := p.Store.FindEvent(ctx, rec.EventID)
		if err != nil && !errors.Is(err, automation.ErrNotFound) {
			return err
		}
		w.state.Runs = append(w.state.Runs, storedRun{ClaimedRun: automation.ClaimedRun{RunRecord: rec, TriggerPayload: event.Payload, Cause: event.Cause}})
		run = &w.state.Runs[len(w.state.Runs)-1]
	}
	if run == nil {
		return nil // it has ended
	}
	run.Request, run.changed, w.dirty = e.Request, true, true
	return nil
}

// handles reports whether the turn has handled an event.
func (w *work) handles(eventID string) bool {
	return slices.ContainsFunc(w.turn.Handled, func(h automation.HandledEvent) bool { return h.ID == eventID })
}

// setAside keeps the inputs of a turn that could not be planned for a later turn.
func (p *partition) setAside(w *work, readAt time.Time, cause error) {
	level := slog.LevelError
	if errors.Is(cause, errBusy) {
		level = slog.LevelInfo
	}
	p.config.Logger.Log(context.Background(), level, "jetstream: contact set aside", "partition", p.number, "contact", w.contact.key.ID, "error", cause)
	w.turn, w.dirty, w.state.Key = automation.Turn{}, true, encodedRef(w.contact.key)
	w.state.Backlog = slices.DeleteFunc(slices.Concat(w.entries, w.later), func(e entry) bool { return e.taken })
	w.state.Unmoved = !w.adopted && !p.cp.Moved || w.state.Unmoved
	for i := range w.outcomes {
		w.state.Backlog = append(w.state.Backlog, entry{Kind: kindOutcome, Outcome: &w.outcomes[i]})
	}
	w.state.RetryAt = readAt.Add(setAsideFor)
}

// apply applies a planned turn to the state of its contact. by is when the outcomes of its effects
// count as unknown. A run that is due then without an effect of this turn is one that has got an
// exit while an earlier effect is in flight.
func (p *partition) apply(w *work, events []entry, by time.Time) {
	t := &w.turn
	w.state.Key = encodedRef(w.contact.key)
	for i := range t.Runs {
		w.state.change(&t.Runs[i], events)
	}
	for _, h := range t.Handled {
		i := slices.IndexFunc(events, func(e entry) bool { return e.Event.ID == h.ID })
		handled := handledEvent{Seq: events[i].Seq, HandledAt: t.Now, Resumed: h.Resumed, Ended: h.Ended, Reason: h.Reason, entry: events[i]}
		if handled.Seq == 0 {
			handled.ID = h.ID
		}
		if events[i].isSent() {
			handled.Event = events[i].Event
		}
		w.state.Handled = append(w.state.Handled, handled)
	}
	for _, d := range t.Decisions {
		w.state.Decisions = append(w.state.Decisions, keptDecision{Decision: d})
	}
	for _, e := range t.Entries {
		w.state.Entries = append(w.state.Entries, entryCount{EntryCount: e})
	}
	for _, o := range w.outcomes {
		delete(w.inFlight, o.RunID)
	}
	for i := range t.Runs {
		r := &t.Runs[i]
		if a, flies := w.inFlight[r.ID]; flies && r.Status == automation.RunRunning && r.DueAt.Equal(by) {
			if a != nil {
				a.withdraw() // the run ends, with the outcome if the effect has begun
			}
			continue
		}
		delete(w.inFlight, r.ID)
	}
	for _, e := range t.Effects {
		w.inFlight[e.Run.ID] = &attempt{step: e.Step, number: e.Attempt}
	}
	if t.Change != nil {
		w.state.Change = t.Change
	}
	w.state.Delete = w.state.Delete || t.Delete
	w.dirty = w.dirty || t.Delete || len(t.Runs)+len(t.Handled) > 0
	w.keepSent()
}

// keepSent keeps the events that steps have sent for the next turn of the contact, which is due at
// once. They are in the state, because that is written together with their runs.
func (w *work) keepSent() {
	for i := range w.turn.Events {
		w.state.Backlog = append(w.state.Backlog, entry{Kind: kindEvent, Key: w.contact.key, Event: &w.turn.Events[i].Event})
		w.state.RetryAt, w.dirty = w.turn.Now, true
	}
}

// change applies a change of a run.
func (s *contactState) change(c *automation.RunChange, events []entry) {
	run := s.run(c.ID)
	if run == nil {
		s.Runs = append(s.Runs, storedRun{})
		run = &s.Runs[len(s.Runs)-1]
		for _, e := range events {
			if e.Event.ID == c.EventID {
				run.TriggerPayload, run.Cause = e.Event.Payload, e.Event.Cause
			}
		}
	}
	run.RunRecord, run.changed = c.RunRecord, true
	run.Request = run.Request.Remaining(c)
	if c.DropOutputs {
		run.Outputs, run.DropOutputs = nil, true
	}
	for _, out := range c.Outputs {
		run.Outputs = slices.DeleteFunc(run.Outputs, func(o automation.StepOutput) bool { return o.Step == out.Step })
		run.Outputs = append(run.Outputs, out)
	}
}
