package postgres_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	schemas := newSchemas(t, url)
	storetest.Run(t, func(tb testing.TB) storetest.Target {
		return schemas.target(tb, url, postgres.Options{}, nil)
	})
}

func TestStore_WithoutPreparedStatements(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			schemas := newSchemas(t, url)
			storetest.Run(t, func(tb testing.TB) storetest.Target {
				return schemas.target(tb, url, postgres.Options{PollOnly: true}, func(c *pgxpool.Config) {
					c.ConnConfig.DefaultQueryExecMode = mode
				})
			})
		})
	}
}

// TestStore_OfAHostThatTraces runs the suite through the batches of pgx.
func TestStore_OfAHostThatTraces(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	schemas := newSchemas(t, url)
	var tracer countingTracer
	storetest.Run(t, func(tb testing.TB) storetest.Target {
		return schemas.target(tb, url, postgres.Options{}, func(c *pgxpool.Config) { c.ConnConfig.Tracer = &tracer })
	})
	t.Cleanup(func() { assert.NotZero(t, tracer.statements.Load()) })
}

// countingTracer counts statements of batches.
type countingTracer struct{ statements atomic.Int64 }

func (*countingTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (*countingTracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (*countingTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (c *countingTracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {
	c.statements.Add(1)
}

func (*countingTracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// TestStore_OfSessionsThatLoseStatements runs the suite on connections that have lost their
// prepared statements whenever the store takes one from the pool.
func TestStore_OfSessionsThatLoseStatements(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	schemas := newSchemas(t, url)
	storetest.Run(t, func(tb testing.TB) storetest.Target {
		return schemas.target(tb, url, postgres.Options{}, func(c *pgxpool.Config) {
			c.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
				_, err := conn.Exec(ctx, `DISCARD ALL`, pgx.QueryExecModeSimpleProtocol)
				return true, err
			}
		})
	})
}

// TestStore_BehindAPooler runs the suite with a pooler that gives every transaction
// another session.
func TestStore_BehindAPooler(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	url, schemas := pgtest.Bouncer(t, database), newSchemas(t, database)
	storetest.Run(t, func(tb testing.TB) storetest.Target {
		return schemas.target(tb, url, postgres.Options{PollOnly: true}, func(c *pgxpool.Config) {
			c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
		})
	})
}
