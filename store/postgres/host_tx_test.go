package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

// host is an application with a table of its own and a store.
type host struct {
	*postgres.Store
	pool  *pgxpool.Pool
	begin func(t *testing.T) hostTx
}

// hostTx is a transaction of the host, with either library.
type hostTx struct {
	writer   automation.EventWriter
	exec     func(sql string, args ...any) error
	commit   func() error
	rollback func() error
}

// TestTx checks each behaviour of events in a transaction of the host, with each
// library and each way in which it can send statements.
func TestTx(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	schemas := newSchemas(t, url)
	execute(t, schemas.pool, `CREATE TABLE orders (id text)`)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		for library, begin := range map[string]func(h host) func(t *testing.T) hostTx{"pgx": beginPGX, "database/sql": beginSQL} {
			for name, behaviour := range map[string]func(t *testing.T, h host){
				"events take effect when it commits":   eventsCommitted,
				"events are gone when it rolls back":   eventsRolledBack,
				"a refused call leaves nothing behind": eventsRefused,
				"duplicates are recognised":            eventsDuplicate,
				"definitions are found":                definitionsFound,
				"the Runner does not wait for it":      runnerNotBlocked,
			} {
				t.Run(fmt.Sprintf("%s, %v: %s", library, mode, name), func(t *testing.T) {
					t.Parallel()
					opts := postgres.Options{Schema: schemas.take(t)}
					pool := newPool(t, url, func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode })
					h := host{Store: newStore(t, pool, opts), pool: pool}
					require.NoError(t, h.Migrate(t.Context()))
					require.NoError(t, h.InsertContact(t.Context(), automation.Contact{ID: "ada", Email: "ada@example.com"}))
					h.begin = begin(h)
					behaviour(t, h)
				})
			}
		}
	}
}

func beginPGX(h host) func(t *testing.T) hostTx {
	return func(t *testing.T) hostTx {
		tx, err := h.pool.Begin(t.Context())
		require.NoError(t, err)
		return hostTx{
			writer: h.Tx(tx),
			exec: func(sql string, args ...any) error {
				_, err := tx.Exec(t.Context(), sql, args...)
				return err
			},
			commit:   func() error { return tx.Commit(t.Context()) },
			rollback: func() error { return tx.Rollback(t.Context()) },
		}
	}
}

func beginSQL(h host) func(t *testing.T) hostTx {
	return func(t *testing.T) hostTx {
		db := stdlib.OpenDBFromPool(h.pool)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		tx, err := db.BeginTx(t.Context(), &sql.TxOptions{})
		require.NoError(t, err)
		return hostTx{
			writer: h.SQLTx(tx),
			exec: func(sql string, args ...any) error {
				_, err := tx.ExecContext(t.Context(), sql, args...)
				return err
			},
			commit: tx.Commit, rollback: tx.Rollback,
		}
	}
}

// pending returns how many events can be claimed.
func (h host) pending(t *testing.T) int {
	t.Helper()
	works, err := h.Claim(t.Context(), automation.ClaimParams{
		Now: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Limit: 10, Events: 10, Runs: 10,
	})
	require.NoError(t, err)
	n := 0
	for _, w := range works {
		n += len(w.Events)
	}
	return n
}

func eventsCommitted(t *testing.T, h host) {
	tx := h.begin(t)
	require.NoError(t, tx.exec(`INSERT INTO orders VALUES ('1')`))
	mail := order(2, "")
	mail.Event.ContactID, mail.Event.Email = "", "ADA@example.com"
	receipts, err := tx.writer.AppendEvents(t.Context(), []automation.NewEvent{order(1, "key"), mail})
	require.NoError(t, err)
	assert.Equal(t, []automation.EventReceipt{{ID: order(1, "").Event.ID}, {ID: mail.Event.ID}}, receipts)
	assert.Zero(t, h.pending(t), "before the commit")
	require.NoError(t, tx.commit())
	assert.Equal(t, 2, h.pending(t))
	e, err := h.FindEvent(t.Context(), order(1, "").Event.ID)
	require.NoError(t, err)
	assert.Equal(t, order(1, "key").Event, e.Event)
}

