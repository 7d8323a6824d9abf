package record

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

// EncodeProperties returns the properties of a contact as a JSON object, "" if
// there are none.
func EncodeProperties(properties map[string]any) (string, error) {
	if len(properties) == 0 {
		return "", nil
	}
	text, err := json.Marshal(properties)
	if err != nil {
		return "", fmt.Errorf("properties: %w", err)
	}
	return string(text), nil
}

// DecodeProperties is the opposite of EncodeProperties. Numbers come back as
// json.Number, digit by digit.
func DecodeProperties(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var properties map[string]any
	if err := d.Decode(&properties); err != nil {
		return nil, fmt.Errorf("properties: %w", err)
	}
	return properties, nil
}

// EncodeSegments returns ids of segments as a JSON array, "" if there are none.
func EncodeSegments(segments []string) (string, error) {
	if len(segments) == 0 {
		return "", nil
	}
	text, err := json.Marshal(segments)
	if err != nil {
		return "", fmt.Errorf("segments: %w", err)
	}
	return string(text), nil
}

// DecodeSegments is the opposite of EncodeSegments.
func DecodeSegments(text string) (segments []string, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &segments); err != nil {
		return nil, fmt.Errorf("segments: %w", err)
	}
	return segments, nil
}

// SegmentsMoved returns which segments a contact has joined, and which it has left.
func SegmentChanges(old, now []string) (joined, left []string) {
	return missing(old, now), missing(now, old)
}

// missing returns which of ids are not in in.
func missing(in, ids []string) (out []string) {
	known := make(map[string]bool, len(in))
	for _, id := range in {
		known[id] = true
	}
	for _, id := range ids {
		if !known[id] {
			out = append(out, id)
		}
	}
	return out
}

// EncodeError returns why a run ended as a JSON object, "" for nil.
func EncodeError(e *automation.StepError) string {
	if e == nil {
		return ""
	}
	text, err := json.Marshal(e)
	if err != nil {
		return "" // two strings can always be written
	}
	return string(text)
}

// DecodeError is the opposite of EncodeError. What cannot be read comes back as
// the message: it must not keep a run from being listed.
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
