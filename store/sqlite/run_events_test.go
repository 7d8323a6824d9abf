package sqlite_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// TestErase_WhatTheSameTransitionWrites has a run that starts, and a run that is cancelled, in the
// transition that erases their contact. Their rows have the events.
func TestErase_WhatTheSameTransitionWrites(t *testing.T) {
	t.Parallel()
	for _, release := range []bool{false, true} {
		s, db := fresh(t)
		id := contacts(t, s, 1)[0]
		start(t, s, id)
		key := func(e automation.NewEvent) automation.NewEvent {
			e.Event.Payload, e.Event.IdempotencyKey = []byte(`{"secret":1}`), e.Event.ID
			e.ContentHash, e.KeyExpiresAt = "h", now.Add(time.Hour)
			return e
		}
		first, second := key(event(2, id)), key(event(4, id))
		started := func(e automation.NewEvent, n int) automation.RunChange {
			return automation.RunChange{New: true, RunRecord: automation.RunRecord{
				ID: uuid(n), AutomationID: "welcome", Version: 1, ContactID: id, EventID: e.Event.ID, EventName: e.Event.Name,
				Status: automation.RunRunning, Step: "first", DueAt: now, CreatedAt: now,
			}}
		}
		send := func(e automation.NewEvent) {
			_, err := s.AppendEvents(t.Context(), []automation.NewEvent{e})
			require.NoError(t, err)
		}
		send(first)
		works, err := s.Claim(t.Context(), everything())
		require.NoError(t, err)
		require.Len(t, works, 1)
		commit := func(tr automation.Transition) {
			tr.Key, tr.Token, tr.Now, tr.Extend = works[0].Key, works[0].Token, now, now.Add(time.Minute)
			results, err := s.Commit(t.Context(), []automation.Transition{tr})
			require.NoError(t, err)
			require.NoError(t, results[0].Err)
		}
		one := started(first, 1003)
		commit(automation.Transition{Handled: []automation.HandledEvent{{ID: first.Event.ID}}, Runs: []automation.RunChange{one}})
		require.Equal(t, [3]int{1, 1, 0}, runRows(t, db))

		send(second)
		one.New, one.Status, one.DueAt, one.CompletedAt = false, automation.RunCancelled, time.Time{}, now
		commit(automation.Transition{
			Handled: []automation.HandledEvent{{ID: second.Event.ID}}, Runs: []automation.RunChange{one, started(second, 1005)}, Erase: true, Release: release,
		})
		for _, e := range []automation.NewEvent{first, second} {
			found, err := s.FindEvent(t.Context(), e.Event.ID)
			require.NoError(t, err)
			assert.Len(t, found.Started, 1)
			assert.Empty(t, found.Payload)
			assert.Empty(t, found.IdempotencyKey)
			var keys int
			require.NoError(t, db.QueryRow("SELECT count(*) FROM automation_idempotency_keys WHERE key = ?", e.Event.IdempotencyKey).Scan(&keys))
			assert.Zero(t, keys)
		}
	}
}
