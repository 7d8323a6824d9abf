package batch_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/store/internal/batch"
)

type item struct {
	n       int
	written bool
}

// gate is a write that waits until open is closed, and records the sizes of batches.
type gate struct {
	open    chan struct{}
	mu      sync.Mutex
	batches []int
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) write(_ context.Context, items []*item) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.batches = append(g.batches, len(items))
	for _, it := range items {
		it.written = true
	}
}

func TestGroup_WritesWaitingItemsTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		group := batch.NewGroup(4, g.write)
		items := make([]item, 10)
		for i := range items {
			go func() { assert.NoError(t, group.Do(t.Context(), &items[i])) }()
			synctest.Wait() // one after the other, while the first is being written
		}
		close(g.open)
		synctest.Wait()
		assert.Equal(t, []int{1, 4, 4, 1}, g.batches)
		for i := range items {
			assert.True(t, items[i].written)
		}
	})
}

func TestGroup_ItemOfACallThatEndsIsNotWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		group := batch.NewGroup(4, g.write)
		var first, second, third item
		go func() { assert.NoError(t, group.Do(t.Context(), &first)) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { assert.ErrorIs(t, group.Do(ctx, &second), context.Canceled) }()
		go func() { assert.NoError(t, group.Do(t.Context(), &third)) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(g.open)
		synctest.Wait()
		assert.True(t, first.written)
		assert.False(t, second.written)
		assert.True(t, third.written)
		assert.ErrorIs(t, group.Do(ctx, &second), context.Canceled)
	})
}

func TestGroup_WriteEndsWhenAllItsCallsHaveEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{}, 2)
		release := make(chan struct{})
		var ends []error
		group := batch.NewGroup(4, func(ctx context.Context, items []*item) {
			started <- struct{}{}
			if len(items) == 1 {
				<-release
				return
			}
			<-ctx.Done()
			ends = append(ends, ctx.Err())
		})
		go group.Do(t.Context(), &item{}) // writes until the other calls wait
		<-started
		one, cancelOne := context.WithCancel(t.Context())
		two, cancelTwo := context.WithCancel(t.Context())
		go group.Do(one, &item{})
		go group.Do(two, &item{})
		synctest.Wait()
		close(release)
		<-started
		cancelOne()
		synctest.Wait()
		assert.Empty(t, ends, "one caller still waits for it")
		cancelTwo()
		synctest.Wait()
		assert.Equal(t, []error{context.Canceled}, ends)
	})
}

func TestGroup_GoesOnAfterAPanic(t *testing.T) {
	t.Parallel()
	group := batch.NewGroup(4, func(_ context.Context, items []*item) {
		if items[0].n < 0 {
			panic("broken")
		}
		items[0].written = true
	})
	assert.Panics(t, func() { _ = group.Do(t.Context(), &item{n: -1}) })
	var it item
	require.NoError(t, group.Do(t.Context(), &it))
	assert.True(t, it.written)
}

func TestGroup_ManyAtOnce(t *testing.T) {
	t.Parallel()
	var total int // the group makes one write at a time
	group := batch.NewGroup(16, func(_ context.Context, items []*item) { total += len(items) })
	var wg sync.WaitGroup
	gone, cancel := context.WithCancel(t.Context())
	defer cancel()
	written := make([]int, 64)
	for w := range written {
		wg.Go(func() {
			ctx := t.Context()
			if w%4 == 0 {
				ctx = gone
			}
			for range 100 {
				if group.Do(ctx, &item{}) == nil {
					written[w]++
				}
				if w == 1 && written[w] == 50 {
					cancel()
				}
			}
		})
	}
	wg.Wait()
	want := 0
	for _, n := range written {
		want += n
	}
	assert.Equal(t, want, total)
}
