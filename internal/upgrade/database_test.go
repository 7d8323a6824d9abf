package upgrade

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// database is a database that processes of all releases can open.
type database struct{ kind, address string }

// databases make new databases without tables.
var databases = map[string]func(t *testing.T) database{
	"sqlite":   func(t *testing.T) database { return database{"sqlite", filepath.Join(t.TempDir(), "automation.db")} },
	"postgres": func(t *testing.T) database { return database{"postgres", pgtest.URL(t)} },
}

// migrate migrates the tables with this release, and returns a store on them.
func (d database) migrate(t *testing.T) (automation.Store, tables) {
	t.Helper()
	if d.kind == "sqlite" {
		store, err := sqlitefile.Open(t.Context(), d.address)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, store.Close()) })
		return store, tables{store.DB(), `SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'automation%' ORDER BY name`}
	}
	pool, err := pgxpool.New(context.WithoutCancel(t.Context()), d.address)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store, err := postgres.New(pool, postgres.Options{})
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	db := stdlib.OpenDBFromPool(pool)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return store, tables{db, `SELECT 'automation.' || tablename FROM pg_tables WHERE schemaname = 'automation' ORDER BY tablename`}
}

// tables are all tables of a store.
type tables struct {
	db    *sql.DB
	names string // the query for their names
}

// rows returns all rows of all tables as text.
func (s tables) rows(t *testing.T) (all []string) {
	t.Helper()
	for _, name := range s.query(t, s.names) {
		rows := s.query(t, "SELECT * FROM "+strings.Trim(name, "[]"))
		slices.Sort(rows)
		for _, row := range rows {
			all = append(all, name+row)
		}
	}
	return all
}

// query returns the rows that a query finds as text.
func (s tables) query(t *testing.T, query string) (found []string) {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	values, pointers := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		pointers[i] = &values[i]
	}
	for rows.Next() {
		require.NoError(t, rows.Scan(pointers...))
		found = append(found, fmt.Sprint(values))
	}
	require.NoError(t, rows.Err())
	return found
}
