package automation_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// asks counts how often a store was asked for work.
type asks struct {
	automation.Store
	claims atomic.Int64
}

func (s *asks) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	s.claims.Add(1)
	return s.Store.Claim(ctx, p)
}

func TestRun_ClaimsOnceForAnEvent(t *testing.T) {
	t.Parallel()
	const events = 50
	store, ends := &asks{Store: memory.New()}, make(endings, events)
	r, err := automation.New(store, capture.New(), automation.Options{Observer: ends, PollInterval: time.Hour})
	require.NoError(t, err)
	_, err = r.Apply(t.Context(), automation.Automation{
		ID: "nothing", Name: "Nothing", Status: automation.StatusEnabled,
		Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: "signup"}}},
	})
	require.NoError(t, err)
	for i := range events {
		_, err := r.CreateContact(t.Context(), automation.Contact{ID: fmt.Sprint(i), Email: fmt.Sprintf("c%d@example.com", i)})
		require.NoError(t, err)
	}
	stop := serve(t, r)
	for i := range events {
		_, err := r.Send(t.Context(), automation.Event{Name: "signup", ContactID: fmt.Sprint(i)})
		require.NoError(t, err)
		<-ends
	}
	stop()
	// The store may be asked just when the next event comes, or after it was claimed.
	assert.Less(t, store.claims.Load(), int64(2*events))
}
