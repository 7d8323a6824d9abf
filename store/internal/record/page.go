package record

import (
	"slices"

	"github.com/seed-b636437c/automation"
)

// PageOf makes a page of the rows that a query with a limit of q.Limit+1 has
// found, nearest to the cursor first.
func PageOf[R any](rows []R, q automation.PageQuery) automation.Page[R] {
	p := automation.Page[R]{Data: rows, HasMore: len(rows) > q.Limit}
	if p.HasMore {
		p.Data = rows[:q.Limit]
	}
	if q.Before != "" {
		slices.Reverse(p.Data) // they were read from the cursor on to newer ones
	}
	return p
}
