package postgres

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestTurns_HaveDifferentCounters(t *testing.T) {
	t.Parallel()
	taken, err := newTurns().take(t.Context(), parallel)
	require.NoError(t, err)
	assert.NotEqual(t, taken[0], taken[1])
	for _, slot := range taken {
		assert.Less(t, slot, int16(slots))
	}
}

func TestTurns_TakeWaitsForEnoughTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newTurns()
		first, err := ts.take(t.Context(), 1)
		require.NoError(t, err)
		var all [2][]int16
		for i := range all {
			go func() { // two concurrent calls must not each hold a turn that the other one needs
				all[i], _ = ts.take(t.Context(), parallel)
				ts.give(all[i])
			}()
		}
		synctest.Wait()
		assert.Empty(t, all[0])
		assert.Empty(t, all[1])
		ts.give(first)
		synctest.Wait()
		assert.Len(t, all[0], parallel)
		assert.Len(t, all[1], parallel)
	})
}

func TestTurns_TakeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ts := newTurns()
	held, err := ts.take(t.Context(), 1)
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ts.alone <- struct{}{}
	_, err = ts.take(ended, parallel)
	require.ErrorIs(t, err, context.Canceled)
	<-ts.alone
	for range 20 { // so that select chooses each case at least once
		_, err = ts.take(ended, parallel)
		require.ErrorIs(t, err, context.Canceled)
	}
	ts.give(held)
	all, err := ts.take(t.Context(), parallel)
	require.NoError(t, err, "nothing was kept")
	assert.Len(t, all, parallel)
}

func TestTurnsFor(t *testing.T) {
	t.Parallel()
	renewal := automation.Transition{Token: 1}
	assert.Equal(t, parallel, turnsFor([]automation.Transition{renewal, renewal}))
	for _, other := range []automation.Transition{
		{Release: true}, {Handled: []automation.HandledEvent{{ID: "e"}}}, {Runs: []automation.RunChange{{}}},
	} {
		assert.Equal(t, 1, turnsFor([]automation.Transition{renewal, other}))
	}
}
