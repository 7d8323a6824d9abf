package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// migrated returns a store with an enabled automation, and its pool.
func migrated(t *testing.T) (*postgres.Store, *pgxpool.Pool) {
	t.Helper()
	pool := newPool(t, pgtest.URL(t), nil)
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.InsertAutomation(t.Context(), automation.AutomationRecord{
		ID: "welcome", Status: automation.StatusEnabled, EventName: "order.placed", Revision: 1,
	}))
	return s, pool
}

// leased leases n contacts of the store.
func leased(t *testing.T, s *postgres.Store, n int) []automation.Work {
	t.Helper()
	var works []automation.Work
	for i := range n {
		id := fmt.Sprintf("c%d", i)
		require.NoError(t, s.InsertContact(t.Context(), automation.Contact{ID: id, Email: id + "@example.com"}))
		got, err := s.Claim(t.Context(), automation.ClaimParams{
			Now: noon, Lease: time.Minute, Limit: 1, Contact: automation.ContactRef{ID: id},
		})
		require.NoError(t, err)
		works = append(works, got...)
	}
	return works
}

// starting returns a transition that starts a run at a step.
func starting(w automation.Work, n int, step string) automation.Transition {
	return automation.Transition{
		Key: w.Key, Token: w.Token, Now: noon, Release: true,
		Runs: []automation.RunChange{{New: true, RunRecord: automation.RunRecord{
			ID: fmt.Sprintf("0195a3c0-7d00-7000-8000-%012x", n), AutomationID: "welcome", Version: 1,
			ContactID: w.Key.ID, Status: automation.RunRunning, Step: step, CreatedAt: noon,
		}}},
	}
}

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
	assert.Equal(t, []automation.RunCount{{Version: 1, Step: "first", Status: automation.RunRunning, Count: 2}}, counts)

	var open int
	require.NoError(t, pool.QueryRow(t.Context(), `
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`).Scan(&open))
	assert.Zero(t, open, "transactions that were left open")
	ts[1].Runs[0].Step = "first"
	results, err = s.Commit(t.Context(), ts[1:2])
	require.NoError(t, err)
	assert.NoError(t, results[0].Err, "the lease is still there")
}

func TestCommit_ANameMayBeAnything(t *testing.T) {
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

func TestAppendEvents_OfCallsAtOnceABadOneFailsAlone(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	const calls = 30
	errs := make([]error, calls)
	var wg sync.WaitGroup
	for i := range calls {
		e := order(i, fmt.Sprintf("key %d", i))
		e.HostContact = true
		switch i {
		case 3:
			e.Event.Payload = []byte("\xff")
		case 6:
			e.HostContact, e.Event.ContactID = false, "nobody"
		case 9:
			first := order(calls, e.Event.IdempotencyKey)
			first.HostContact = true
			_, err := s.AppendEvents(t.Context(), []automation.NewEvent{first})
			require.NoError(t, err)
			e.ContentHash = "other"
		}
		wg.Go(func() { _, errs[i] = s.AppendEvents(t.Context(), []automation.NewEvent{e}) })
	}
	wg.Wait()
	for i, err := range errs {
		switch i {
		case 3:
			assert.Error(t, err)
		case 6:
			assert.ErrorIs(t, err, automation.ErrNotFound)
		case 9:
			assert.ErrorIs(t, err, automation.ErrConflict)
		default:
			assert.NoError(t, err, i)
		}
	}
	works, err := s.Claim(t.Context(), automation.ClaimParams{Now: noon.Add(time.Hour), Lease: time.Minute, Limit: 10, Events: 100})
	require.NoError(t, err)
	require.Len(t, works, 1)
	assert.Len(t, works[0].Events, calls-2, "all but two, and the one with the key of the third")
}

// TestStore_GoesOnAfterConnectionsWereCut cuts every connection that the store has
// in its pool: the first calls may fail, and a later one succeeds.
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

// A row that was changed by hand must not keep the others from being worked on.
func TestStore_ADamagedContactFailsAlone(t *testing.T) {
	t.Parallel()
	s, pool := migrated(t)
	works := leased(t, s, 3)
	_, err := pool.Exec(t.Context(), "UPDATE automation.contacts SET properties = '{' WHERE id = $1", works[1].Key.ID)
	require.NoError(t, err)

	var ts []automation.Transition
	for i, w := range works {
		ts = append(ts, starting(w, i+1, "first"))
	}
	results, err := s.Commit(t.Context(), ts)
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	require.ErrorContains(t, results[1].Err, works[1].Key.ID)
	require.NoError(t, results[2].Err)

	for i, w := range works {
		e := order(i+1, "")
		e.Event.ContactID, e.Event.Email, e.HostContact = w.Key.ID, "", true
		_, err := s.AppendEvents(t.Context(), []automation.NewEvent{e})
		require.NoError(t, err)
	}
	claim := automation.ClaimParams{Now: noon.Add(time.Hour), Lease: time.Minute, Limit: 10, Events: 10, Runs: 10}
	got, err := s.Claim(t.Context(), claim)
	require.NoError(t, err)
	require.Len(t, got, 2)
	for i, w := range got {
		require.Equal(t, works[2*i].Key, w.Key)
		require.Len(t, w.Events, 1)
		require.NotEmpty(t, w.Events[0].Starts)
	}
	claim.Now = claim.Now.Add(time.Hour) // nothing but the damaged one, the others being gone
	_, err = s.Commit(t.Context(), []automation.Transition{
		{Key: got[0].Key, Token: got[0].Token, Now: noon, Handled: []string{got[0].Events[0].ID}, Release: true},
		{Key: got[1].Key, Token: got[1].Token, Now: noon, Handled: []string{got[1].Events[0].ID}, Release: true},
	})
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), claim)
	require.ErrorContains(t, err, works[1].Key.ID)
}

// Runs are moved before it is known that a transition is refused.
func TestCommit_ATransitionThatIsRefusedLeavesTheRunThatItEnds(t *testing.T) {
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
		{Version: 1, Step: "first", Status: automation.RunRunning, Count: 2},
		{Version: 1, Step: "last", Status: automation.RunCompleted, Count: 1},
	}, counts)
}

func commitAll(t *testing.T, s *postgres.Store, ts []automation.Transition) {
	t.Helper()
	results, err := s.Commit(t.Context(), ts)
	require.NoError(t, err)
	for i := range results {
		require.NoError(t, results[i].Err)
	}
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
