package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// either returns the statement that reads in the direction of the query.
func either(q automation.PageQuery, older, newer string) string {
	if q.Before != "" {
		return newer
	}
	return older
}

// lister lists what is numbered in the order of creation.
type lister[T any] struct {
	kind   string // what is listed
	number string // finds the number of an id
	// older and newer list what comes after a number and what before it. Their
	// first two arguments are the number and the limit.
	older, newer string
	scan         func(scan scanFunc) (T, error)
}

// page returns a page. filter are the other arguments of the lists.
func (l lister[T]) page(ctx context.Context, s *Store, q automation.PageQuery, filter ...any) (automation.Page[T], error) {
	var page automation.Page[T]
	if err := s.ready(ctx); err != nil {
		return page, err
	}
	cursor, err := s.cursor(ctx, q, l.kind, l.number)
	if err != nil {
		return page, err
	}
	var rows []T
	var sc script
	sc.query(func(scan scanFunc) error {
		row, err := l.scan(scan)
		rows = append(rows, row)
		return err
	}, either(q, l.older, l.newer), append([]any{cursor, q.Limit + 1}, filter...)...)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return page, fmt.Errorf("postgres store: list %ss: %w", l.kind, err)
	}
	return record.PageOf(rows, q), nil
}

// cursor returns the number of the item that the page follows, in a list whose
// items are numbered. find returns the number of an id.
func (s *Store) cursor(ctx context.Context, q automation.PageQuery, kind, find string) (int64, error) {
	id := q.After + q.Before
	if id == "" {
		return math.MaxInt64, nil
	}
	var no int64
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&no) }, find, id)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return 0, fmt.Errorf("postgres store: %s %q: %w", kind, id, err)
	}
	if no == 0 {
		return 0, record.NotFound(kind, id)
	}
	return no, nil
}
