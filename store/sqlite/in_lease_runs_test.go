package sqlite_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/inleasetest"
)

// runRows returns how many runs there are in leases, among the active runs, and among the ended
// runs.
func runRows(t *testing.T, db *sql.DB) (rows [3]int) {
	t.Helper()
	require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM automation_begun_runs),
		(SELECT count(*) FROM automation_active_runs), (SELECT count(*) FROM automation_ended_runs)`).Scan(&rows[0], &rows[1], &rows[2]))
	return rows
}

func TestInLeaseRuns(t *testing.T) {
	t.Parallel()
	inleasetest.Run(t, func(t *testing.T) inleasetest.Opened {
		s, db := fresh(t)
		return inleasetest.Opened{
			Store: s,
			Rows:  func() [3]int { return runRows(t, db) },
			ID: func() (id string) {
				require.NoError(t, db.QueryRow("SELECT id FROM automation_runs").Scan(&id))
				return id
			},
		}
	})
}

// TestInLeaseRuns_OneThatHasWoken has a run that sleeps, wakes, loses its lease, and ends.
func TestInLeaseRuns_OneThatHasWoken(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	start(t, s, contacts(t, s, 1)[0])
	require.Equal(t, [3]int{0, 1, 0}, runRows(t, db))
	p := everything()
	commit := func(w automation.Work, run automation.RunRecord, release bool) {
		results, err := s.Commit(t.Context(), []automation.Transition{{
			Key: w.Key, Token: w.Token, Now: p.Now, Extend: p.Now.Add(time.Minute), Release: release, Runs: []automation.RunChange{{RunRecord: run}},
		}})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		found, err := s.FindRun(t.Context(), run.ID)
		require.NoError(t, err)
		assert.Equal(t, run, found)
	}
	claim := func(after time.Duration) automation.Work {
		p.Now = p.Now.Add(after)
		works, err := s.Claim(t.Context(), p)
		require.NoError(t, err)
		require.Len(t, works, 1)
		require.Len(t, works[0].Runs, 1)
		return works[0]
	}

	work := claim(time.Hour)
	run := work.Runs[0].RunRecord
	run.Step, run.State, run.DueAt = "second", []byte("awake"), p.Now
	commit(work, run, false)
	require.Equal(t, [3]int{1, 0, 0}, runRows(t, db))

	work = claim(2 * time.Minute)
	assert.Equal(t, run, work.Runs[0].RunRecord)
	require.Equal(t, [3]int{0, 1, 0}, runRows(t, db))
	commit(work, run, false)
	require.Equal(t, [3]int{1, 0, 0}, runRows(t, db))

	run.Status, run.DueAt, run.CompletedAt = automation.RunCompleted, time.Time{}, p.Now
	commit(work, run, true)
	require.Equal(t, [3]int{0, 0, 1}, runRows(t, db))
}