func eventsRolledBack(t *testing.T, h host) {
	tx := h.begin(t)
	_, err := tx.writer.AppendEvents(t.Context(), []automation.NewEvent{order(1, "key")})
	require.NoError(t, err)
	require.NoError(t, tx.rollback())
	assert.Zero(t, h.pending(t))
	receipts, err := h.AppendEvents(t.Context(), []automation.NewEvent{order(2, "key")})
	require.NoError(t, err)
	assert.False(t, receipts[0].Duplicate, "the key is free again")
}

func eventsRefused(t *testing.T, h host) {
	_, err := h.AppendEvents(t.Context(), []automation.NewEvent{order(1, "used")})
	require.NoError(t, err)
	clash := order(3, "used")
	clash.ContentHash = "other"
	stranger := order(4, "")
	stranger.Event.ContactID = "unknown"

	tx := h.begin(t)
	_, err = tx.writer.AppendEvents(t.Context(), []automation.NewEvent{order(2, "fresh"), clash})
	require.ErrorIs(t, err, automation.ErrConflict)
	_, err = tx.writer.AppendEvents(t.Context(), []automation.NewEvent{order(2, "fresh"), stranger})
	require.ErrorIs(t, err, automation.ErrNotFound)
	require.NoError(t, tx.exec(`INSERT INTO orders VALUES ('1')`), "the host can go on")
	require.NoError(t, tx.commit())

	assert.Equal(t, 1, h.pending(t))
	receipts, err := h.AppendEvents(t.Context(), []automation.NewEvent{order(5, "fresh")})
	require.NoError(t, err)
	assert.False(t, receipts[0].Duplicate)
}

func eventsDuplicate(t *testing.T, h host) {
	tx := h.begin(t)
	receipts, err := tx.writer.AppendEvents(t.Context(), []automation.NewEvent{order(1, "key"), order(2, "key")})
	require.NoError(t, err)
	assert.Equal(t, []automation.EventReceipt{{ID: order(1, "").Event.ID}, {ID: order(1, "").Event.ID, Duplicate: true}}, receipts)
	require.NoError(t, tx.commit())
	assert.Equal(t, 1, h.pending(t))
}

func definitionsFound(t *testing.T, h host) {
	require.NoError(t, h.InsertEventDefinition(t.Context(), automation.EventDefinition{ID: "d", Name: "order.placed"}))
	tx := h.begin(t)
	d, err := tx.writer.FindEventDefinition(t.Context(), "order.placed")
	require.NoError(t, err)
	assert.Equal(t, "d", d.ID)
	_, err = tx.writer.FindEventDefinition(t.Context(), "unknown")
	require.ErrorIs(t, err, automation.ErrNotFound)
	require.NoError(t, tx.rollback())
}

// runnerNotBlocked keeps a transaction of the host open while a Runner works on the same
// contact.
func runnerNotBlocked(t *testing.T, h host) {
	_, err := h.AppendEvents(t.Context(), []automation.NewEvent{order(1, "")})
	require.NoError(t, err)
	tx := h.begin(t)
	_, err = tx.writer.AppendEvents(t.Context(), []automation.NewEvent{order(2, "")})
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	now := order(3, "").Event.AcceptedAt
	works, err := h.Claim(ctx, automation.ClaimParams{Now: now, Lease: time.Minute, Limit: 1, Events: 10, Runs: 10})
	require.NoError(t, err)
	require.Len(t, works, 1)
	require.Len(t, works[0].Events, 1)
	name := "Ada"
	results, err := h.Commit(ctx, []automation.Transition{{
		Key: works[0].Key, Token: works[0].Token, Now: now, Release: true,
		Handled: []automation.HandledEvent{{ID: works[0].Events[0].ID}}, Change: &automation.ContactChange{FirstName: &name},
	}})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	require.NoError(t, tx.commit())
	assert.Equal(t, 1, h.pending(t))
}

func TestTx_WithoutTablesLeavesTheTransactionUsable(t *testing.T) {
	t.Parallel()
	pool := newPool(t, pgtest.URL(t), func(c *pgxpool.Config) { c.MaxConns = 1 })
	s := newStore(t, pool, postgres.Options{})
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = s.Tx(tx).AppendEvents(t.Context(), []automation.NewEvent{order(1, "")})
	require.ErrorIs(t, err, automation.ErrSchema)
	_, err = tx.Exec(t.Context(), `SELECT 1`)
	assert.NoError(t, err)
	require.NoError(t, tx.Rollback(t.Context()))
}
