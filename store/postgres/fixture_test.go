package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/storetest"
)

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

func newStore(tb testing.TB, pool *pgxpool.Pool, opts postgres.Options) *postgres.Store {
	tb.Helper()
	s, err := postgres.New(pool, opts)
	require.NoError(tb, err)
	return s
}

func execute(tb testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	tb.Helper()
	_, err := pool.Exec(tb.Context(), sql, args...)
	require.NoError(tb, err)
}

// schemas hands out schemas that hold nothing. To make one takes much longer than
// to empty it, and a suite needs a hundred.
type schemas struct {
	pool *pgxpool.Pool
	free chan string
	made chan int
}

func newSchemas(tb testing.TB, url string) *schemas {
	s := &schemas{pool: newPool(tb, url, nil), free: make(chan string, 1000), made: make(chan int, 1)}
	s.made <- 0
	return s
}

// emptySchema leaves the versions of the tables as they are, and their counters.
const emptySchema = `
DO $$ DECLARE t text; BEGIN
	FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = '%[1]s' AND tablename <> 'migrations' LOOP
		EXECUTE format('DELETE FROM %[1]s.%%I', t);
	END LOOP;
END $$`

// take returns the name of a schema, which is free again when the test has ended.
func (s *schemas) take(tb testing.TB) string {
	var name string
	select {
	case name = <-s.free:
	default:
		n := <-s.made
		s.made <- n + 1
		name = fmt.Sprintf("s%d", n)
	}
	tb.Cleanup(func() {
		_, err := s.pool.Exec(context.WithoutCancel(tb.Context()), fmt.Sprintf(emptySchema, name))
		if assert.NoError(tb, err) {
			s.free <- name
		}
	})
	return name
}

// target returns a Target with a schema of its own, each handle of which has a pool
// of its own for the database at a URL.
func (s *schemas) target(tb testing.TB, url string, opts postgres.Options, configure func(c *pgxpool.Config)) storetest.Target {
	opts.Schema = s.take(tb)
	return storetest.Target{Durable: true, Open: func(ctx context.Context) (automation.Store, error) {
		store, err := postgres.New(newPool(tb, url, configure), opts)
		if err != nil {
			return nil, err
		}
		return store, store.Migrate(ctx)
	}}
}
