package queue

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
)

func TestQueue_IsFirstInFirstOut(t *testing.T) {
	t.Parallel()
	q := New[int]()
	q.Push(1, 2, 3)
	q.Push(4)
	assert.Equal(t, []int{1, 2}, q.Pop(make([]int, 0, 2)))
	q.Push(5)
	assert.Equal(t, []int{3, 4, 5}, q.Pop(make([]int, 0, 8)))
}

func TestQueue_PushOfNothingAddsNothing(t *testing.T) {
	t.Parallel()
	q := New[int]()
	q.Push()
	q.Push(1)
	assert.Equal(t, []int{1}, q.Pop(make([]int, 0, 8)))
}

func TestQueue_CloseKeepsTheItems(t *testing.T) {
	t.Parallel()
	q := New[int]()
	q.Push(1)
	q.Close()
	assert.Equal(t, []int{1}, q.Pop(make([]int, 0, 1)))
	assert.Empty(t, q.Pop(make([]int, 0, 1)))
	assert.Empty(t, q.Pop(make([]int, 0, 1)))
}

func TestQueue_ReleasesPoppedItems(t *testing.T) {
	t.Parallel()
	q := New[*int]()
	q.Push(new(int), new(int))
	q.Pop(make([]*int, 0, 1))
	assert.Nil(t, q.items[0], "a popped item stays reachable")
}

func TestQueue_PopWaits(t *testing.T) {
	t.Parallel()
	for name, wake := range map[string]func(*Queue[int]){
		"for an item":   func(q *Queue[int]) { q.Push(1) },
		"for its close": (*Queue[int]).Close,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := New[int]()
				popped := false
				go func() {
					q.Pop(make([]int, 0, 1))
					popped = true
				}()
				synctest.Wait()
				assert.False(t, popped)
				wake(q)
				synctest.Wait()
				assert.True(t, popped)
			})
		})
	}
}

func TestQueue_PassesEachItemToOnePop(t *testing.T) {
	t.Parallel()
	const items, workers = 1000, 4
	q := New[int]()
	var mu sync.Mutex
	seen := make(map[int]int, items)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			batch := make([]int, 0, 7)
			for batch = q.Pop(batch); len(batch) > 0; batch = q.Pop(batch) {
				mu.Lock()
				for _, i := range batch {
					seen[i]++
				}
				mu.Unlock()
			}
		})
	}
	for i := range items {
		q.Push(i)
	}
	q.Close()
	wg.Wait()
	assert.Len(t, seen, items)
	for i, n := range seen {
		assert.Equal(t, 1, n, "item %d", i)
	}
}

// A Queue that is never empty must not keep memory for popped items.
func TestQueue_DoesNotGrowWithPoppedItems(t *testing.T) {
	t.Parallel()
	q := New[int]()
	one := make([]int, 0, 1)
	q.Push(0)
	for i := range 1_000_000 {
		q.Push(i)
		one = q.Pop(one)
	}
	assert.LessOrEqual(t, cap(q.items), 1000, "one item waits")
}
