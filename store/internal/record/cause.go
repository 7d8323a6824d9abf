package record

import (
	"encoding/json"
	"fmt"

	"github.com/seed-b636437c/automation"
)

// EncodeCause returns the cause of an event as a JSON object, "" for nil.
func EncodeCause(c *automation.Cause) string {
	if c == nil {
		return ""
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "" // strings can always be encoded
	}
	return string(text)
}

// DecodeCause is the inverse of EncodeCause. It fails for text that it cannot decode: an event
// without its cause could start what led to it.
func DecodeCause(text string) (*automation.Cause, error) {
	if text == "" {
		return nil, nil
	}
	c := new(automation.Cause)
	if err := json.Unmarshal([]byte(text), c); err != nil {
		return nil, fmt.Errorf("cause of an event: %w: %w", ErrDamaged, err)
	}
	return c, nil
}
