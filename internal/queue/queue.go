// Package queue implements the queue between the stages of a worker.
package queue

import "sync"

// Queue passes items from one stage of a worker to the next. It is unbounded, because
// stages with bounded queues could block each other. The worker bounds the items in
// flight when it claims work. A Queue is safe for concurrent use.
type Queue[T any] struct {
	mu     sync.Mutex
	filled sync.Cond
	items  []T
	head   int // the index of the oldest item; Pop has returned the items before it
	closed bool
}

// New returns an empty queue.
func New[T any]() *Queue[T] {
	q := &Queue[T]{}
	q.filled.L = &q.mu
	return q
}

// Push adds items at the end.
func (q *Queue[T]) Push(items ...T) {
	if len(items) == 0 {
		return
	}
	q.mu.Lock()
	if q.head > len(q.items)/2 {
		// Popped items must not accumulate in a queue that is never empty.
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, items...)
	q.mu.Unlock()
	if len(items) == 1 {
		q.filled.Signal()
	} else {
		q.filled.Broadcast()
	}
}

// Pop moves up to cap(into) items to into, oldest first. It blocks while the Queue is
// empty. It returns no items once the Queue is closed and empty.
func (q *Queue[T]) Pop(into []T) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == q.head && !q.closed {
		q.filled.Wait()
	}
	waiting := q.items[q.head:]
	n := min(len(waiting), cap(into))
	into = append(into[:0], waiting[:n]...)
	clear(waiting[:n])
	if q.head += n; q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return into
}

// Close ends the Queue: Pop returns the remaining items, and then no items instead of
// blocking.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.filled.Broadcast()
}
