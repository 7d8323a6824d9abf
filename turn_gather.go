package automation

import (
	"context"
	"errors"
	"iter"
)

// runningRuns returns the running runs that a contact has of an automation, newest first.
func (r *Runner) runningRuns(ctx context.Context, automationID, contactID string) iter.Seq2[RunRecord, error] {
	return Each(ctx, r.store.ListRuns, RunQuery{AutomationID: automationID, ContactID: contactID, Statuses: []RunStatus{RunRunning}})
}

// withStart returns the run with what a claim brings of the event that started it. An event
// that was pruned leaves nothing.
func (r *Runner) withStart(ctx context.Context, rec RunRecord) (ClaimedRun, error) {
	e, err := r.store.FindEvent(ctx, rec.EventID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return ClaimedRun{}, err
	}
	return ClaimedRun{RunRecord: rec, TriggerPayload: e.Payload, Cause: e.Cause}, nil
}

// gather loads the running runs of the run's automation and contact that the turn does not
// have yet.
func (t *turn) gather(ctx context.Context, of *activeRun) error {
	var ids []string
	for rec, err := range t.r.runningRuns(ctx, of.rec.AutomationID, of.rec.ContactID) {
		if err != nil {
			return err
		}
		if t.find(rec.ID) == nil {
			ids = append(ids, rec.ID)
		}
	}
	recs, err := t.r.store.FindRuns(ctx, ids) // with their state
	if err != nil {
		return err
	}
	for _, rec := range recs {
		run, err := t.r.withStart(ctx, rec)
		if err != nil {
			return err
		}
		t.in.Runs = append(t.in.Runs, run)
		if err := t.load(ctx, &run); err != nil {
			return err
		}
	}
	return nil
}
