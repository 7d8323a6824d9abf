package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// lister lists rows that have a number in the order of creation.
type lister[T any] struct {
	kind   string // of the rows, for errors
	number string // selects the number of the cursor
	// older and newer select the rows that are older than a number, and those that are
	// newer. Their first two arguments are the number and the limit.
	older, newer string
	scan         func(scan scanFunc) (T, error)
}

// page returns a page. filter are the remaining arguments of older and newer.
func (l lister[T]) page(ctx context.Context, s *Store, q automation.PageQuery, filter ...any) (automation.Page[T], error) {
	var page automation.Page[T]
	if err := s.ready(ctx); err != nil {
		return page, err
	}
	cursor, err := l.cursor(ctx, s, q)
	if err != nil {
		return page, err
	}
	var rows []T
	var sc script
	sc.query(func(scan scanFunc) error {
		row, err := l.scan(scan)
		rows = append(rows, row)
		return err
	}, record.InDirection(q, l.older, l.newer), append([]any{cursor, q.Limit + 1}, filter...)...)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return page, fmt.Errorf("postgres store: list %ss: %w", l.kind, err)
	}
	return record.PageOf(rows, q), nil
}

// cursor returns the number after which a page begins.
func (l lister[T]) cursor(ctx context.Context, s *Store, q automation.PageQuery) (int64, error) {
	id := q.After + q.Before
	if id == "" {
		return math.MaxInt64, nil
	}
	var no int64
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&no) }, l.number, id)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return 0, fmt.Errorf("postgres store: %s %q: %w", l.kind, id, err)
	}
	if no == 0 {
		return 0, record.NotFound(l.kind, id)
	}
	return no, nil
}
