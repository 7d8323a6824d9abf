package sqlite_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRuns_AreReadable reads the view for people.
func TestRuns_AreReadable(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	id := contacts(t, s, 1)[0]
	run := start(t, s, id)
	var got [7]string
	require.NoError(t, db.QueryRow(`SELECT id, automation_id, contact_id, event_name, status, step, due_at FROM automation_runs`).
		Scan(&got[0], &got[1], &got[2], &got[3], &got[4], &got[5], &got[6]))
	assert.Equal(t, [7]string{run, "welcome", id, "user.created", "running", "first", "2026-03-01T13:00:00.000Z"}, got)
}
