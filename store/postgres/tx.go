package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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
	return again(ctx, func() error {
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

// transaction is a session whose scripts belong to one transaction. It begins with
// the first script and is committed with the last.
type transaction struct {
	s     *Store
	conn  *pgxpool.Conn
	begun bool
}

// transact calls work with a transaction, which is rolled back unless work has
// committed it. If another transaction is in the way work is called again.
func (s *Store) transact(ctx context.Context, work func(tx *transaction) error) error {
	return again(ctx, func() error {
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return fmt.Errorf("connecting to the database: %w", err)
		}
		defer conn.Release()
		tx := &transaction{s: s, conn: conn}
		defer tx.end(ctx)
		return work(tx)
	})
}

func (tx *transaction) run(ctx context.Context, sc script) error {
	if !tx.begun {
		tx.begun = true
		sc = append(script{{sql: "begin isolation level read committed"}, {sql: byIndex}}, sc...)
	}
	return tx.s.send(ctx, tx.conn, sc)
}

// commit runs the last script of the transaction.
func (tx *transaction) commit(ctx context.Context, sc script) error {
	return tx.run(ctx, append(sc, statement{sql: "commit"}))
}

// rollbackTimeout bounds a rollback, which may come after ctx has ended.
const rollbackTimeout = 5 * time.Second

// end rolls the transaction back if it is open. The pool closes a connection on
// which that does not succeed.
func (tx *transaction) end(ctx context.Context) {
	if pg := tx.conn.Conn().PgConn(); pg.IsClosed() || pg.TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_, _ = tx.conn.Exec(ctx, "rollback")
}

// Tx is what AppendEvents needs of a transaction of the host. A pgx.Tx is one.
type Tx interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// hosted is a session in a transaction of the host.
type hosted struct {
	s  *Store
	tx interface {
		exec(ctx context.Context, sql string, args []any) error
		query(ctx context.Context, sql string, args []any, row func(scan scanFunc) error) error
	}
}

func (h hosted) run(ctx context.Context, sc script) error {
	for i := range sc {
		st := &sc[i]
		var err error
		if st.row == nil {
			err = h.tx.exec(ctx, h.s.sql(st.sql), st.args)
		} else {
			err = h.tx.query(ctx, h.s.sql(st.sql), st.args, st.row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pgxTx executes statements through pgx.
type pgxTx struct{ Tx }

func (t pgxTx) exec(ctx context.Context, sql string, args []any) error {
	_, err := t.Exec(ctx, sql, args...)
	return err
}

func (t pgxTx) query(ctx context.Context, sql string, args []any, row func(scan scanFunc) error) error {
	rows, err := t.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	return readRows(rows, row)
}

// SQLTx is what AppendEvents needs of a transaction of the host that uses
// database/sql with the driver of pgx. A *sql.Tx is one.
type SQLTx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// sqlTx executes statements through database/sql.
type sqlTx struct{ SQLTx }

func (t sqlTx) exec(ctx context.Context, sql string, args []any) error {
	_, err := t.ExecContext(ctx, sql, args...)
	return err
}

func (t sqlTx) query(ctx context.Context, sql string, args []any, row func(scan scanFunc) error) error {
	rows, err := t.QueryContext(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
