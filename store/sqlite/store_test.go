package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
	"github.com/seed-b636437c/automation/store/storetest"
)

// TestStore runs the suite with two handles on one file, as two processes have.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(tb testing.TB) storetest.Target { return newTarget(tb, ncruces, 0) })
}

// TestStore_WithAnotherDriver runs the suite with a single connection in each pool.
func TestStore_WithAnotherDriver(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(tb testing.TB) storetest.Target { return newTarget(tb, modernc, 1) })
}

// newTarget returns a Target whose handles have pools of this size; 0 is the default.
func newTarget(tb testing.TB, d driverName, connections int) storetest.Target {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "store.db")
	return storetest.Target{Durable: true, Open: func(ctx context.Context) (automation.Store, error) {
		db := d.open(tb, path)
		db.SetMaxOpenConns(connections)
		s := sqlite.New(db)
		return s, s.Migrate(ctx)
	}}
}
