//go:build unix

package soak

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

func init() {
	openers["sqlite"] = func(ctx context.Context, path string) (closingStore, error) {
		return sqlitefile.Open(ctx, path)
	}
}

func newFile(t *testing.T) storeConfig {
	t.Helper()
	return storeConfig{"sqlite", filepath.Join(t.TempDir(), "automation.db")}
}

func TestSQLite_OnlyNodeIsKilled(t *testing.T) {
	t.Parallel()
	config := newFile(t)
	newCluster(t, config, 1).crash(blows(t, 12))
	requireSound(t, config)
}

func TestSQLite_NodesOnOneFileAreKilled(t *testing.T) {
	t.Parallel()
	c := newPair(t)
	c.crash(blows(t, 6))
	requireSound(t, c.config)
}

// requireSound checks that the file is not damaged.
func requireSound(t *testing.T, config storeConfig) {
	t.Helper()
	store, err := sqlitefile.Open(t.Context(), config.Address)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	var verdict string
	require.NoError(t, store.DB().QueryRow("PRAGMA integrity_check").Scan(&verdict))
	require.Equal(t, "ok", verdict)
}

func TestSQLite_NodeStallsLongerThanItsLease(t *testing.T) {
	t.Parallel()
	newPair(t).takeOver()
}

// newPair returns two nodes on one file.
func newPair(t *testing.T) *cluster {
	t.Helper()
	config := newFile(t)
	c := newCluster(t, config, 2)
	store, err := sqlitefile.Open(t.Context(), config.Address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	conn, err := store.DB().Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	_, err = conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 0")
	require.NoError(t, err)
	c.writable = func() bool {
		if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			return false
		}
		_, err := conn.ExecContext(t.Context(), "ROLLBACK")
		return err == nil
	}
	return c
}

func TestSQLite_DiskIsFull(t *testing.T) {
	t.Parallel()
	store, err := sqlitefile.Open(t.Context(), newFile(t).Address)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	l := newLedger(seed(t), populate(t, store))
	// The limit belongs to a connection, so there must be only one.
	db := store.DB()
	db.SetMaxOpenConns(1)
	var pages int
	require.NoError(t, db.QueryRow("PRAGMA page_count").Scan(&pages))
	limitPages(t, db, pages+5) // not more: nodes prune
	stop := serve(t, store, "node", l.listen(t))

	l.grant(300)
	require.True(t, l.await(patience, func() bool { return l.failures > 10 }), "sending fails")
	limitPages(t, db, 1<<30)
	require.True(t, l.allSent(patience), "sending works again")
	require.NoError(t, awaitIdle(t.Context(), store, patience))
	stop()
	l.report(t)
	require.Empty(t, check(t.Context(), store, l))
}

// limitPages sets how many pages the file may have.
func limitPages(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", n))
	require.NoError(t, err)
}
