package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// transaction is a session whose scripts belong to one transaction. It begins with
// the first script and is committed with the last.
type transaction struct {
	s       *Store
	conn    *pgxpool.Conn
	started bool
}

// transact calls work with a transaction, which is rolled back unless work has
// committed it. If another transaction is in the way work is called again.
func (s *Store) transact(ctx context.Context, work func(tx *transaction) error) error {
	return retryContended(ctx, func() error {
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
	if !tx.started {
		tx.started = true
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

// attempts is how often a transaction is made that others are in the way of.
const maxAttempts = 5

// again calls do again while it fails because of what another transaction was doing
// at the same time. Nothing of it was written then.
func retryContended(ctx context.Context, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		c := errorCode(err)
		if c != serializationFailure && c != deadlockDetected || n == maxAttempts {
			return err
		}
		// Both might be in each other's way again if they came back together.
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(n) * time.Duration(rand.Int64N(int64(10*time.Millisecond)))):
		}
	}
}
