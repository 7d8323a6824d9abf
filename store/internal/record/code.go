package record

import (
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation"
)

// Rows contain the codes of statuses and requests, which are their indexes here: the
// order never changes.
var (
	statuses = [...]automation.RunStatus{automation.RunRunning, automation.RunCompleted, automation.RunFailed, automation.RunCancelled}
	requests = [...]automation.RunRequest{automation.RequestNone, automation.RequestCancel, automation.RequestRetry}
)

// StatusCode returns the code of a status, -1 for one that does not exist.
func StatusCode(s automation.RunStatus) int16 { return int16(slices.Index(statuses[:], s)) }

// StatusOf returns the status of a code.
func StatusOf(code int16) automation.RunStatus {
	if code < 0 || int(code) >= len(statuses) {
		return automation.RunStatus(fmt.Sprintf("unknown status %d", code))
	}
	return statuses[code]
}

// RequestCode returns the code of a request, -1 for one that does not exist.
func RequestCode(r automation.RunRequest) int16 { return int16(slices.Index(requests[:], r)) }

// RequestOf returns the request of a code.
func RequestOf(code int16) automation.RunRequest {
	if code < 0 || int(code) >= len(requests) {
		return automation.RunRequest(fmt.Sprintf("unknown request %d", code))
	}
	return requests[code]
}
