package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// scanFunc scans a row.
type scanFunc func(dest ...any) error

// statement is one statement of a script.
type statement struct {
	sql  string
	args []any
	row  func(scan scanFunc) error // called for each row; nil for a statement without rows
}

// script is a sequence of statements, none of which needs the result of another. They
// are sent together, because a round trip costs as much as several statements.
type script []statement

// exec adds a statement that returns no rows.
func (sc *script) exec(sql string, args ...any) { *sc = append(*sc, statement{sql: sql, args: args}) }

// query adds a statement for each row of which row is called.
func (sc *script) query(row func(scan scanFunc) error, sql string, args ...any) {
	*sc = append(*sc, statement{sql: sql, args: args, row: row})
}

// session runs scripts.
type session interface {
	run(ctx context.Context, sc script) error
}

// byIndex makes the planner use an index where one exists, to the end of the
// transaction. The tables of work in progress are emptied as fast as they are filled,
// and are often empty when the server takes statistics. A plan made for an empty table
// would read the whole table again and again once it is full. Plans that use indexes do
// not depend on the values of the parameters, so each is made once. Where a plan has to
// read a small table after all, its estimated cost is high, and the server would
// compile it, which is not worth it: jit is off.
//
// For the same reason a join with the rows of a call is written as
// "column = ANY (ARRAY[row.column])". The server can execute that only by looking each
// of the call's rows up in the index, never by reading the table and searching the
// rows. Where the planner could choose a second index, "+ interval '0'" rules that
// index out. A row is looked up by two columns in a lateral query with LIMIT: a plan made
// for an empty table would otherwise seek by the first column only, and then search all
// rows that share it.
//
// For the rows of a call with several columns, unnest is in a select list, where it
// walks all arrays side by side. In FROM it would first store each array as a table,
// which costs several times as much.
//
// The server ends the session of a process that stalls in the middle of a transaction,
// so that the process does not keep its locks.
const byIndex = `
SELECT set_config('idle_in_transaction_session_timeout', '5s', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
	set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true)`

// implicit is a session that executes each script in a transaction of its own.
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

// send sends all statements of a script at once, and reads their results.
func (s *Store) send(ctx context.Context, conn *pgxpool.Conn, sc script) error {
	if w := s.wireOf(conn.Conn()); w != nil {
		return w.send(ctx, sc)
	}
	return s.sendBatch(ctx, conn, sc)
}

// sendBatch is send through pgx.
func (s *Store) sendBatch(ctx context.Context, conn *pgxpool.Conn, sc script) error {
	b := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(sc))}
	for i := range sc {
		b.Queue(s.sql(sc[i].sql), pgxArgs(sc[i].args)...)
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
