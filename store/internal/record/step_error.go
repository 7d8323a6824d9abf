package record

import (
	"encoding/json"

	"github.com/seed-b636437c/automation"
)

// EncodeError returns the error of a run as a JSON object, "" for nil.
func EncodeError(e *automation.StepError) string {
	if e == nil {
		return ""
	}
	text, err := json.Marshal(e)
	if err != nil {
		return "" // two strings can always be encoded
	}
	return string(text)
}

// DecodeError is the inverse of EncodeError. Text that it cannot decode becomes the
// message of the error, because a damaged column must not keep a run from being
// listed.
func DecodeError(text string) *automation.StepError {
	if text == "" {
		return nil
	}
	var e automation.StepError
	if json.Unmarshal([]byte(text), &e) != nil {
		return &automation.StepError{Code: automation.FailedDamaged, Message: text}
	}
	return &e
}
