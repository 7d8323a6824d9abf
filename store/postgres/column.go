package postgres

import (
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
