package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/seed-b636437c/automation"
)

// either returns the statement that reads in the direction of the query.
func either(q automation.PageQuery, older, newer string) string {
	if q.Before != "" {
		return newer
	}
	return older
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
		return 0, notFound(kind, id)
	}
	return no, nil
}
