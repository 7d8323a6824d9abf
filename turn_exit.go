package automation

import (
	"context"
	"errors"
	"slices"
)

// exitRuns ends the runs that name the event as an exit, and returns their ids.
func (t *turn) exitRuns(e *Event, payload map[string]any) (ended []string) {
	for _, run := range t.runs {
		if run.graph == nil || run.state.Status() != RunRunning || !t.affects(e, run) {
			continue
		}
		if t.exit(run, e, payload) {
			ended = append(ended, run.rec.ID)
		}
	}
	return ended
}

// exit ends the run if it names the event as an exit.
func (t *turn) exit(run *activeRun, e *Event, payload map[string]any) bool {
	if !slices.Contains(run.graph.exitNames(), e.Name) {
		return false
	}
	in := Input{Now: t.now, Event: e, Payload: payload, Data: run.data}
	in.Data.Contact = t.contact
	x, ends, err := run.graph.Exits(run.state, in)
	if err != nil {
		evidence := Evidence{RunID: run.rec.ID, Error: err.Error()}
		t.decide(Decision{EventID: e.ID, AutomationID: run.rec.AutomationID, Code: DecisionExitFilterError, Evidence: evidence.encode()})
	}
	if ends {
		t.leave(run, x)
	}
	return ends
}

// leave ends a run early.
func (t *turn) leave(run *activeRun, x RunExit) {
	t.withdraw(run)
	t.advance(run, Input{Kind: InputExited, Exit: x, inFlight: t.awaits(run)})
}

// withdraw takes back the effect that this turn has planned for a run which ends before the
// effect can begin. So the record has no attempt that was cut off.
func (t *turn) withdraw(run *activeRun) {
	i := slices.Index(t.ready, run)
	if i < 0 {
		return
	}
	t.ready = slices.Delete(t.ready, i, i+1)
	if run.state.AttemptOpen() {
		t.advance(run, Input{Kind: InputReleased})
	}
}

// exitEarlier ends a run at an exit event that was accepted since it started, as far as the
// store has it: no process could look at the run when the event was handled, or the run had
// failed by then.
func (t *turn) exitEarlier(ctx context.Context, run *activeRun) (ended bool, err error) {
	if run.graph == nil || len(run.graph.exitNames()) == 0 || !run.state.isStarted() {
		return false, nil
	}
	events, err := t.earlierEvents(ctx, run, run.graph.exitNames())
	if err != nil {
		return false, err
	}
	started := run.state.startedAt()
	for i := range events {
		e := &events[i]
		if !t.affects(e, run) || isBefore(e, started, run.rec.EventID) {
			continue
		}
		if pending, err := t.isPending(ctx, e); err != nil {
			return false, err
		} else if pending {
			continue
		}
		if t.exit(run, e, storedPayload(e.Payload)) {
			return true, nil
		}
	}
	return false, nil
}

// isPending reports whether e is still to be handled: it ends its runs in its order, and its
// record has them. The turn need not have it, because a claim brings a part of many events, and
// others come after the claim.
func (t *turn) isPending(ctx context.Context, e *Event) (bool, error) {
	if slices.ContainsFunc(t.in.Events, func(pending PendingEvent) bool { return pending.ID == e.ID }) {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.r.opts.StoreTimeout)
	defer cancel()
	rec, err := t.r.store.FindEvent(ctx, e.ID)
	if errors.Is(err, ErrNotFound) { // it was pruned
		return false, nil
	}
	return rec.Status == EventStatusPending, err
}
