package sqlite

import (
	"context"
	"database/sql"
	"math"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// lister lists rows that have a number in the order of creation.
type lister[T any] struct {
	kind   string // of the rows, for errors
	number string // selects the number of the cursor
	// older and newer select the rows that are older than a number, and those that are
	// newer. Their last two arguments are the number and the limit.
	older, newer string
	scan         func(rows *sql.Rows) (T, error)
}

// page returns a page. cursor is the column of the cursor's id, and filter are the
// first arguments of older and newer.
func (l lister[T]) page(ctx context.Context, s *Store, q automation.PageQuery, cursor any, filter ...any) (p automation.Page[T], err error) {
	err = s.read(ctx, func(r session) error {
		from, err := l.cursor(ctx, r, q, cursor)
		if err != nil {
			return err
		}
		query := record.InDirection(q, l.older, l.newer)
		rows, err := all(ctx, r, l.scan, query, append(filter, from, q.Limit+1)...)
		p = record.PageOf(rows, q)
		return failed("list "+l.kind+"s", err)
	})
	return p, err
}

// cursor returns the number after which a page begins.
func (l lister[T]) cursor(ctx context.Context, r session, q automation.PageQuery, cursor any) (int64, error) {
	id := q.After + q.Before
	if id == "" {
		return math.MaxInt64, nil
	}
	var no int64
	found, err := first(ctx, r, l.number, args(cursor), &no)
	if err == nil && !found {
		return 0, record.NotFound(l.kind, id)
	}
	return no, failed("list "+l.kind+"s", err)
}
