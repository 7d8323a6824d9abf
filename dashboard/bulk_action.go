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

// do does the action for the runs of q.
func (a bulkAction) do(ctx context.Context, runner *automation.Runner, q automation.RunQuery, opts automation.BulkOptions) (automation.BulkResult, error) {
	if a == bulkRetry {
		return runner.RetryRuns(ctx, q, opts)
	}
	return runner.CancelRuns(ctx, q, opts)
}

// withAction adds an action to the query of a filter.
func withAction(action bulkAction, query string) string {
	if query != "" {
		query = "&" + query
	}
	return "action=" + string(action) + query
}
