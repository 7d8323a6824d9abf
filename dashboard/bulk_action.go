package dashboard

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// bulkAction is what a job does with many runs.
type bulkAction string

const (
	bulkRetry  bulkAction = "retry"
	bulkCancel bulkAction = "cancel"
)

// status is the status of the runs that the action is about.
func (a bulkAction) status() automation.RunStatus {
	if a == bulkRetry {
		return automation.RunFailed
	}
	return automation.RunRunning
}

// bulkResult is what an action has done so far.
type bulkResult struct {
	Done    int // runs that were retried or cancelled
	Skipped int // runs that had another status when their turn came
	HasMore bool
}

// do does the action for the runs of q, max of them at most unless it is zero. After each
// page it calls progress, which may be nil.
func (a bulkAction) do(ctx context.Context, runner *automation.Runner, q automation.RunQuery, dryRun bool, most int, progress func(bulkResult)) (bulkResult, error) {
	if a == bulkRetry {
		from := func(r automation.RetryResult) bulkResult { return bulkResult{r.Retried, r.Skipped, r.HasMore} }
		opts := automation.RetryOptions{DryRun: dryRun, Max: most}
		if progress != nil {
			opts.Progress = func(r automation.RetryResult) { progress(from(r)) }
		}
		res, err := runner.RetryRuns(ctx, q, opts)
		return from(res), err
	}
	from := func(r automation.CancelResult) bulkResult { return bulkResult{r.Cancelled, r.Skipped, r.HasMore} }
	opts := automation.CancelOptions{DryRun: dryRun, Max: most}
	if progress != nil {
		opts.Progress = func(r automation.CancelResult) { progress(from(r)) }
	}
	res, err := runner.CancelRuns(ctx, q, opts)
	return from(res), err
}

// withAction adds an action to the query of a filter.
func withAction(action bulkAction, query string) string {
	if query != "" {
		query = "&" + query
	}
	return "action=" + string(action) + query
}
