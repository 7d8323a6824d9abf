package sqlite

import (
	"context"
	"database/sql"
)

// Rows are looked up by many keys at a time: to begin a query costs more than to
// read a row. What fills up the last ones is NULL, and finds nothing.
const (
	lookups = 32
	eight   = `(?), (?), (?), (?), (?), (?), (?), (?)`
	// forKeys makes a table of the arguments ?1 to ?32.
	forKeys = `WITH keys (k) AS (VALUES ` + eight + `, ` + eight + `, ` + eight + `, ` + eight + `) `
)

// lookup calls use, which executes nothing, for every row that a query for keys finds. The arguments that
// follow the keys are others.
func lookup[T any](ctx context.Context, q session, scan func(rows *sql.Rows) (T, error), query string, keys []key, use func(row T), others ...any) error {
	for len(keys) > 0 {
		values := make([]any, lookups, lookups+len(others))
		n := min(len(keys), lookups)
		for i, k := range keys[:n] {
			values[i] = k.column()
		}
		if err := each(ctx, q, scan, use, query, append(values, others...)...); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}
