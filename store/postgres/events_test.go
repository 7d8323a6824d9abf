package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestAppendEvents_ABadCallAmongConcurrentOnesFailsAlone(t *testing.T) {
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
			e.HostContact, e.Event.ContactID = false, "unknown"
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
