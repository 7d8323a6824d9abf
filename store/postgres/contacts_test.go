package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// A row that was changed by hand must not keep other contacts from being worked on.
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
	claim.Now = claim.Now.Add(time.Hour) // only the damaged contact has work left
	_, err = s.Commit(t.Context(), []automation.Transition{
		{Key: got[0].Key, Token: got[0].Token, Now: noon, Handled: []automation.HandledEvent{{ID: got[0].Events[0].ID}}, Release: true},
		{Key: got[1].Key, Token: got[1].Token, Now: noon, Handled: []automation.HandledEvent{{ID: got[1].Events[0].ID}}, Release: true},
	})
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), claim)
	require.ErrorContains(t, err, works[1].Key.ID)
}
