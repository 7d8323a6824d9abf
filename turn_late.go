package automation

import (
	"cmp"
	"context"
	"errors"
)

// startLate decides about the runs that were set aside before they could start, in the order of
// their events, and starts those that are admitted. They come before the pending events, which
// are later.
func (t *turn) startLate(ctx context.Context) error {
	for run := t.firstUnstarted(); run != nil; run = t.firstUnstarted() {
		if run.graph.whileRunning() != ReentryParallel {
			if err := t.gather(ctx, run); err != nil {
				return err
			}
		}
		if t.firstUnstarted() != run {
			continue // an earlier one was not due
		}
		if err := t.admitLate(ctx, run); err != nil {
			return err
		}
	}
	return nil
}

// firstUnstarted returns the run of the earliest event, of those that this process can start and
// has not started.
func (t *turn) firstUnstarted() (first *activeRun) {
	for _, run := range t.runs {
		if run.graph == nil || run.rec.Status != RunRunning || run.state.Status() != RunRunning || run.state.isStarted() {
			continue
		}
		if first == nil || cmp.Or(cmp.Compare(run.rec.EventID, first.rec.EventID), cmp.Compare(run.rec.ID, first.rec.ID)) < 0 {
			first = run
		}
	}
	return first
}

// admitLate decides about the entry of a run that was set aside before it could start, and
// starts it, or ends it because its event starts no run. A run that an event was to end while no
// process could read it ends too.
func (t *turn) admitLate(ctx context.Context, run *activeRun) error {
	e, err := t.startEvent(ctx, run)
	if err != nil {
		return err
	}
	if run.graph.entry != nil {
		d, entries, err := t.enter(ctx, run.graph, run.rec.AutomationID, &e, storedPayload(e.Payload))
		if err != nil {
			return err
		}
		if d.Code != "" {
			t.decide(d)
			t.advance(run, Input{Kind: InputCancelled, Code: CancelledNotAdmitted, Reason: "the event starts no run: " + string(d.Code)})
			return nil
		}
		t.entered(run.graph, entries, run.rec.ID)
	}
	t.advance(run, Input{Kind: InputStarted, Event: &e})
	if ended, err := t.exitEarlier(ctx, run); err != nil || ended {
		return err
	}
	return t.lookBackIfSet(ctx, run)
}

// startEvent returns the event that started the run. If it was pruned, the run's record has
// what is left of it.
func (t *turn) startEvent(ctx context.Context, run *activeRun) (Event, error) {
	ctx, cancel := context.WithTimeout(ctx, t.r.opts.StoreTimeout)
	defer cancel()
	rec, err := t.r.store.FindEvent(ctx, run.rec.EventID)
	if errors.Is(err, ErrNotFound) {
		return Event{
			ID: run.rec.EventID, Name: run.rec.EventName, ContactID: run.rec.ContactID, AcceptedAt: run.rec.CreatedAt, Payload: run.payload,
		}, nil
	}
	return rec.Event, err
}
