package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestCommit_ATransitionThatTheDatabaseRefusesFailsAlone(t *testing.T) {
	t.Parallel()
	s, pool := migrated(t)
	works := leased(t, s, 4)
	ts := []automation.Transition{
		starting(works[0], 0, "first"), starting(works[1], 1, "no\x00text"), starting(works[2], 2, "first"), starting(works[3], 3, "first"),
	}
	ts[3].Runs[0].AutomationID = "deleted"
	results, err := s.Commit(t.Context(), ts)
	require.NoError(t, err)
	assert.NoError(t, results[0].Err)
	assert.Error(t, results[1].Err)
	assert.NoError(t, results[2].Err)
	assert.ErrorIs(t, results[3].Err, automation.ErrConflict)
	counts, err := s.CountRuns(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{{AutomationID: "welcome", Version: 1, Step: "first", Status: automation.RunRunning, Count: 2}}, counts)

	var open int
	require.NoError(t, pool.QueryRow(t.Context(), `
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`).Scan(&open))
	assert.Zero(t, open, "transactions that were left open")
	ts[1].Runs[0].Step = "first"
	results, err = s.Commit(t.Context(), ts[1:2])
	require.NoError(t, err)
	assert.NoError(t, results[0].Err, "the lease is still there")
}

func TestCommit_ANameMayBeAnyText(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	w := leased(t, s, 1)[0]
	name := "a\x00b\xff"
	change := automation.ContactChange{FirstName: &name, Properties: map[string]any{"name": "a\x00b"}}
	results, err := s.Commit(t.Context(), []automation.Transition{{
		Key: w.Key, Token: w.Token, Now: noon, Extend: noon.Add(time.Minute), Change: &change,
	}})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	c, err := s.FindContact(t.Context(), w.Key)
	require.NoError(t, err)
	assert.Equal(t, "a\uFFFDb\uFFFD", c.FirstName)
	assert.Equal(t, map[string]any{"name": "a\x00b"}, c.Properties)
	assert.Equal(t, c, *results[0].Contact)
}

func TestCommit_AContactThatCannotBeEncodedFailsAlone(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	works := leased(t, s, 2)
	ts := []automation.Transition{starting(works[0], 0, "first"), starting(works[1], 1, "first")}
	ts[0].Change = &automation.ContactChange{Properties: map[string]any{"f": func() {}}}
	results, err := s.Commit(t.Context(), ts)
	require.NoError(t, err)
	assert.Error(t, results[0].Err)
	assert.NoError(t, results[1].Err)
	_, err = s.FindRun(t.Context(), ts[0].Runs[0].ID)
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

// A commit moves runs that end before it finds out which transitions are refused.
func TestCommit_ARefusedTransitionDoesNotEndItsRun(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	works := leased(t, s, 3)
	ts := []automation.Transition{starting(works[0], 0, "first"), starting(works[1], 1, "first"), starting(works[2], 2, "first")}
	for i := range ts {
		ts[i].Release, ts[i].Extend = false, noon.Add(time.Minute)
	}
	commitAll(t, s, ts)
	for i := range ts {
		r := &ts[i].Runs[0]
		r.New, r.Status, r.Step, r.CompletedAt = false, automation.RunCompleted, "last", noon
	}
	ts[1].Token--
	unknown := ts[2].Runs[0]
	unknown.ID = "0195a3c0-7d00-7000-8000-ffffffffffff"
	ts[2].Runs = append(ts[2].Runs, unknown)
	results, err := s.Commit(t.Context(), ts)
	require.NoError(t, err)
	assert.NoError(t, results[0].Err)
	assert.ErrorIs(t, results[1].Err, automation.ErrLeaseLost)
	assert.ErrorIs(t, results[2].Err, automation.ErrNotFound)
	for i, want := range []automation.RunStatus{automation.RunCompleted, automation.RunRunning, automation.RunRunning} {
		run, err := s.FindRun(t.Context(), ts[i].Runs[0].ID)
		require.NoError(t, err)
		assert.Equal(t, want, run.Status)
	}
	counts, err := s.CountRuns(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{
		{AutomationID: "welcome", Version: 1, Step: "first", Status: automation.RunRunning, Count: 2},
		{AutomationID: "welcome", Version: 1, Step: "last", Status: automation.RunCompleted, Count: 1},
	}, counts)
}

func TestCommit_ARunThatIsRetriedAndFailsAtOnceHasEnded(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	ts := []automation.Transition{starting(leased(t, s, 1)[0], 0, "first")}
	ts[0].Release, ts[0].Extend = false, noon.Add(time.Minute)
	r := &ts[0].Runs[0]
	r.Status, r.CompletedAt = automation.RunFailed, noon
	commitAll(t, s, ts)
	_, err := s.RecordRunRequest(t.Context(), r.ID, automation.RequestRetry, noon)
	require.NoError(t, err)
	r.New, r.Served = false, automation.RequestRetry
	commitAll(t, s, ts)
	removed, err := s.Prune(t.Context(), automation.PruneParams{Before: noon.Add(time.Hour), Now: noon, Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, 1, removed.Runs)
}

// An event whose sender did not find the contact yet is under the contact's email until a
// claim of either brings it to the contact.
func TestCommit_HeedsAStrayEvent(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	w := leased(t, s, 2)[0]
	heed := func() bool {
		results, err := s.Commit(t.Context(), []automation.Transition{{Key: w.Key, Token: w.Token, Now: noon, Extend: noon.Add(time.Minute), Heed: true}})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		return results[0].Pending
	}
	stray := func(n int, email string) {
		e := order(n, "")
		// HostContact leaves the email unresolved, as it is for such a sender.
		e.Event.ContactID, e.Event.Email, e.HostContact = "", email, true
		_, err := s.AppendEvents(t.Context(), []automation.NewEvent{e})
		require.NoError(t, err)
	}
	stray(1, "c1@example.com")
	assert.False(t, heed(), "the event of another contact")
	stray(2, "C0@example.com")
	assert.True(t, heed())
	works, err := s.Claim(t.Context(), automation.ClaimParams{
		Now: noon.Add(time.Hour), Lease: time.Minute, Limit: 1, Events: 10, Runs: 10, Contact: w.Key,
	})
	require.NoError(t, err)
	require.Len(t, works, 1)
	assert.Len(t, works[0].Events, 1, "the next claim brings it")
}
