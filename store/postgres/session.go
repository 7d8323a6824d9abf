package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// scanFunc reads a row.
type scanFunc func(dest ...any) error

// statement is one statement of a script.
type statement struct {
	sql  string
	args []any
	row  func(scan scanFunc) error // is called for each row; nil if there are none
}

// script is a sequence of statements that need nothing of each other's results,
// and so can be sent together. A round trip costs as much as many a statement.
type script []statement

// exec adds a statement that returns no rows.
func (sc *script) exec(sql string, args ...any) { *sc = append(*sc, statement{sql: sql, args: args}) }

// query adds a statement whose rows are given to row.
func (sc *script) query(row func(scan scanFunc) error, sql string, args ...any) {
	*sc = append(*sc, statement{sql: sql, args: args, row: row})
}

// session runs scripts.
type session interface {
	run(ctx context.Context, sc script) error
}

// byIndex makes the planner use an index where there is one, to the end of the
// transaction. The tables that are emptied as fast as they are filled are often
// empty when statistics are taken: a plan made for an empty table would read all of
// it, over and over, when it is not. Such plans do not depend on what is looked for,
// and so are made once. They seem costly where a small table has to be read after
// all, but are not worth being compiled.
//
// For the same reason a join with the rows of a call is written as
// "column = ANY (ARRAY[row.column])": it can only be carried out by looking each of
// the call's rows up in the index, never by reading the table and searching the
// rows. Where a second index could seem as good, "+ interval '0'" rules it out.
//
// The rows of a call that have several columns are made by unnest in a select list,
// which walks all arrays side by side. In FROM it would store each array as a table
// first, which costs a multiple.
//
// A process that stalls in the middle of a transaction must not keep its locks: the
// server ends its session.
const byIndex = `
SELECT set_config('idle_in_transaction_session_timeout', '5s', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
	set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true)`

// implicit is a session in which each script is a transaction of its own.
type implicit struct{ s *Store }

func (i implicit) run(ctx context.Context, sc script) error {
	return retryContended(ctx, func() error {
		conn, err := i.s.pool.Acquire(ctx)
		if err != nil {
			return fmt.Errorf("connecting to the database: %w", err)
		}
		defer conn.Release()
		return i.s.send(ctx, conn, append(script{{sql: byIndex}}, sc...))
	})
}

// send sends all statements of a script at once, and reads what they return.
func (s *Store) send(ctx context.Context, conn *pgxpool.Conn, sc script) error {
	b := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(sc))}
	for i := range sc {
		b.Queue(s.sql(sc[i].sql), sc[i].args...)
	}
	results := conn.SendBatch(ctx, b)
	for i := range sc {
		if err := sc[i].read(results); err != nil {
			_ = results.Close() // its error is that of the statement
			return err
		}
	}
	return results.Close()
}

func (st *statement) read(results pgx.BatchResults) error {
	if st.row == nil {
		_, err := results.Exec()
		return err
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	return readRows(rows, st.row)
}

func readRows(rows pgx.Rows, row func(scan scanFunc) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
