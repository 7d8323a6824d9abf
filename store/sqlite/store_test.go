package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
	"github.com/seed-b636437c/automation/store/storetest"
)

// drivers are those that the store is tested with.
var drivers = map[string]func(name string) (*sql.DB, error){
	"ncruces": func(name string) (*sql.DB, error) { return driver.Open(name) },
	"modernc": func(name string) (*sql.DB, error) { return sql.Open("sqlite", name) },
}

// open opens a file and closes it with the test.
func open(tb testing.TB, driverName, path string) *sql.DB {
	tb.Helper()
	db, err := drivers[driverName]("file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_txlock=immediate")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// migrated returns a store with tables.
func migrated(tb testing.TB, db *sql.DB) *sqlite.Store {
	tb.Helper()
	s := sqlite.New(db)
	require.NoError(tb, s.Migrate(context.Background()))
	return s
}

func TestStore_HandlesOnOneFile(t *testing.T) {
	t.Parallel()
	for name := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(tb testing.TB) storetest.Target {
				path := filepath.Join(tb.TempDir(), "store.db")
				migrated(tb, open(tb, name, path))
				return storetest.Target{Durable: true, Open: func(context.Context) (automation.Store, error) {
					return sqlite.New(open(tb, name, path)), nil
				}}
			})
		})
	}
}
