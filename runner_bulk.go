package automation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// bulkPageSize is how many runs RetryRuns and CancelRuns list at once, unless the query has
// a limit.
const bulkPageSize = 100

// BulkOptions are the options of RetryRuns and CancelRuns. The zero value is about all runs
// that the query selects.
type BulkOptions struct {
	// DryRun counts the runs and changes none of them.
	DryRun bool
	// Max is how many runs to handle at most. Zero means all.
	Max int
	// Progress, if not nil, is called after each page of runs with what was done so far.
	// The call waits for it. To stop early, end the context.
	Progress func(BulkResult)
}

// BulkResult is what RetryRuns or CancelRuns has done.
type BulkResult struct {
	// Done is how many runs were retried or cancelled or, with DryRun, would have been.
	Done int
	// Skipped is how many runs had another status when their turn came: a failed run that
	// another caller had retried or Prune had removed, or a run that had ended.
	Skipped int
	// After is the id of the last run that was handled. A call with this RunQuery.After
	// continues with the next run.
	After string
	// HasMore reports whether there are runs that were not handled.
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
// returns an error, the result holds what it did before, and a call with BulkResult.After
// as q.After continues from there. It fails with a *ValidationError if q selects another
// status than RunFailed or has a Before, and with ErrNotFound if q.After is not the id of
// a run.
func (r *Runner) RetryRuns(ctx context.Context, q RunQuery, opts BulkOptions) (BulkResult, error) {
	return r.requestAll(ctx, q, bulk{opts, RequestRetry, RunFailed})
}

// CancelRuns cancels the running runs that q selects, from the newest to the oldest. Each
// run ends as after CancelRun, before its next effect, as soon as a Run or a Drain works on
// its contact. q.Limit is the size of a page, 100 by default. Runs that start while
// CancelRuns works are not cancelled: stop or disable the automation first.
//
// It is safe to call CancelRuns twice, and from any node. If it returns an error, the
// result holds what it did before, and a call with BulkResult.After as q.After continues
// from there. It fails with a *ValidationError if q selects another status than RunRunning
// or has a Before, and with ErrNotFound if q.After is not the id of a run.
func (r *Runner) CancelRuns(ctx context.Context, q RunQuery, opts BulkOptions) (BulkResult, error) {
	return r.requestAll(ctx, q, bulk{opts, RequestCancel, RunRunning})
}

// bulk is a request about many runs.
type bulk struct {
	BulkOptions
	request RunRequest
	status  RunStatus // of the runs that the request is about
}

// requestAll records the request about all runs that q selects. It performs no effects.
func (r *Runner) requestAll(ctx context.Context, q RunQuery, b bulk) (BulkResult, error) {
	res := BulkResult{After: q.After, HasMore: true}
	if err := b.check(&q); err != nil {
		return res, err
	}
	if !b.DryRun {
		defer r.wake()
	}
	if now := r.now().Add(time.Microsecond); q.ByCompletion() && (q.CompletedUntil.IsZero() || now.Before(q.CompletedUntil)) {
		q.CompletedUntil = now
	}
	size := q.Limit
	for res.HasMore {
		if left := b.Max - res.Done - res.Skipped; b.Max > 0 {
			if left <= 0 {
				break
			}
			q.Limit = min(size, left)
		}
		if err := r.requestPage(ctx, &q, b, &res); err != nil {
			return res, fmt.Errorf("automation: %s runs: %w", b.request, err)
		}
		if b.Progress != nil {
			b.Progress(res)
		}
	}
	return res, nil
}

// check makes q select the runs that the request is about. It returns a *ValidationError
// if q or an option is invalid.
func (b bulk) check(q *RunQuery) error {
	var ps Problems
	if slices.ContainsFunc(q.Statuses, func(s RunStatus) bool { return s != b.status }) {
		ps.Add(CodeInvalidStatus, "statuses", "only %s runs fit a request to %s: leave the statuses out, or give %q", b.status, b.request, b.status)
	}
	if q.Before != "" {
		ps.Add(CodeInvalidCursor, "before", "the order is from the newest run to the oldest: use after")
	}
	if b.Max < 0 {
		ps.Add(CodeInvalidOption, "max", "%d is negative: give zero for all runs, or more", b.Max)
	}
	if err := ps.Err(string(b.request) + " runs"); err != nil {
		return err
	}
	q.Statuses = []RunStatus{b.status}
	if q.Limit == 0 {
		q.Limit = bulkPageSize
	}
	return q.Check()
}

// requestPage records the request about one page of runs, and adds to res. It makes q select
// the runs after them.
func (r *Runner) requestPage(ctx context.Context, q *RunQuery, b bulk, res *BulkResult) error {
	page, err := r.store.ListRuns(ctx, *q)
	if err != nil {
		return err
	}
	for _, rec := range page.Data {
		fits := true
		if !b.DryRun {
			if fits, err = r.requestFor(ctx, rec.ID, b); err != nil {
				return fmt.Errorf("run %q: %w", rec.ID, err)
			}
		}
		if fits {
			res.Done++
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

// requestFor records the request about a run. It reports false if the run has another
// status by now, so that the request changes nothing.
func (r *Runner) requestFor(ctx context.Context, id string, b bulk) (bool, error) {
	rec, err := r.store.RecordRunRequest(ctx, id, b.request, r.now())
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
		return false, nil
	}
	return rec.Status == b.status, err
}
