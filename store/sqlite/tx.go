package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/seed-b636437c/automation"
)

// transaction is a transaction that writes. A Store has one at a time. Once it has
// begun, its statements run under a context that cannot end: the transaction is short,
// and a context that can end costs a goroutine for every statement.
type transaction struct {
	s        *Store
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
	// listens contains the numbers that listenNumber has found or inserted.
	listens map[string]int64
	// nextEvent is the number of the next event, and eventsLeft how many numbers are reserved.
	nextEvent  int64
	eventsLeft int
	// definitions contains what definitionByName has found, nil for none.
	definitions map[string]*automation.EventDefinition
}

// writeCall is a call of write.
type writeCall struct {
	do  func(ctx context.Context, tx *transaction) error
	err error
}

// errNotWritten is the error of a call until the call was written, because the
// goroutine that writes for several calls may panic.
var errNotWritten = errors.New("sqlite store: not written")

// maxWrites is how many calls share a transaction at most.
const maxWrites = 256

// write calls do in a transaction. Calls that arrive while an earlier transaction is
// being written share the next one, because a commit costs a sync to the disk. If do
// returns a refusal (see refuses), it must have written nothing, and the remaining
// calls go on. Any other error of do means that the database failed.
func (s *Store) write(ctx context.Context, do func(ctx context.Context, tx *transaction) error) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.ready(ctx); err != nil {
		return err
	}
	call := &writeCall{do: do, err: errNotWritten}
	if err := s.writes.Do(ctx, call); err != nil {
		return err
	}
	return call.err
}

// writeAll executes calls in one transaction. If the transaction begins and then fails,
// each call gets a transaction of its own, because the failure may be due to what one
// of them writes.
func (s *Store) writeAll(ctx context.Context, calls []*writeCall) {
	began := false
	refused := make([]error, len(calls))
	err := s.exclusive(ctx, func(ctx context.Context, conn *sql.Conn) error {
		return s.begin(ctx, conn, func(ctx context.Context, tx *transaction) (err error) {
			began = true
			for i, c := range calls {
				if refused[i] = c.do(ctx, tx); refused[i] != nil && !refuses(refused[i]) {
					return refused[i]
				}
			}
			return nil
		})
	})
	if err != nil && began && len(calls) > 1 {
		for i := range calls {
			s.writeAll(ctx, calls[i:i+1])
		}
		return
	}
	for i, c := range calls {
		c.err = cmp.Or(err, refused[i])
	}
}

// exclusive calls do with a connection that has the settings for writing, while no
// other goroutine of the Store writes. It holds no second connection meanwhile, because
// the pool may have only one.
func (s *Store) exclusive(ctx context.Context, do func(ctx context.Context, conn *sql.Conn) error) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.prepareWanted(ctx); err != nil {
		return failed("prepare", err)
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return failed("connect", err)
	}
	defer conn.Close()
	ctx = context.WithoutCancel(ctx)
	restore, err := setForWriting(ctx, conn)
	if err != nil {
		return failed("settings", err)
	}
	defer restore()
	return do(ctx, conn)
}

// prepareWanted prepares the statements that earlier transactions could not prepare
// for the pool, because they may have held its only connection.
func (s *Store) prepareWanted(ctx context.Context) error {
	s.mu.Lock()
	wanted := s.wanted
	s.wanted = nil
	s.mu.Unlock()
	for _, query := range wanted {
		if _, err := s.prepared(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// takeLock changes no row. It is the first statement of a transaction. It waits for the
// lock for writing and takes it before anything is read, as BEGIN IMMEDIATE does,
// whichever BEGIN the driver executes in BeginTx.
const takeLock = `UPDATE automation_tokens SET last_fence = last_fence WHERE id = 0`

// begin calls do in a transaction on a connection.
func (s *Store) begin(ctx context.Context, conn *sql.Conn, do func(ctx context.Context, tx *transaction) error) (err error) {
	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		discardBroken(ctx, conn)
		return failed("begin", err)
	}
	committed := false
	defer func() {
		if !committed {
			_ = sqlTx.Rollback()
			discardBroken(ctx, conn)
		}
	}()
	tx := &transaction{
		s: s, tx: sqlTx, prepared: map[string]*sql.Stmt{}, listens: map[string]int64{}, definitions: map[string]*automation.EventDefinition{},
	}
	if _, err := tx.exec(ctx, takeLock); err != nil {
		return failed("lock", err)
	}
	if err := do(ctx, tx); err != nil {
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return failed("commit", err)
	}
	committed = true
	s.listens.note(tx.listens)
	return nil
}

// discardBroken ends any transaction that is open on a connection before the connection
// goes back to the pool. Later calls would otherwise write in that transaction. It
// discards the connection if it cannot end the transaction.
func discardBroken(ctx context.Context, conn *sql.Conn) {
	_, _ = conn.ExecContext(ctx, "ROLLBACK") // fails if no transaction is open
	_, err := conn.ExecContext(ctx, "BEGIN")
	if err == nil {
		_, err = conn.ExecContext(ctx, "ROLLBACK")
	}
	if err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

// The least settings of a connection while it writes: for how many milliseconds it
// waits for other processes, and that a commit is on the disk (FULL).
const (
	leastBusyTimeout = 5000
	leastSynchronous = 2
)

// setForWriting raises the settings of a connection to the least ones for writing. The
// caller must call restore afterwards.
func setForWriting(ctx context.Context, conn *sql.Conn) (restore func(), err error) {
	var undo []string
	restore = func() {
		for _, query := range undo {
			if _, err := conn.ExecContext(ctx, query); err != nil {
				_ = conn.Raw(func(any) error { return driver.ErrBadConn })
			}
		}
	}
	for _, p := range []struct {
		name  string
		least int
	}{{"busy_timeout", leastBusyTimeout}, {"synchronous", leastSynchronous}} {
		var is int
		if err := conn.QueryRowContext(ctx, "PRAGMA "+p.name).Scan(&is); err != nil {
			restore()
			return nil, err
		}
		if is >= p.least {
			continue
		}
		undo = append(undo, fmt.Sprintf("PRAGMA %s = %d", p.name, is))
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA %s = %d", p.name, p.least)); err != nil {
			restore()
			return nil, err
		}
	}
	return restore, nil
}

func (tx *transaction) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := tx.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (tx *transaction) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := tx.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

// statement returns the transaction's statement with this text. A statement that is not
// prepared for the pool is prepared for this transaction only.
func (tx *transaction) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := tx.prepared[query]; st != nil {
		return st, nil
	}
	var st *sql.Stmt
	if shared := tx.s.find(query); shared != nil {
		st = tx.tx.StmtContext(ctx, shared)
	} else {
		var err error
		if st, err = tx.tx.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		tx.s.mu.Lock()
		tx.s.wanted = append(tx.s.wanted, query)
		tx.s.mu.Unlock()
	}
	tx.prepared[query] = st
	return st, nil
}
