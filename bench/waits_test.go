package main

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
)

func TestWaits_SeeTheTurnsOfClaims(t *testing.T) {
	t.Parallel()
	b := newBench(cell{Store: onPostgres, Postgres: pgtest.URL(t)})
	holder, err := pgx.Connect(t.Context(), b.cell.Postgres)
	require.NoError(t, err)
	defer holder.Close(t.Context())
	tx, err := holder.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT pg_advisory_xact_lock(hashtextextended('automation.leases', 0))")
	require.NoError(t, err)
	w := &waits{}
	w.conn, err = pgx.Connect(t.Context(), b.cell.Postgres)
	require.NoError(t, err)
	defer w.conn.Close(t.Context())

	held, err := w.sample(t.Context())

	require.NoError(t, err)
	require.Equal(t, 1.0, held[0])
	require.NoError(t, tx.Rollback(t.Context()))
	free, err := w.sample(t.Context())
	require.NoError(t, err)
	require.Zero(t, free[0])
}

func TestWaits_AreNoneWithoutAServer(t *testing.T) {
	t.Parallel()
	w, err := newBench(cell{Store: onSQLite}).watchWaits(t.Context())
	require.NoError(t, err)
	values, err := w.perRun(t.Context(), 1, time.Second)
	require.NoError(t, err)
	require.Empty(t, values)
}
