package postgres

import (
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation/store/internal/record"
)

// Columns of a call's rows. pgx encodes arrays of its own types without reflection.
type (
	uuids         = pgtype.FlatArray[pgtype.UUID]
	nullableTimes []pgtype.Timestamptz
	nullableTexts []pgtype.Text
	nullableBools []pgtype.Bool
)

// arg returns the column as an argument. One of nothing but NULLs is NULL: unnest
// beside other columns makes as many NULLs of it.
func (c nullableTimes) arg() any {
	return argOrNull(c, func(t pgtype.Timestamptz) bool { return t.Valid })
}

func (c nullableTexts) arg() any { return argOrNull(c, func(t pgtype.Text) bool { return t.Valid }) }

func (c nullableBools) arg() any { return argOrNull(c, func(b pgtype.Bool) bool { return b.Valid }) }

func argOrNull[T any](column []T, valid func(T) bool) any {
	if !slices.ContainsFunc(column, valid) {
		return nil
	}
	return pgtype.FlatArray[T](column)
}

// nullable returns a time as it is kept: NULL for the zero time.
func timeOrNull(t time.Time) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()}
}

// timeOf is the opposite of nullable.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// orNull returns NULL for an empty text.
func textOrNull(text string) pgtype.Text { return pgtype.Text{String: text, Valid: text != ""} }

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
