package sqlite_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// TestCancel_ManyRuns cancels more runs than fit into a batch.
func TestCancel_ManyRuns(t *testing.T) {
	t.Parallel()
	const runs = 1200
	s, db := fresh(t)
	start(t, s, contacts(t, s, 1)[0])
	_, err := db.Exec(`
		WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO automation_active_runs (id, place_no, owner, control, setbacks, due_at, created_at)
		SELECT '=r' || i, place_no, owner, control, setbacks, due_at, created_at FROM n, automation_active_runs;`, runs)
	require.NoError(t, err)
	_, err = db.Exec(`UPDATE automation_places SET n = ?`, runs)
	require.NoError(t, err)
	n, err := s.CancelRuns(t.Context(), "welcome", now)
	require.NoError(t, err)
	assert.Equal(t, runs, n)
	var requested int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM automation_active_runs WHERE control = 1 AND due_at = ?`, now.UnixMicro()).Scan(&requested))
	assert.Equal(t, runs, requested)
	require.NoError(t, s.DeleteAutomation(t.Context(), "welcome", now))
	_, err = s.FindAutomation(t.Context(), "welcome")
	require.ErrorIs(t, err, automation.ErrNotFound)
}
