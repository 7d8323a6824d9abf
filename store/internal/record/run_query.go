package record

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// StatusCodes returns the codes of the statuses that a run can have if q selects it.
// Statuses that do not exist have none.
func StatusCodes(q *automation.RunQuery) []int16 {
	codes := []int16{}
	for i, status := range statuses {
		ended := status != automation.RunRunning
		failed := status == automation.RunFailed || status == automation.RunCancelled
		if (len(q.Statuses) == 0 || slices.Contains(q.Statuses, status)) && (ended || !q.ByCompletion()) && (failed || q.ErrorCode == "") {
			codes = append(codes, int16(i))
		}
	}
	return codes
}

// ErrorPrefix returns how EncodeError begins for an error with this code, "" for no code.
// SQL compares it, and need not decode the column.
func ErrorPrefix(code automation.StepErrorCode) string {
	if code == "" {
		return ""
	}
	text, err := json.Marshal(code)
	if err != nil {
		return "" // a string can always be encoded
	}
	return `{"code":` + string(text) + `,`
}

// Times returns the bounds of the times by which a list of q is ordered: those of the runs'
// ends, or of their creation.
func Times(q *automation.RunQuery) (from, until time.Time) {
	if q.ByCompletion() {
		return q.CompletedFrom, q.CompletedUntil
	}
	return q.CreatedFrom, q.CreatedUntil
}
