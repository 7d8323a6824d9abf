package automation

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
)

func TestQueue_IsFirstInFirstOut(t *testing.T) {
	t.Parallel()
	q := newQueue[int]()
	q.push(1, 2, 3)
	q.push(4)
	assert.Equal(t, []int{1, 2}, q.pop(make([]int, 0, 2)))
	q.push(5)
	assert.Equal(t, []int{3, 4, 5}, q.pop(make([]int, 0, 8)))
}

func TestQueue_PushOfNothingWakesNobody(t *testing.T) {
	t.Parallel()
	q := newQueue[int]()
	q.push()
	q.push(1)
	assert.Equal(t, []int{1}, q.pop(make([]int, 0, 8)))
}

func TestQueue_CloseLeavesWhatIsInIt(t *testing.T) {
	t.Parallel()
	q := newQueue[int]()
	q.push(1)
	q.close()
	assert.Equal(t, []int{1}, q.pop(make([]int, 0, 1)))
	assert.Empty(t, q.pop(make([]int, 0, 1)))
	assert.Empty(t, q.pop(make([]int, 0, 1)))
}

func TestQueue_DropsWhatWasTaken(t *testing.T) {
	t.Parallel()
	q := newQueue[*int]()
	q.push(new(int), new(int))
	q.pop(make([]*int, 0, 1))
	assert.Nil(t, q.items[0], "a taken item is kept from the garbage collector")
}

func TestQueue_PopWaits(t *testing.T) {
	t.Parallel()
	for name, wake := range map[string]func(*queue[int]){
		"for an item":   func(q *queue[int]) { q.push(1) },
		"for its close": (*queue[int]).close,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newQueue[int]()
				popped := false
				go func() {
					q.pop(make([]int, 0, 1))
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

func TestQueue_HandsEachItemToOne(t *testing.T) {
	t.Parallel()
	const items, workers = 1000, 4
	q := newQueue[int]()
	var mu sync.Mutex
	seen := make(map[int]int, items)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			batch := make([]int, 0, 7)
			for batch = q.pop(batch); len(batch) > 0; batch = q.pop(batch) {
				mu.Lock()
				for _, i := range batch {
					seen[i]++
				}
				mu.Unlock()
			}
		})
	}
	for i := range items {
		q.push(i)
	}
	q.close()
	wg.Wait()
	assert.Len(t, seen, items)
	for i, n := range seen {
		assert.Equal(t, 1, n, "item %d", i)
	}
}

// A queue that is never empty does not keep room for all that has passed.
func TestQueue_DoesNotGrowWithWhatHasPassed(t *testing.T) {
	t.Parallel()
	q := newQueue[int]()
	one := make([]int, 0, 1)
	q.push(0)
	for i := range 1_000_000 {
		q.push(i)
		one = q.pop(one)
	}
	assert.LessOrEqual(t, cap(q.items), 1000, "one item waits")
}
