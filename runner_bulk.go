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
	b := bulk{request: RequestRetry, status: RunFailed, dryRun: opts.DryRun, max: opts.Max}
	if opts.Progress != nil {
		b.progress = func(res bulkResult) { opts.Progress(res.retried()) }
	}
	res, err := r.requestAll(ctx, q, b)
	return res.retried(), err
}

// CancelOptions are the options of CancelRuns. The zero value cancels all running runs that
// the query selects.
type CancelOptions struct {
	// DryRun counts the runs and cancels none of them.
	DryRun bool
	// Max is how many runs to handle at most. Zero means all.
	Max int
	// Progress, if not nil, is called after each page of runs with what CancelRuns has
	// done so far. CancelRuns waits for it. To stop early, end the context.
	Progress func(CancelResult)
}

// CancelResult is what CancelRuns has done.
type CancelResult struct {
	// Cancelled is how many runs it cancelled or, with DryRun, would have cancelled.
	Cancelled int
	// Skipped is how many runs had ended when their turn came.
	Skipped int
	// After is the id of the last run that was handled. A call with this RunQuery.After
	// continues with the next run.
	After string
	// HasMore reports whether there are running runs that were not handled.
	HasMore bool
}

// CancelRuns cancels the running runs that q selects, from the newest to the oldest. Each
// run ends as after CancelRun, before its next effect, as soon as a Run or a Drain works on
// its contact. q.Limit is the size of a page, 100 by default. Runs that start while
// CancelRuns works are not cancelled: stop or disable the automation first.
//
// It is safe to call CancelRuns twice, and from any node. If it returns an error, the
// result holds what it did before, and a call with CancelResult.After as q.After continues
// from there. It fails with a *ValidationError if q selects another status than RunRunning
// or has a Before, and with ErrNotFound if q.After is not the id of a run.
func (r *Runner) CancelRuns(ctx context.Context, q RunQuery, opts CancelOptions) (CancelResult, error) {
	b := bulk{request: RequestCancel, status: RunRunning, dryRun: opts.DryRun, max: opts.Max}
	if opts.Progress != nil {
		b.progress = func(res bulkResult) { opts.Progress(res.cancelled()) }
	}
	res, err := r.requestAll(ctx, q, b)
	return res.cancelled(), err
}

// bulk is a request about many runs.
type bulk struct {
	request  RunRequest
	status   RunStatus // of the runs that the request is about
	dryRun   bool
	max      int // 0 for all
	progress func(bulkResult)
}

// bulkResult is what has become of a bulk.
type bulkResult struct {
	done, skipped int
	after         string
	hasMore       bool
}

func (res bulkResult) retried() RetryResult {
	return RetryResult{Retried: res.done, Skipped: res.skipped, After: res.after, HasMore: res.hasMore}
}

func (res bulkResult) cancelled() CancelResult {
	return CancelResult{Cancelled: res.done, Skipped: res.skipped, After: res.after, HasMore: res.hasMore}
}

// requestAll records the request about all runs that q selects. It performs no effects.
func (r *Runner) requestAll(ctx context.Context, q RunQuery, b bulk) (bulkResult, error) {
	res := bulkResult{after: q.After, hasMore: true}
	if err := b.check(&q); err != nil {
		return res, err
	}
	if !b.dryRun {
		defer r.wake()
	}
	if now := r.now().Add(time.Microsecond); q.ByCompletion() && (q.CompletedUntil.IsZero() || now.Before(q.CompletedUntil)) {
		q.CompletedUntil = now
	}
	size := q.Limit
	for res.hasMore {
		if left := b.max - res.done - res.skipped; b.max > 0 {
			if left <= 0 {
				break
			}
			q.Limit = min(size, left)
		}
		if err := r.requestPage(ctx, &q, b, &res); err != nil {
			return res, fmt.Errorf("automation: %s runs: %w", b.request, err)
		}
		if b.progress != nil {
			b.progress(res)
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
	if b.max < 0 {
		ps.Add(CodeInvalidOption, "max", "%d is negative: give zero for all runs, or more", b.max)
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
func (r *Runner) requestPage(ctx context.Context, q *RunQuery, b bulk, res *bulkResult) error {
	page, err := r.store.ListRuns(ctx, *q)
	if err != nil {
		return err
	}
	for _, rec := range page.Data {
		fits := true
		if !b.dryRun {
			if fits, err = r.requestFor(ctx, rec.ID, b); err != nil {
				return fmt.Errorf("run %q: %w", rec.ID, err)
			}
		}
		if fits {
			res.done++
		} else {
			res.skipped++
		}
		res.after, q.After = rec.ID, rec.ID
		if q.ByCompletion() {
			// The run may go on before the next page, and then has no place in the list.
			q.CompletedUntil = rec.CompletedAt.Add(time.Microsecond)
		}
	}
	res.hasMore = page.HasMore
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
