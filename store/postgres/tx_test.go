package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// TestStore_GoesOnAfterConnectionsWereCut cuts every connection in the pool of the store.
// The first calls may fail, and a later one succeeds.
func TestStore_GoesOnAfterConnectionsWereCut(t *testing.T) {
	t.Parallel()
	s, pool := migrated(t)
	works := leased(t, s, 1)
	killer, err := pgxpool.NewWithConfig(t.Context(), pool.Config())
	require.NoError(t, err)
	defer killer.Close()
	execute(t, killer, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	ts := []automation.Transition{starting(works[0], 0, "first")}
	results, err := s.Commit(t.Context(), ts)
	for n := 0; err != nil && n < 10; n++ {
		results, err = s.Commit(t.Context(), ts)
	}
	require.NoError(t, err)
	assert.NoError(t, results[0].Err)
}

// The server ends the session of a process that stalls in a transaction of the store. A
// transaction of the host may take as long as the host likes.
func TestStore_SettingsEndWithItsTransactions(t *testing.T) {
	t.Parallel()
	s, pool := migrated(t)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	conn.Release() // so that the store uses this connection
	leased(t, s, 1)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(t.Context())
	for name, want := range map[string]string{"idle_in_transaction_session_timeout": "0", "enable_seqscan": "on"} {
		var setting string
		require.NoError(t, tx.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&setting))
		assert.Equal(t, want, setting, name)
	}
}
