package record

import (
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation"
)

// The codes of statuses and controls are kept in rows: they never change.
var (
	statuses = [...]automation.RunStatus{automation.RunRunning, automation.RunCompleted, automation.RunFailed, automation.RunCancelled}
	requests = [...]automation.RunRequest{automation.RequestNone, automation.RequestCancel, automation.RequestRetry}
)

// The codes that statements of the stores name.
const (
	Running   int16 = 0
	Completed int16 = 1
	Failed    int16 = 2
	Cancelled int16 = 3

	RequestNone   int16 = 0
	RequestCancel int16 = 1
	RequestRetry  int16 = 2
)

// StatusCode returns the code under which a status is kept, -1 for one that does
// not exist.
func StatusCode(s automation.RunStatus) int16 { return int16(slices.Index(statuses[:], s)) }

// StatusOf returns the status of a code.
func StatusOf(code int16) automation.RunStatus {
	if code < 0 || int(code) >= len(statuses) {
		return automation.RunStatus(fmt.Sprintf("unknown status %d", code))
	}
	return statuses[code]
}

// ControlCode returns the code under which a control is kept, -1 for one that
// does not exist.
func RequestCode(c automation.RunRequest) int16 { return int16(slices.Index(requests[:], c)) }

// ControlOf returns the control of a code.
func RequestOf(code int16) automation.RunRequest {
	if code < 0 || int(code) >= len(requests) {
		return automation.RunRequest(fmt.Sprintf("unknown control %d", code))
	}
	return requests[code]
}
