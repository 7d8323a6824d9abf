package record

import "github.com/seed-b636437c/automation"

// AcceptsRequest reports whether a request has an effect on a run as it is now. A
// cancel has one on a running run, a retry on a failed one. A retry of a run that is
// completed or cancelled is a conflict.
func AcceptsRequest(run *automation.RunRecord, request automation.RunRequest) (bool, error) {
	running := run.Status == automation.RunRunning
	switch {
	case request == automation.RequestCancel:
		return running, nil
	case running:
		return false, nil
	case run.Status != automation.RunFailed:
		return false, Conflict("run %q is %s, and only a failed run can be retried", run.ID, run.Status)
	default:
		return true, nil
	}
}

// RemainingRequest returns the request about a run that remains once change is
// written. A request that the change has served is gone, and so is one that has no
// effect on a run with the new status.
func RemainingRequest(request automation.RunRequest, change *automation.RunChange) automation.RunRequest {
	switch {
	case request == change.Served:
	case request == automation.RequestCancel && change.Status == automation.RunRunning:
		return request
	case request == automation.RequestRetry && change.Status == automation.RunFailed:
		return request
	}
	return automation.RequestNone
}
