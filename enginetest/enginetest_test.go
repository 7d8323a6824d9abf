package enginetest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
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

// TestRunner_OnPostgres gives each process a pool of its own for one schema.
func TestRunner_OnPostgres(t *testing.T) {
	schemas := &schemas{pool: newPool(t, pgtest.URL(t)), free: make(chan string, len(enginetest.Checks()))}
	enginetest.Run(t, enginetest.OnStore(func(tb testing.TB) storetest.Target {
		opts := postgres.Options{Schema: schemas.take(tb)}
		return storetest.Target{Open: func(ctx context.Context) (automation.Store, error) {
			s, err := postgres.New(newPool(tb, schemas.pool.Config().ConnString()), opts)
			if err != nil {
				return nil, err
			}
			return s, s.Migrate(ctx)
		}}
	}), enginetest.Given{})
}

// newPool returns a small pool, because many checks run at once.
func newPool(tb testing.TB, url string) *pgxpool.Pool {
	config, err := pgxpool.ParseConfig(url)
	require.NoError(tb, err)
	config.MaxConns = 3
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(tb.Context()), config)
	require.NoError(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

// schemas lends schemas to checks. It reuses them, because to make the tables takes longer
// than most checks.
type schemas struct {
	pool *pgxpool.Pool
	free chan string
	made atomic.Int32
}

// emptySchema deletes all rows except those about migrations.
const emptySchema = `
DO $$ DECLARE t text; BEGIN
	FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = '%[1]s' AND tablename <> 'migrations' LOOP
		EXECUTE format('DELETE FROM %[1]s.%%I', t);
	END LOOP;
END $$`

// take returns the name of an empty schema, which is free again after the check.
func (s *schemas) take(tb testing.TB) (name string) {
	select {
	case name = <-s.free:
	default:
		name = fmt.Sprintf("s%d", s.made.Add(1))
	}
	tb.Cleanup(func() {
		_, err := s.pool.Exec(context.WithoutCancel(tb.Context()), fmt.Sprintf(emptySchema, name))
		if assert.NoError(tb, err) {
			s.free <- name
		}
	})
	return name
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
