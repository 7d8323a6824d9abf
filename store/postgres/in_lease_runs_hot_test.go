package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
)

// A run that starts in the row of its lease changes no index. That needs room on the page, and no
// index that has one of the run's columns.
func TestStartInLease_WritesNoIndex(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s, err := New(pool, Options{})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	for _, sql := range []string{
		`INSERT INTO automation.leases (owner, fence_no, until) SELECT uuid_send(md5('c' || i)::uuid), i, now() FROM generate_series(1, 1000) i`,
		`UPDATE automation.leases SET run_id = gen_random_uuid(), run_event_id = gen_random_uuid(), run_due_at = now(), run_created_at = now(), run_state = convert_to(repeat('s', 150), 'UTF8')`,
	} {
		_, err := tx.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	var hot int
	require.NoError(t, tx.QueryRow(t.Context(), `SELECT pg_stat_get_xact_tuples_hot_updated('automation.leases'::regclass)`).Scan(&hot))
	assert.Equal(t, 1000, hot)
}
