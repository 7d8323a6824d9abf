package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/postgres"
)

const sizeOfHistory = `SELECT sum(pg_total_relation_size(oid)) FROM pg_class
	WHERE relnamespace = 'automation'::regnamespace AND relname IN ('ended_runs', 'events', 'contacts')`

// docs/production.md has this figure.
func TestTables_EndedRunOfThreeEmailsTakesAboutAKilobyte(t *testing.T) {
	t.Parallel()
	const runs = 3_000
	pool, w := newPool(t, pgtest.URL(t), nil), world.New(t, automation.Options{})
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	w.EndRuns(w.On(s, w.Opts), runs)
	execute(t, pool, "VACUUM")
	var size int
	require.NoError(t, pool.QueryRow(t.Context(), sizeOfHistory).Scan(&size))
	assert.InDelta(t, 1_050, size/runs, 250, "bytes of a run with its event and its contact")
}
