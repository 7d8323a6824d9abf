package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestURL_DatabasesShareNothing(t *testing.T) {
	t.Parallel()
	for range 2 {
		conn := connect(t, pgtest.URL(t))
		_, err := conn.Exec(t.Context(), "CREATE TABLE taken (n int)")
		require.NoError(t, err)
	}
}
