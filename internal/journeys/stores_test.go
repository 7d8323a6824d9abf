package journeys_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// stores are the stores by name. The function that a case gets returns an empty store for each
// time that the case is played.
var stores = map[string]func(t *testing.T) func(t *testing.T) automation.Store{
	"memory": func(*testing.T) func(*testing.T) automation.Store {
		return func(*testing.T) automation.Store { return memory.New() }
	},
	"sqlite": func(*testing.T) func(*testing.T) automation.Store {
		return func(t *testing.T) automation.Store {
			s, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			return s
		}
	},
	"postgres": onPostgres,
}

// emptyTables deletes all rows except those about migrations. To make the tables takes longer
// than to play a case.
const emptyTables = `
DO $$ DECLARE t text; BEGIN
	FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'automation' AND tablename <> 'migrations' LOOP
		EXECUTE format('DELETE FROM automation.%I', t);
	END LOOP;
END $$`

// onPostgres makes one database for all plays of a case.
func onPostgres(t *testing.T) func(t *testing.T) automation.Store {
	config, err := pgxpool.ParseConfig(pgtest.URL(t))
	require.NoError(t, err)
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	open := func(t *testing.T) *postgres.Store {
		s, err := postgres.New(pool, postgres.Options{})
		require.NoError(t, err)
		return s
	}
	require.NoError(t, open(t).Migrate(t.Context()))
	return func(t *testing.T) automation.Store {
		_, err := pool.Exec(t.Context(), emptyTables)
		require.NoError(t, err)
		return open(t)
	}
}
