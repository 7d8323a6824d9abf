package automation

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

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
	size := q.Limit
	for res.HasMore {
		if left := opts.Max - res.Retried - res.Skipped; opts.Max > 0 {
			if left <= 0 {
				break
			}
			q.Limit = min(size, left)
		}
		q.After = res.After
		if err := r.retryPage(ctx, q, opts.DryRun, &res); err != nil {
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

// retryPage retries one page of runs, and adds to res.
func (r *Runner) retryPage(ctx context.Context, q RunQuery, dry bool, res *RetryResult) error {
	page, err := r.store.ListRuns(ctx, q)
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
		res.After = rec.ID
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
