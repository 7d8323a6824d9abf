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
		s, err = g.decode(rec)
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

// run returns the record as readers see it, without steps.
func (rec *RunRecord) run() Run {
	return Run{
		ID: rec.ID, AutomationID: rec.AutomationID, Version: rec.Version,
		ContactID: rec.ContactID, EventID: rec.EventID, EventName: rec.EventName,
		Status: rec.Status, Step: rec.Step, WaitEvent: rec.WaitEvent, DueAt: rec.DueAt, Error: rec.Error,
		CreatedAt: rec.CreatedAt, StartedAt: rec.CreatedAt, CompletedAt: rec.CompletedAt,
	}
}

// decode returns the state that is stored in rec. A run that could not be
// started yet has none.
func (g *Graph) decode(rec RunRecord) (State, error) {
	s := State{RunID: rec.ID}
	if len(rec.State) == 0 {
		return s, nil
	}
	if err := s.UnmarshalBinary(rec.State); err != nil {
		return s, err
	}
	if !g.fits(s) {
		return s, errDamagedState
	}
	return s, nil
}
