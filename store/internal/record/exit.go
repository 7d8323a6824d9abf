package record

import (
	"encoding/json"

	"github.com/seed-b636437c/automation"
)

// EncodeExit returns why a run ended early as a JSON object, "" for nil.
func EncodeExit(x *automation.RunExit) string {
	if x == nil {
		return ""
	}
	kept := *x
	kept.At = kept.At.UTC().Round(0)
	text, err := json.Marshal(kept)
	if err != nil {
		return "" // only a year that RFC 3339 does not have
	}
	return string(text)
}

// DecodeExit is the inverse of EncodeExit. It returns nil for text that it cannot decode: a
// damaged column must not keep a run from being listed.
func DecodeExit(text string) *automation.RunExit {
	if text == "" {
		return nil
	}
	var x automation.RunExit
	if json.Unmarshal([]byte(text), &x) != nil {
		return nil
	}
	return &x
}
