package postgres_test

import (
	"testing"
	"time"

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
func TestTables_EndedRunOfThreeEmailsTakesAboutOneAndAHalfKilobytes(t *testing.T) {
	t.Parallel()
	const runs = 3_000
	pool, w := newPool(t, pgtest.URL(t), nil), world.New(t, automation.Options{})
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	node := w.On(s, w.Opts)
	_, err := node.Apply(t.Context(), world.Flow("welcome", "signup",
		world.Email("one"), world.Pause("rest", "1 day"), world.Email("two"), world.Pause("more", "1 day"), world.Email("three")))
	require.NoError(t, err)
	_, err = node.Send(t.Context(), world.Signups(runs)...)
	require.NoError(t, err)
	for range 3 {
		_, err = node.Drain(t.Context())
		require.NoError(t, err)
		w.Clock.Add(24 * time.Hour)
	}
	require.Len(t, w.Sent(), 3*runs)
	execute(t, pool, "VACUUM")
	var size int
	require.NoError(t, pool.QueryRow(t.Context(), sizeOfHistory).Scan(&size))
	assert.InDelta(t, 1_500, size/runs, 375, "bytes of a run with its event and its contact")
}
