//go:build unix

package soak

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

func init() {
	openers["postgres"] = func(ctx context.Context, url string) (closingStore, error) {
		config, err := pgxpool.ParseConfig(url)
		if err != nil {
			return nil, err
		}
		config.MaxConns = 10
		pool, err := pgxpool.NewWithConfig(ctx, config)
		if err != nil {
			return nil, err
		}
		store, err := postgres.New(pool, postgres.Options{})
		if err == nil {
			err = migrate(ctx, store)
		}
		if err != nil {
			pool.Close()
			return nil, err
		}
		return postgresStore{store, pool}, nil
	}
}

// migrate migrates the store, and tries again after an error: the test may cut the
// connection.
func migrate(ctx context.Context, store *postgres.Store) (err error) {
	for range 20 {
		if err = store.Migrate(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		<-time.After(100 * time.Millisecond)
	}
	return err
}

// postgresStore is a store that owns its pool.
type postgresStore struct {
	*postgres.Store
	pool *pgxpool.Pool
}

func (s postgresStore) Close() error {
	defer s.pool.Close()
	return s.Store.Close()
}

func TestPostgres_NodesAreKilled(t *testing.T) {
	t.Parallel()
	c := newCluster(t, storeConfig{"postgres", pgtest.URL(t)}, 3)
	c.crash(blows(t, 12))
}

func TestPostgres_NodeStallsLongerThanItsLease(t *testing.T) {
	t.Parallel()
	c := newCluster(t, storeConfig{"postgres", pgtest.URL(t)}, 2)
	c.takeOver()
}

func TestPostgres_ServerCrashesAndRestarts(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{})
	c := newCluster(t, storeConfig{"postgres", server.URL()}, 2)
	modes := []pgtest.StopMode{pgtest.Immediate, pgtest.Fast}
	c.disturb(blows(t, 4), func() {
		mode := modes[0]
		modes[0], modes[1] = modes[1], modes[0]
		require.NoError(t, server.Stop(mode))
		c.ledger.activity(10) // nodes fail to send
		require.NoError(t, server.Start())
	})
	c.finish()
}

func TestPostgres_ConnectionsAreCut(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	c := newCluster(t, storeConfig{"postgres", url}, 2)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	c.disturb(blows(t, 8), func() {
		_, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		require.NoError(t, err)
	})
	c.finish()
}
