// Package queue has the queue that joins the stages of a worker.
package queue

import "sync"

// Queue hands items from one stage of a worker to the next. It has no bound of
// its own, so that stages cannot lock each other up: what is in flight is
// bounded where work is claimed.
type Queue[T any] struct {
	mu     sync.Mutex
	filled sync.Cond
	items  []T
	head   int // items before it have been taken
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
		// Taken items must not pile up in a queue that is never empty.
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

// Pop moves up to cap(into) items to into, oldest first, and waits for one if
// there is none. It returns none when the Queue is empty and closed.
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

// Close lets pop return none once everything was taken.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.filled.Broadcast()
}
