package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
)

// Tx executes statements in a transaction of the application. A *sql.Tx is one.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Tx returns a writer that keeps events in a transaction of the application. The events
// take effect if and only if tx commits. The transaction should be an immediate one
// (for most drivers, _txlock=immediate in the name of the database). Otherwise it fails
// as busy if another connection writes meanwhile.
func (s *Store) Tx(tx Tx) automation.EventWriter { return hostWriter{s, plain{tx}} }

// TxFrom returns the transaction that the application passed to Tx, from a context that
// FindContact of the application's contact directory receives while SendTo executes. A
// directory in the same database reads through this transaction. If it read through
// another connection, each send would hold one connection and wait for a second one, and
// the contacts that the transaction has inserted would be missing.
//
// T is the type of the transaction, such as *sql.Tx, or an interface that the transaction
// implements. TxFrom reports false if ctx carries no transaction, or one that is no T.
func TxFrom[T any](ctx context.Context) (tx T, ok bool) {
	tx, ok = ctx.Value(txKey{}).(T)
	return tx, ok
}

// txKey is the key of the application's transaction in a context.
type txKey struct{}

// hostWriter is an automation.EventWriter in a transaction of the application.
type hostWriter struct {
	s *Store
	q plain
}

var _ automation.TxCarrier = hostWriter{}

// WithTx implements automation.TxCarrier.
func (w hostWriter) WithTx(ctx context.Context) context.Context {
	return context.WithValue(ctx, txKey{}, w.q.Tx)
}

// AppendEvents implements automation.EventWriter.
func (w hostWriter) AppendEvents(ctx context.Context, events []automation.NewEvent) (receipts []automation.EventReceipt, err error) {
	err = w.do(ctx, func() error {
		// The end of ctx must not interrupt the call half-way, because the application
		// would commit that half. Its transaction has a context of its own.
		receipts, err = appendEvents(context.WithoutCancel(ctx), w.q, events)
		return err
	})
	return receipts, err
}

// FindEventDefinition implements automation.EventWriter.
func (w hostWriter) FindEventDefinition(ctx context.Context, idOrName string) (d automation.EventDefinition, err error) {
	err = w.do(ctx, func() error {
		d, err = findEventDefinition(ctx, w.q, idOrName)
		return err
	})
	return d, err
}

// do replaces Store.read and Store.write for a transaction of the application, which
// may hold the only connection.
func (w hostWriter) do(ctx context.Context, call func() error) error {
	leave, err := w.s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if !w.s.checked.Load() {
		if err := checkVersion(ctx, w.q); err != nil {
			return err
		}
	}
	return call()
}
