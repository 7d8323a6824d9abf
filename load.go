package automation

import (
	"context"
	"errors"
	"time"
)

// load makes an activeRun of a claimed run. One that cannot be read is set
// aside, and all others go on.
func (t *task) load(ctx context.Context, c *ClaimedRun) error {
	run := newRun()
	run.rec, run.request = c.RunRecord, c.Request
	g, err := t.r.graph(ctx, VersionRef{c.AutomationID, c.Version})
	if err != nil && !errors.Is(err, errUnreadable) {
		return err
	}
	if err == nil {
		run.graph = g
		run.state, err = g.decode(run.rec)
	}
	if err == nil && run.request == RequestNone && run.rec.Status == RunRunning && run.state.Status() == RunFailed {
		// It was to be retried while it could not be read.
		run.rec.Status, run.request = RunFailed, RequestRetry
	}
	t.runs = append(t.runs, run)
	if err != nil {
		if run.rec.DecodeFailures > 0 && run.rec.DueAt.After(t.now) && run.request == RequestNone && t.contact != nil {
			run.graph = nil // an event has brought it; its back-off goes on
			return nil
		}
		t.setAside(run, err)
		return nil
	}
	if g.readsEvent {
		run.data.Event = storedPayload(c.TriggerPayload)
	}
	run.action = g.Action(run.state)
	if run.rec.DecodeFailures > 0 {
		return t.recover(ctx, run)
	}
	return nil
}

// The back-off of a run that cannot be read. After maxDecodeFailures a damaged one is
// failed; one that a newer version can read is left to that.
const (
	unreadableInitial = time.Second
	unreadableMax     = 5 * time.Minute
	maxDecodeFailures = 10
)

// setAside puts off a run that cannot be read, so that it does not get in the
// way of the others.
func (t *task) setAside(run *activeRun, err error) {
	run.rec.DecodeFailures++
	run.rec.Error = &StepError{Code: FailedDamaged, Message: err.Error()}
	if run.request == RequestRetry {
		// It will go on from its failed step once it can be read.
		run.served, run.rec.Status, run.rec.CompletedAt = RequestRetry, RunRunning, time.Time{}
	}
	wait := min(unreadableInitial<<min(run.rec.DecodeFailures-1, 20), unreadableMax)
	run.rec.DueAt = t.now.Add(wait)
	if run.rec.DecodeFailures >= maxDecodeFailures && !errors.Is(err, ErrNewerVersion) {
		run.rec.Status, run.rec.DueAt, run.rec.CompletedAt, run.rec.WaitEvent = RunFailed, time.Time{}, t.now, ""
	}
	if run.request == RequestCancel {
		run.served, run.rec.DueAt, run.rec.CompletedAt, run.rec.WaitEvent = RequestCancel, time.Time{}, t.now, ""
		run.rec.Status, run.rec.Error = RunCancelled, &StepError{Code: CancelledByRequest, Message: cancelledMessage}
	} else if t.contact == nil && run.rec.Status == RunRunning {
		run.served, run.rec.DueAt, run.rec.CompletedAt, run.rec.WaitEvent = run.request, time.Time{}, t.now, ""
		run.rec.Status, run.rec.Error = RunCancelled, &StepError{Code: contactGone.Code, Message: contactGone.Reason}
	}
	run.dirty, run.moved, run.graph = true, true, nil
	t.r.opts.Logger.Error("automation: run set aside", "run", run.rec.ID, "setbacks", run.rec.DecodeFailures, "error", err)
}

// recover takes up a run that could not be read before. Events that came in the
// meantime could not be matched: the run looks back for them.
func (t *task) recover(ctx context.Context, run *activeRun) error {
	run.rec.DecodeFailures, run.rec.Error, run.dirty = 0, nil, true
	if run.rec.Status == RunFailed && run.request == RequestRetry && run.state.Status() == RunRunning {
		// It was failed for being unreadable, not by a step.
		run.rec.Status, run.rec.CompletedAt = RunRunning, time.Time{}
		run.request, run.served, run.rec.DueAt = RequestNone, RequestRetry, t.now
	}
	if run.action.Kind != ActionWait || run.rec.Status != RunRunning {
		return nil
	}
	if _, err := t.lookBack(ctx, run); err != nil {
		return err
	}
	return t.lookBackIfAsked(ctx, run)
}
