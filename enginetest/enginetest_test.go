package enginetest_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/enginetest"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
	"github.com/seed-b636437c/automation/store/storetest"
)

func TestRunner_OnMemory(t *testing.T) {
	enginetest.Run(t, onMemory, enginetest.Given{})
}

var onMemory = enginetest.OnStore(func(testing.TB) storetest.Target { return storetest.Sole(memory.New()) })

// TestRunner_OnSQLite gives each process a handle of its own on one file.
func TestRunner_OnSQLite(t *testing.T) {
	enginetest.Run(t, enginetest.OnStore(func(tb testing.TB) storetest.Target {
		path := filepath.Join(tb.TempDir(), "store.db")
		return storetest.Target{Open: func(ctx context.Context) (automation.Store, error) {
			s, err := sqlitefile.Open(ctx, path)
			if err == nil {
				tb.Cleanup(func() { require.NoError(tb, s.Close()) })
			}
			return s, err
		}}
	}), enginetest.Given{})
}

// TestRunner_OnPostgres gives each process a pool of its own for one database.
func TestRunner_OnPostgres(t *testing.T) {
	enginetest.Run(t, enginetest.OnStore(func(tb testing.TB) storetest.Target {
		url := pgtest.URL(tb)
		return storetest.Target{Open: func(ctx context.Context) (automation.Store, error) {
			pool, err := newPool(tb, url)
			if err != nil {
				return nil, err
			}
			s, err := postgres.New(pool, postgres.Options{})
			if err != nil {
				return nil, err
			}
			return s, s.Migrate(ctx)
		}}
	}), enginetest.Given{})
}

// newPool returns a small pool, because many checks run at once.
func newPool(tb testing.TB, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 3
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(tb.Context()), config)
	if err == nil {
		tb.Cleanup(pool.Close)
	}
	return pool, err
}

// TestChecks_HaveNamesOfTheirOwn is needed because a faulty engine is given to a check by its
// name.
func TestChecks_HaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range enginetest.Checks() {
		require.False(t, seen[c.Name], c.Name)
		seen[c.Name] = true
	}
}
