package automation

import (
	"context"
	"errors"
	"fmt"
)

// GetRun returns a run with its steps, or an error that wraps ErrNotFound. The
// steps are missing if what is stored of the run cannot be read by this
// process; Run.Error says why.
func (r *Runner) GetRun(ctx context.Context, id string) (Run, error) {
	rec, err := r.store.FindRun(ctx, id)
	if err != nil {
		return Run{}, fmt.Errorf("automation: %w", err)
	}
	run := rec.run()
	g, err := r.graph(ctx, VersionRef{rec.AutomationID, rec.Version})
	if err != nil && !errors.Is(err, errUnreadable) {
		return Run{}, fmt.Errorf("automation: run %q: %w", id, err)
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
	run.Steps = g.StepRuns(s)
	return run, nil
}

// ListRuns lists runs, newest first, without their steps.
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

// CountRuns counts the runs of an automation by version, step and status.
func (r *Runner) CountRuns(ctx context.Context, automationID string) ([]RunCount, error) {
	counts, err := r.store.CountRuns(ctx, automationID)
	if err != nil {
		return nil, fmt.Errorf("automation: count runs: %w", err)
	}
	return counts, nil
}

// CancelRun cancels a run before its next effect; one in flight finishes and is
// recorded. It returns the run as it stands: cancelled, unless another Runner
// is at work on it right now and will cancel it in a moment. Cancelling a run
// that has ended changes nothing. It is safe to call twice and from any node.
func (r *Runner) CancelRun(ctx context.Context, id string) (Run, error) {
	return r.request(ctx, id, RequestCancel)
}

// RetryRun lets a failed run go on from the step that failed, on the same
// version and with the same event. It returns the run as it stands. Retrying a
// run in progress changes nothing; one that is completed or cancelled fails
// with ErrConflict. It is safe to call twice and from any node.
func (r *Runner) RetryRun(ctx context.Context, id string) (Run, error) {
	return r.request(ctx, id, RequestRetry)
}

// request records the request, so that it cannot be lost, and carries it out at
// once if nobody else holds the contact. Effects that a retried run comes to are
// left to Run and Drain.
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

// serveRequests applies the requests about a contact's runs, unless the contact is
// leased already. It performs no effects: the next claim does.
func (r *Runner) serveRequests(ctx context.Context, ref ContactRef) error {
	works, err := r.claim(ctx, ClaimParams{Limit: 1, Contact: ref})
	if err != nil || len(works) == 0 {
		return err
	}
	t := newTask(r, works[0])
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
