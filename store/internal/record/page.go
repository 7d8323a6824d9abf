package record

import (
	"math"
	"slices"
	"strconv"

	"github.com/seed-b636437c/automation"
)

// InDirection returns the query that reads in the direction of q, away from its
// cursor.
func InDirection(q automation.PageQuery, older, newer string) string {
	if q.Before != "" {
		return newer
	}
	return older
}

// PageOf makes a page of rows that a query with a limit of q.Limit+1 has returned,
// the row nearest to the cursor first.
func PageOf[R any](rows []R, q automation.PageQuery) automation.Page[R] {
	p := automation.Page[R]{Data: rows, HasMore: len(rows) > q.Limit}
	if p.HasMore {
		p.Data = rows[:q.Limit]
	}
	if q.Before != "" {
		slices.Reverse(p.Data) // the query read from the cursor towards newer rows
	}
	return p
}

// VersionCursor returns the number from which a page of an automation's versions is read:
// for the first page, one that is greater than any.
func VersionCursor(q automation.PageQuery) (int, error) {
	cursor := q.After + q.Before
	if cursor == "" {
		return math.MaxInt32, nil
	}
	n, err := strconv.ParseInt(cursor, 10, 32)
	if err != nil || n < 1 {
		return 0, NotFound("version", cursor)
	}
	return int(n), nil
}
