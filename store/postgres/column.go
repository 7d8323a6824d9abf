package postgres

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation/store/internal/record"
)

// nullable returns a time as it is kept: nil for the zero time.
func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// timeOf is the opposite of nullable.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// orNull returns nil for an empty text.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// textOf is the opposite of orNull.
func textOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// uuidOf returns an id for a uuid column; it is NULL if the id is no UUID.
func uuidOf(id string) pgtype.UUID {
	b, ok := record.UUID(id)
	return pgtype.UUID{Bytes: b, Valid: ok}
}

// storable returns text as the database can hold it: it has no NUL, and all of it
// is UTF-8. A name may be anything that an event has brought.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// encodeSegments returns ids of segments as a JSON array, "" if there are none.
func encodeSegments(segments []string) (string, error) {
	if len(segments) == 0 {
		return "", nil
	}
	text, err := json.Marshal(segments)
	if err != nil {
		return "", fmt.Errorf("segments: %w", err)
	}
	return string(text), nil
}

// decodeSegments is the opposite of encodeSegments.
func decodeSegments(text string) (segments []string, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &segments); err != nil {
		return nil, fmt.Errorf("segments: %w", err)
	}
	return segments, nil
}
