package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
)

// Tx is what is needed of a transaction; *sql.Tx has it.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Tx returns a writer for the transaction that tx is: the events that it accepts
// take effect if and only if that commits. The transaction should be an immediate
// one (for most drivers, _txlock=immediate in the name of the database), or it
// fails as busy when others write meanwhile.
func (s *Store) Tx(tx Tx) automation.EventWriter { return hostWriter{s, plain{tx}} }

// hostWriter writes in the application's transaction.
type hostWriter struct {
	s *Store
	q session
}

// AppendEvents implements automation.EventWriter.
func (w hostWriter) AppendEvents(ctx context.Context, events []automation.NewEvent) (receipts []automation.EventReceipt, err error) {
	err = w.do(ctx, func() error {
		// From here on either all is done or all is undone: what is left half done
		// the application would commit. Its transaction has a context of its own.
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

// do is read and write for a transaction of the application, which may have taken
// the only connection.
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
