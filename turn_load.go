package automation

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// load adds a claimed run to the task. If this process cannot decode the run, load sets
// the run aside, and the other runs continue.
func (t *turn) load(ctx context.Context, c *ClaimedRun) error {
	run := t.add()
	run.rec, run.request, run.cause, run.payload = c.RunRecord, c.Request, c.Cause, c.TriggerPayload
	g, err := t.r.graph(ctx, VersionRef{c.AutomationID, c.Version})
	if err != nil && !errors.Is(err, errUnusable) {
		return err
	}
	if err == nil {
		run.graph = g
		run.state, err = g.decode(run.rec.ID, run.rec.State)
	}
	if err == nil && g.needsOutputs(&run.state) {
		if err := t.r.loadOutputs(ctx, &run.state); err != nil {
			return err
		}
		if g.needsOutputs(&run.state) {
			err = fmt.Errorf("%w: the store has lost an output", errDamagedState)
		}
	}
	if err == nil && run.request == RequestNone && run.rec.Status == RunRunning && run.state.Status() == RunFailed {
		// The retry was requested while no process could decode the run.
		run.rec.Status, run.request = RunFailed, RequestRetry
	}
	if err != nil {
		if run.rec.DecodeFailures > 0 && run.rec.DueAt.After(t.now) && run.request == RequestNone && t.contact != nil {
			run.graph = nil // the run came with an event, before its back-off is over
			return nil
		}
		t.setAside(run, err)
		return nil
	}
	if g.readsEvent {
		run.data.Event = storedPayload(c.TriggerPayload)
	}
	run.nameTrigger()
	if err := t.readSchemas(ctx, g); err != nil {
		return err
	}
	run.action = g.Action(run.state)
	if run.rec.DecodeFailures > 0 {
		return t.recover(ctx, run)
	}
	return nil
}

// The back-off of a run that is set aside. After maxDecodeFailures the run fails, unless
// it needs another version of the library or of the application.
const (
	setAsideInitial   = time.Second
	setAsideMax       = 5 * time.Minute
	maxDecodeFailures = 10
)

// setAside postpones a run that this process cannot decode, so that it does not delay the
// other runs.
func (t *turn) setAside(run *activeRun, err error) {
	rec := &run.rec
	rec.DecodeFailures++
	rec.Error = &StepError{Code: FailedDamaged, Message: err.Error()}
	rec.DueAt = t.now.Add(min(setAsideInitial<<min(rec.DecodeFailures-1, 20), setAsideMax))
	if run.request == RequestRetry {
		// The run continues from its failed step once a process can decode it.
		run.served, rec.Status, rec.CompletedAt = RequestRetry, RunRunning, time.Time{}
	}
	switch {
	case run.request == RequestCancel:
		run.served = RequestCancel
		rec.end(RunCancelled, &StepError{Code: CancelledByRequest, Message: cancelledMessage}, t.now)
	case rec.DecodeFailures >= maxDecodeFailures && !errors.Is(err, ErrNewerVersion):
		rec.end(RunFailed, rec.Error, t.now)
	case t.contact == nil && rec.Status == RunRunning:
		run.served = run.request
		rec.end(RunCancelled, &StepError{Code: contactGone.Code, Message: contactGone.Reason}, t.now)
	}
	run.moved, run.graph = true, nil
	t.touch(run)
	t.logSetAside(run, err)
}

// recover continues a run that was set aside. It looks back for events that came in the
// meantime, when no process could match them against the run's wait.
func (t *turn) recover(ctx context.Context, run *activeRun) error {
	run.rec.DecodeFailures, run.rec.Error = 0, nil
	t.touch(run)
	if run.rec.Status == RunFailed && run.request == RequestRetry && run.state.Status() == RunRunning {
		// The run failed because no process could decode it, not because of a
		// step.
		run.rec.Status, run.rec.CompletedAt = RunRunning, time.Time{}
		run.request, run.served, run.rec.DueAt = RequestNone, RequestRetry, t.now
	}
	if run.rec.Status != RunRunning || t.contact == nil {
		return nil
	}
	if ended, err := t.exitEarlier(ctx, run); err != nil || ended || run.action.Kind != ActionWait {
		return err
	}
	if _, err := t.lookBack(ctx, run); err != nil {
		return err
	}
	return t.lookBackIfSet(ctx, run)
}
