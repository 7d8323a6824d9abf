package record

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

// EncodeContact returns the columns of a contact that hold JSON.
func EncodeContact(c *automation.Contact) (properties, segments string, err error) {
	if properties, err = EncodeProperties(c.Properties); err != nil {
		return "", "", err
	}
	if segments, err = EncodeSegments(c.Segments); err != nil {
		return "", "", err
	}
	return properties, segments, nil
}

// DecodeContact is the inverse of EncodeContact: it sets the properties and segments of
// a contact whose ID is set. The error wraps ErrDamaged.
func DecodeContact(c *automation.Contact, properties, segments string) (err error) {
	if c.Properties, err = DecodeProperties(properties); err == nil {
		c.Segments, err = DecodeSegments(segments)
	}
	if err != nil {
		return Damaged(c.ID, err)
	}
	return nil
}

// EncodeProperties returns the properties of a contact as a JSON object, "" if
// there are none.
func EncodeProperties(properties map[string]any) (string, error) {
	return encode("properties", properties, len(properties))
}

// encode returns a value with n elements as JSON, "" if it has none.
func encode(column string, value any, n int) (string, error) {
	if n == 0 {
		return "", nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("%s: %w", column, err)
	}
	return string(text), nil
}

// DecodeProperties is the inverse of EncodeProperties. It returns numbers as
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
	return encode("segments", segments, len(segments))
}

// DecodeSegments is the inverse of EncodeSegments.
func DecodeSegments(text string) (segments []string, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &segments); err != nil {
		return nil, fmt.Errorf("segments: %w", err)
	}
	return segments, nil
}

// SegmentChanges returns which segments a contact has joined, and which it has left.
func SegmentChanges(old, now []string) (joined, left []string) {
	return missing(old, now), missing(now, old)
}

// missing returns those of ids that in does not contain.
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
