package sqlite

import (
	"context"
	"database/sql"
	"math"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// lister lists what is numbered in order of creation.
type lister[T any] struct {
	kind   string // what is listed
	number string // finds the number of the cursor
	// after and before list what is older than a number, and what is newer. Their
	// last two arguments are the number and the limit.
	older, newer string
	scan         func(rows *sql.Rows) (T, error)
}

// page returns a page. cursor is what the column of the cursor's id holds, filter
// are the first arguments of the lists.
func (l lister[T]) page(ctx context.Context, s *Store, q automation.PageQuery, cursor any, filter ...any) (p automation.Page[T], err error) {
	err = s.read(ctx, func(r session) error {
		from, err := l.cursor(ctx, r, q, cursor)
		if err != nil {
			return err
		}
		query := l.older
		if q.Before != "" {
			query = l.newer
		}
		rows, err := all(ctx, r, l.scan, query, append(filter, from, q.Limit+1)...)
		p = record.PageOf(rows, q)
		return failed("list "+l.kind+"s", err)
	})
	return p, err
}

// from returns the number from which a page goes on.
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
