package sqlite

import (
	"context"
	"database/sql"
)

// session executes statements: in a transaction of the Store, in a transaction of the
// application, or on any free connection.
type session interface {
	exec(ctx context.Context, query string, args ...any) (sql.Result, error)
	query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// read calls do with a session that executes each statement on any free connection.
func (s *Store) read(ctx context.Context, do func(q session) error) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.ready(ctx); err != nil {
		return err
	}
	return do(pooled{s})
}

// pooled executes each statement on any free connection.
type pooled struct{ s *Store }

func (p pooled) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := p.s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (p pooled) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := p.s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

// plain executes statements without preparing them.
type plain struct{ Tx }

func (p plain) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.ExecContext(ctx, query, args...)
}

func (p plain) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.QueryContext(ctx, query, args...)
}

// first scans the first row of a query. It reports false if there is none.
func first(ctx context.Context, q session, query string, args []any, into ...any) (bool, error) {
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, rows.Err()
	}
	if err := rows.Scan(into...); err != nil {
		return false, err
	}
	return true, rows.Close()
}

// one returns the first row of a query. It reports false if there is none.
func one[T any](ctx context.Context, q session, scan func(rows *sql.Rows) (T, error), query string, args ...any) (row T, found bool, err error) {
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return row, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return row, false, rows.Err()
	}
	if row, err = scan(rows); err != nil {
		return row, false, err
	}
	return row, true, rows.Close()
}

// all returns the rows of a query.
func all[T any](ctx context.Context, q session, scan func(rows *sql.Rows) (T, error), query string, args ...any) (list []T, err error) {
	err = each(ctx, q, scan, func(row T) { list = append(list, row) }, query, args...)
	return list, err
}

// each calls use for every row of a query. use must not execute a statement.
func each[T any](ctx context.Context, q session, scan func(rows *sql.Rows) (T, error), use func(row T), query string, args ...any) error {
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return err
		}
		use(row)
	}
	return rows.Err()
}

// scanInt scans a row of one number.
func scanInt(rows *sql.Rows) (n int64, err error) {
	err = rows.Scan(&n)
	return n, err
}

// changed executes a statement and returns how many rows it changed.
func changed(ctx context.Context, q session, query string, args ...any) (int, error) {
	res, err := q.exec(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// args returns its arguments as a slice.
func args(a ...any) []any { return a }

// A query looks rows up by many keys at a time, because starting a query costs more
// than reading a row. If there are fewer keys, the rest is NULL, which finds nothing.
const (
	lookups = 32
	eight   = `(?), (?), (?), (?), (?), (?), (?), (?)`
	// forKeys makes a table of the arguments ?1 to ?32.
	forKeys = `WITH keys (k) AS (VALUES ` + eight + `, ` + eight + `, ` + eight + `, ` + eight + `) `
	// forNumberedKeys also has the place of each argument, from 0 on.
	forNumberedKeys = `WITH keys (k, i) AS (VALUES
	(?1, 0), (?2, 1), (?3, 2), (?4, 3), (?5, 4), (?6, 5), (?7, 6), (?8, 7),
	(?9, 8), (?10, 9), (?11, 10), (?12, 11), (?13, 12), (?14, 13), (?15, 14), (?16, 15),
	(?17, 16), (?18, 17), (?19, 18), (?20, 19), (?21, 20), (?22, 21), (?23, 22), (?24, 23),
	(?25, 24), (?26, 25), (?27, 26), (?28, 27), (?29, 28), (?30, 29), (?31, 30), (?32, 31)) `
)

// lookup calls use for every row that a query finds for keys. The query has the
// arguments rest after the keys. use must not execute a statement.
func lookup[T any](ctx context.Context, q session, scan func(rows *sql.Rows) (T, error), query string, keys []key, use func(row T), rest ...any) error {
	for len(keys) > 0 {
		values := make([]any, lookups, lookups+len(rest))
		n := min(len(keys), lookups)
		for i, k := range keys[:n] {
			values[i] = k.column()
		}
		if err := each(ctx, q, scan, use, query, append(values, rest...)...); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}
