package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	storetest.Run(t, func(tb testing.TB) storetest.Target {
		return newTarget(tb, url, postgres.Options{}, nil)
	})
}

// newTarget returns a Target with a schema of its own, each handle of which has a
// pool of its own.
func newTarget(tb testing.TB, url string, opts postgres.Options, configure func(c *pgxpool.Config)) storetest.Target {
	tb.Helper()
	opts.Schema = freshSchema()
	return storetest.Target{Durable: true, Open: func(ctx context.Context) (automation.Store, error) {
		s, err := postgres.New(newPool(tb, url, configure), opts)
		if err != nil {
			return nil, err
		}
		return s, s.Migrate(ctx)
	}}
}

// newPool returns a pool that is closed with the test.
func newPool(tb testing.TB, url string, configure func(c *pgxpool.Config)) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(tb, err)
	config.MaxConns = 4
	if configure != nil {
		configure(config)
	}
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	require.NoError(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

func TestStore_WithoutPreparedStatements(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	storetest.Run(t, func(tb testing.TB) storetest.Target {
		return newTarget(tb, url, postgres.Options{PollOnly: true}, func(c *pgxpool.Config) {
			c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
		})
	})
}

// TestStore_BehindAPooler has every transaction served by another session.
func TestStore_BehindAPooler(t *testing.T) {
	t.Parallel()
	url := pgtest.Bouncer(t, pgtest.URL(t))
	storetest.Run(t, func(tb testing.TB) storetest.Target {
		return newTarget(tb, url, postgres.Options{PollOnly: true}, func(c *pgxpool.Config) {
			c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
		})
	})
}
