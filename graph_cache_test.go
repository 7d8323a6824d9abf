package automation_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// reads counts how often definitions were read.
type reads struct {
	automation.Store
	count atomic.Int64
}

func (s *reads) FindAutomationVersion(ctx context.Context, v automation.VersionRef) ([]byte, error) {
	s.count.Add(1)
	return s.Store.FindAutomationVersion(ctx, v)
}

func TestRun_ReadsADefinitionOnceForAllRunsThatNeedIt(t *testing.T) {
	t.Parallel()
	store := &reads{Store: memory.New()}
	_, err := runnerOn(t, store).Apply(t.Context(), automation.Automation{
		ID: "sleep", Name: "Sleep", Status: automation.StatusEnabled,
		Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: "signup"}}},
	})
	require.NoError(t, err)
	const contacts = 200
	store.count.Store(0)
	ends := make(endings, contacts)
	r, err := automation.New(store, capture.New(), automation.Options{Observer: ends}) // which has not compiled it
	require.NoError(t, err)
	_, err = r.Send(t.Context(), signups(contacts)...)
	require.NoError(t, err)
	stop := serve(t, r)
	for range contacts {
		<-ends
	}
	stop()
	assert.EqualValues(t, 1, store.count.Load())
}

// endings tells of each run that has ended.
type endings chan string

// Observe implements automation.Observer.
func (e endings) Observe(n automation.Notice) {
	if ended, ok := n.(*automation.RunEnded); ok {
		e <- ended.Run.ID
	}
}

// serve has r work until stop is called.
func serve(t *testing.T, r *automation.Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
}
