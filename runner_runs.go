package automation

import (
	"context"
	"errors"
	"fmt"
)

// GetRun returns a run with its steps, or an error that wraps ErrNotFound. It needs no
// Registry: a Runner of a dashboard or of a tool shows runs with custom steps whose types
// it does not know. If this process cannot decode the state of the run, GetRun returns the
// run without steps, and Run.Error holds the reason unless the run has another error.
func (r *Runner) GetRun(ctx context.Context, id string) (Run, error) {
	rec, err := r.store.FindRun(ctx, id)
	if err != nil {
		return Run{}, fmt.Errorf("automation: %w", err)
	}
	return r.runWithSteps(ctx, rec, r.loadOutputs)
}

// runWithSteps decodes the steps of a run. It calls load, if that is not nil, for a state
// that lacks outputs.
func (r *Runner) runWithSteps(ctx context.Context, rec RunRecord, load func(context.Context, *State) error) (Run, error) {
	run := rec.run()
	g, err := r.displayGraph(ctx, VersionRef{rec.AutomationID, rec.Version})
	if err != nil && !errors.Is(err, errUnusable) {
		return Run{}, fmt.Errorf("automation: run %q: %w", rec.ID, err)
	}
	var s State
	if err == nil {
		s, err = g.decode(rec.ID, rec.State)
	}
	if err != nil {
		if run.Error == nil {
			run.Error = &StepError{Code: FailedDamaged, Message: err.Error()}
		}
		return run, nil
	}
	if load != nil && s.lacksOutputs() {
		if err := load(ctx, &s); err != nil {
			return Run{}, fmt.Errorf("automation: %w", err)
		}
	}
	run.Steps = g.StepRuns(s)
	return run, nil
}

// ListRuns lists runs, newest first, without their steps. It fails with a
// *ValidationError if the query is invalid, and with ErrNotFound if the cursor is not the
// id of a run.
func (r *Runner) ListRuns(ctx context.Context, q RunQuery) (Page[Run], error) {
	if err := q.Check(); err != nil {
		return Page[Run]{}, err
	}
	recs, err := r.store.ListRuns(ctx, q)
	if err != nil {
		return Page[Run]{}, fmt.Errorf("automation: list runs: %w", err)
	}
	page := Page[Run]{HasMore: recs.HasMore, Data: make([]Run, len(recs.Data))}
	for i, rec := range recs.Data {
		page.Data[i] = rec.run()
	}
	return page, nil
}

// CountRuns returns how many runs of these automations there are for each version, step
// and status, sorted by the id of the automation, version, step and status. It reads
// counters, and not runs. It fails with ErrNotFound if one of the automations does not
// exist, and counts nothing without ids.
func (r *Runner) CountRuns(ctx context.Context, automationIDs ...string) ([]RunCount, error) {
	counts, err := r.store.CountRuns(ctx, automationIDs...)
	if err != nil {
		return nil, fmt.Errorf("automation: count runs: %w", err)
	}
	return counts, nil
}

// CancelRun cancels a run before its next effect. An effect in flight finishes, and its
// outcome is recorded. CancelRun returns the run as it is now: cancelled or, while
// another Runner holds the lease of its contact, still running. That Runner then cancels
// the run.
//
// To cancel a run that has ended changes nothing. An unknown id fails with ErrNotFound.
// It is safe to call CancelRun twice, and from any node.
func (r *Runner) CancelRun(ctx context.Context, id string) (Run, error) {
	return r.request(ctx, id, RequestCancel)
}

// RetryRun makes a failed run continue from the step that failed, on the same version and
// with the same event. It returns the run as it is now. To retry a run in progress
// changes nothing. RetryRun fails with ErrConflict if the run is completed or cancelled,
// and with ErrNotFound. It is safe to call RetryRun twice, and from any node.
func (r *Runner) RetryRun(ctx context.Context, id string) (Run, error) {
	return r.request(ctx, id, RequestRetry)
}

// request records a request, so that it cannot get lost, and applies it at once if the
// contact is not leased. It performs no effects of a retried run: Run and Drain do that.
func (r *Runner) request(ctx context.Context, id string, c RunRequest) (Run, error) {
	rec, err := r.store.RecordRunRequest(ctx, id, c, r.now())
	if err != nil {
		return Run{}, fmt.Errorf("automation: %s run: %w", c, err)
	}
	defer r.wake()
	if (c == RequestCancel) == (rec.Status == RunRunning) {
		if err := r.serveRequests(ctx, ContactRef{ID: rec.ContactID}); err != nil {
			return Run{}, fmt.Errorf("automation: %s run %q: %w", c, id, err)
		}
	}
	return r.GetRun(ctx, id)
}

// serveRequests applies the requests about the runs of a contact, unless the contact is
// leased. It performs no effects: a task of Run or Drain does that after the next claim.
func (r *Runner) serveRequests(ctx context.Context, ref ContactRef) error {
	works, claimedAt, err := r.claim(ctx, ClaimParams{Limit: 1, Contact: ref})
	if err != nil || len(works) == 0 {
		return err
	}
	t := newTask(r, works[0], claimedAt)
	if err := t.begin(ctx); err != nil {
		return r.abandon(ctx, t, err)
	}
	for _, run := range t.takeReady() {
		if run.state.AttemptOpen() {
			t.advance(run, Input{Kind: InputReleased})
		}
	}
	_, _, err = r.writeTasks(ctx, []*task{t})
	return err
}
