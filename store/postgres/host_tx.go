package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seed-b636437c/automation"
)

// Tx executes statements in a transaction of the host. A pgx.Tx is one.
type Tx interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// SQLTx executes statements in a transaction of a host that uses database/sql with the
// driver of pgx. A *sql.Tx is one.
type SQLTx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Tx returns a writer that keeps events in a transaction of the host. The events take
// effect if and only if tx commits. If AppendEvents returns an error of the database,
// the transaction has failed, as after any failed statement. The writer locks nothing
// that a Runner needs, and is no safer for concurrent use than tx. A call that sends an
// event with the same idempotency key waits until tx has ended.
func (s *Store) Tx(tx Tx) automation.EventWriter {
	return &hostWriter{s, hosted{s, pgxTx{tx}}, tx}
}

// SQLTx is Tx for a transaction of database/sql, made with the driver of pgx.
func (s *Store) SQLTx(tx SQLTx) automation.EventWriter {
	return &hostWriter{s, hosted{s, sqlTx{tx}}, tx}
}

// TxFrom returns the transaction that the host passed to Tx or SQLTx, from a context that
// FindContact of the host's contact directory receives while SendTo executes. A directory
// in the same database reads through this transaction. If it read through the pool, each
// send would hold one connection and wait for a second one, and the contacts that the
// transaction has inserted would be missing.
//
// T is the type of the transaction, such as pgx.Tx or *sql.Tx, or an interface that the
// transaction implements. TxFrom reports false if ctx carries no transaction, or one that
// is no T.
func TxFrom[T any](ctx context.Context) (tx T, ok bool) {
	tx, ok = ctx.Value(txKey{}).(T)
	return tx, ok
}

// txKey is the key of the host's transaction in a context.
type txKey struct{}

// hostWriter is an automation.EventWriter in a transaction of the host.
type hostWriter struct {
	s       *Store
	session session
	tx      any // what the host passed to Tx or SQLTx
}

var _ automation.TxCarrier = (*hostWriter)(nil)

// WithTx implements automation.TxCarrier.
func (hw *hostWriter) WithTx(ctx context.Context) context.Context {
	return context.WithValue(ctx, txKey{}, hw.tx)
}

// AppendEvents implements automation.EventWriter.
func (hw *hostWriter) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	if err := hw.s.readyThrough(ctx, hw.session); err != nil {
		return nil, err
	}
	c := &appendCall{events: events}
	if err := hw.append(ctx, c); err != nil {
		return nil, fmt.Errorf("postgres store: append events: %w", err)
	}
	return c.receipts, c.err
}

func (hw *hostWriter) append(ctx context.Context, c *appendCall) error {
	calls, err := hw.s.resolve(ctx, hw.session, []*appendCall{c})
	if err != nil || len(calls) == 0 {
		return err
	}
	if calls, err = hw.s.admit(ctx, hw.session, calls); err != nil {
		return err
	}
	if len(calls) == 0 {
		return hw.s.returnKeys(ctx, hw.session, c) // the host may go on and commit
	}
	return hw.session.run(ctx, hw.s.insertScript(calls))
}

// FindEventDefinition implements automation.EventWriter.
func (hw *hostWriter) FindEventDefinition(ctx context.Context, idOrName string) (automation.EventDefinition, error) {
	if err := hw.s.readyThrough(ctx, hw.session); err != nil {
		return automation.EventDefinition{}, err
	}
	return findEventDefinition(ctx, hw.session, idOrName)
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
			err = h.tx.exec(ctx, h.s.sql(st.sql), pgxArgs(st.args))
		} else {
			err = h.tx.query(ctx, h.s.sql(st.sql), pgxArgs(st.args), st.row)
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
