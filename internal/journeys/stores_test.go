package journeys_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
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

// store is a store that cases are played on.
type store struct {
	cheap bool // a case may be played on it many times
	// empty returns it without content, for one play after another.
	empty func(t *testing.T) automation.Store
}

// stores are the functions that make the stores, by name.
var stores = map[string]func(t *testing.T) store{
	"memory": func(*testing.T) store {
		return store{cheap: true, empty: func(*testing.T) automation.Store { return memory.New() }}
	},
	"sqlite":   onSQLite,
	"postgres": onPostgres,
}

// eachStore calls f for each store at once.
func eachStore(t *testing.T, f func(t *testing.T, s store)) {
	t.Parallel()
	for name, open := range stores {
		if byTurns() && name != "memory" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

// onSQLite makes a file for each play.
func onSQLite(*testing.T) store {
	return store{empty: func(t *testing.T) automation.Store {
		path := filepath.Join(t.TempDir(), "store.db")
		template, err := migratedFile()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, template, 0o600))
		s, err := sqlitefile.Open(t.Context(), path)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, s.Close()) })
		return s
	}}
}

// migratedFile returns the content of a file with all tables. To make the tables takes longer
// than to play a case.
var migratedFile = sync.OnceValues(func() (content []byte, err error) {
	folder, err := os.MkdirTemp("", "journeys")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "store.db")
	s, err := sqlitefile.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil { // which moves the log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

// emptyTables deletes all rows except those about migrations.
const emptyTables = `
DO $$ DECLARE t text; BEGIN
	FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'automation' AND tablename <> 'migrations' LOOP
		EXECUTE format('DELETE FROM automation.%I', t);
	END LOOP;
END $$`

// onPostgres makes one database for all plays of a case.
func onPostgres(t *testing.T) store {
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
	return store{empty: func(t *testing.T) automation.Store {
		_, err := pool.Exec(t.Context(), emptyTables)
		require.NoError(t, err)
		return open(t)
	}}
}
