package automation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
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

// retryPageSize is how many runs RetryRuns lists at once, unless the query has a limit.
const retryPageSize = 100

// RetryOptions are the options of RetryRuns. The zero value retries all failed runs that
// the query selects.
type RetryOptions struct {
	// DryRun counts the runs and retries none of them.
	DryRun bool
	// Max is how many runs to handle at most. Zero means all.
	Max int
	// Progress, if not nil, is called after each page of runs with what RetryRuns has
	// done so far. RetryRuns waits for it. To stop early, end the context.
	Progress func(RetryResult)
}

// RetryResult is what RetryRuns has done.
type RetryResult struct {
	// Retried is how many runs it retried or, with DryRun, would have retried.
	Retried int
	// Skipped is how many runs were no longer failed when their turn came, because
	// another caller had retried them or Prune had removed them.
	Skipped int
	// After is the id of the last run that was handled. A call with this RunQuery.After
	// continues with the next run.
	After string
	// HasMore reports whether there are failed runs that were not handled.
	HasMore bool
}

// RetryRuns retries the failed runs that q selects, such as all that failed in an outage of
// the mailer, from the newest to the oldest. Each run continues as after RetryRun, as soon
// as a Run or a Drain works on its contact. q.Limit is the size of a page, 100 by default.
// Runs that fail while RetryRuns works are not retried again.
//
// If q selects by CompletedFrom or CompletedUntil, the order is that of the failures. A run
// that goes on has no place in it: if q.After names one, RetryRuns begins with the newest
// failure. Therefore give a CompletedUntil in the past if calls continue one another.
//
// It is safe to call RetryRuns twice, from any node, and while runs are in progress. If it
// returns an error, the result holds what it did before, and a call with RetryResult.After
// as q.After continues from there. It fails with a *ValidationError if q selects another
// status than RunFailed or has a Before, and with ErrNotFound if q.After is not the id of
// a run.
func (r *Runner) RetryRuns(ctx context.Context, q RunQuery, opts RetryOptions) (RetryResult, error) {
	res := RetryResult{After: q.After, HasMore: true}
	if err := checkRetryQuery(&q, opts); err != nil {
		return res, err
	}
	if !opts.DryRun {
		defer r.wake()
	}
	if now := r.now().Add(time.Microsecond); q.ByCompletion() && (q.CompletedUntil.IsZero() || now.Before(q.CompletedUntil)) {
		q.CompletedUntil = now
	}
	size := q.Limit
	for res.HasMore {
		if left := opts.Max - res.Retried - res.Skipped; opts.Max > 0 {
			if left <= 0 {
				break
			}
			q.Limit = min(size, left)
		}
		if err := r.retryPage(ctx, &q, opts.DryRun, &res); err != nil {
			return res, fmt.Errorf("automation: retry runs: %w", err)
		}
		if opts.Progress != nil {
			opts.Progress(res)
		}
	}
	return res, nil
}

// checkRetryQuery makes q select failed runs. It returns a *ValidationError if q or opts
// are invalid.
func checkRetryQuery(q *RunQuery, opts RetryOptions) error {
	var ps Problems
	if slices.ContainsFunc(q.Statuses, func(s RunStatus) bool { return s != RunFailed }) {
		ps.Add(CodeInvalidStatus, "statuses", "only failed runs can be retried: leave the statuses out, or give %q", RunFailed)
	}
	if q.Before != "" {
		ps.Add(CodeInvalidCursor, "before", "runs are retried from the newest to the oldest: use after")
	}
	if opts.Max < 0 {
		ps.Add(CodeInvalidOption, "max", "%d is negative: give zero for all runs, or more", opts.Max)
	}
	if err := ps.Err("retry runs"); err != nil {
		return err
	}
	q.Statuses = []RunStatus{RunFailed}
	if q.Limit == 0 {
		q.Limit = retryPageSize
	}
	return q.Check()
}

// retryPage retries one page of runs, and adds to res. It makes q select the runs after
// them.
func (r *Runner) retryPage(ctx context.Context, q *RunQuery, dry bool, res *RetryResult) error {
	page, err := r.store.ListRuns(ctx, *q)
	if err != nil {
		return err
	}
	for _, rec := range page.Data {
		retried := true
		if !dry {
			if retried, err = r.requestRetry(ctx, rec.ID); err != nil {
				return fmt.Errorf("run %q: %w", rec.ID, err)
			}
		}
		if retried {
			res.Retried++
		} else {
			res.Skipped++
		}
		res.After, q.After = rec.ID, rec.ID
		if q.ByCompletion() {
			// The run may go on before the next page, and then has no place in the list.
			q.CompletedUntil = rec.CompletedAt.Add(time.Microsecond)
		}
	}
	res.HasMore = page.HasMore
	return nil
}

// requestRetry records a request to retry the run. It reports false if the run is not
// failed any more.
func (r *Runner) requestRetry(ctx context.Context, id string) (bool, error) {
	rec, err := r.store.RecordRunRequest(ctx, id, RequestRetry, r.now())
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
		return false, nil
	}
	return rec.Status == RunFailed, err
}
