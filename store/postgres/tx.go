package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// transaction is a session whose scripts belong to one transaction. The first script
// begins the transaction, and the last one commits it.
type transaction struct {
	s       *Store
	conn    *pgxpool.Conn
	started bool
	// snapshot makes all statements see the same rows. It must be set before the first
	// script.
	snapshot bool
}

// transact calls work with a transaction, and rolls the transaction back unless work
// has committed it. If it fails because of another transaction, or because a statement that
// was prepared is outdated, transact calls work again.
func (s *Store) transact(ctx context.Context, work func(tx *transaction) error) error {
	attempt := func() error {
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return fmt.Errorf("connecting to the database: %w", err)
		}
		defer conn.Release()
		tx := &transaction{s: s, conn: conn}
		defer tx.end(ctx)
		return work(tx)
	}
	err := retryContended(ctx, attempt)
	if isOutdated(err) {
		err = retryContended(ctx, attempt) // the connection prepares its statements again
	}
	return err
}

func (tx *transaction) run(ctx context.Context, sc script) error {
	if !tx.started {
		tx.started = true
		begin := "begin isolation level read committed"
		if tx.snapshot {
			begin = "begin isolation level repeatable read, read only"
		}
		sc = append(script{{sql: begin}, {sql: byIndex}}, sc...)
	}
	return tx.s.send(ctx, tx.conn, sc)
}

// commit runs the last script of the transaction.
func (tx *transaction) commit(ctx context.Context, sc script) error {
	return tx.run(ctx, append(sc, statement{sql: "commit"}))
}

// rollbackTimeout bounds a rollback, which may come after ctx has ended.
const rollbackTimeout = 5 * time.Second

// end rolls the transaction back if it is open. If that fails, the pool closes the
// connection.
func (tx *transaction) end(ctx context.Context) {
	if pg := tx.conn.Conn().PgConn(); pg.IsClosed() || pg.TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_, _ = tx.conn.Exec(ctx, "rollback")
}

// maxAttempts is how often a transaction is tried that fails because of other ones.
const maxAttempts = 5

// retryContended calls do, and calls it again while it fails because of a concurrent
// transaction. A call that fails so has written nothing.
func retryContended(ctx context.Context, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		c := errorCode(err)
		if c != serializationFailure && c != deadlockDetected || n == maxAttempts {
			return err
		}
		// The random wait keeps the two transactions from meeting again.
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(n) * time.Duration(rand.Int64N(int64(10*time.Millisecond)))):
		}
	}
}
