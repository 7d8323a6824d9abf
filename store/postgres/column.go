package postgres

import (
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/uuid"

	"github.com/jackc/pgx/v5/pgtype"
)

// Columns of the rows of a call. pgx encodes arrays of its own types without
// reflection.
type (
	uuids         = pgtype.FlatArray[pgtype.UUID]
	nullableTimes []pgtype.Timestamptz
	nullableTexts []pgtype.Text
	nullableBools []pgtype.Bool
	nullableInts  []pgtype.Int4
)

// arg returns the column as an argument. A column of NULLs alone is one NULL, which
// unnest beside other columns turns into as many NULLs as they have rows.
func (c nullableTimes) arg() any {
	return argOrNull(c, func(t pgtype.Timestamptz) bool { return t.Valid })
}

func (c nullableTexts) arg() any { return argOrNull(c, func(t pgtype.Text) bool { return t.Valid }) }

func (c nullableBools) arg() any { return argOrNull(c, func(b pgtype.Bool) bool { return b.Valid }) }

func (c nullableInts) arg() any { return argOrNull(c, func(n pgtype.Int4) bool { return n.Valid }) }

func argOrNull[T any](column []T, valid func(T) bool) any {
	if !slices.ContainsFunc(column, valid) {
		return nil
	}
	return pgtype.FlatArray[T](column)
}

// timeOrNull returns a time for a column, NULL for the zero time.
func timeOrNull(t time.Time) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()}
}

// intOrNull returns a number for a column, NULL for 0.
func intOrNull(n int) pgtype.Int4 { return pgtype.Int4{Int32: int32(n), Valid: n != 0} }

// trueOrNull returns a boolean for a column, NULL for false.
func trueOrNull(b bool) pgtype.Bool { return pgtype.Bool{Bool: b, Valid: b} }

// timeOf is the inverse of timeOrNull.
func timeOf(t pgtype.Timestamptz) time.Time { return t.Time.UTC() }

// textOrNull returns a text for a column, NULL for "". Its inverse is the field String.
func textOrNull(text string) pgtype.Text { return pgtype.Text{String: text, Valid: text != ""} }

// uuidOf returns an id for a uuid column, NULL if the id is no UUID.
func uuidOf(id string) pgtype.UUID {
	b, ok := uuid.Parse(id)
	return pgtype.UUID{Bytes: b, Valid: ok}
}

// storable returns a text that the database can store: without NUL, and all of it
// UTF-8. The name of a contact may be any text that an event contains.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
