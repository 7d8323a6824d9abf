package memory

import (
	"cmp"
	"container/heap"
	"math"
)

// runQueue is a priority queue of the active runs of one contact. The run that is due first is
// at the root. A contact may have tens of thousands of runs, and after each commit the store
// has to know when the first of them is due.
type runQueue []*run

// first returns when the first run is due. 0 means never.
func (q runQueue) first() micros {
	if len(q) == 0 {
		return 0
	}
	return q[0].due
}

func (q *runQueue) add(r *run) { heap.Push(q, r) }

// moved restores the order after r, if it is in the queue, became due at another time.
func (q *runQueue) moved(r *run) {
	if q.has(r) {
		heap.Fix(q, int(r.place))
	}
}

// has reports whether the queue has the run.
func (q *runQueue) has(r *run) bool { return int(r.place) < len(*q) && (*q)[r.place] == r }

func (q *runQueue) remove(r *run) {
	heap.Remove(q, int(r.place))
	if len(*q) == 0 {
		*q = nil
	}
}

// restore restores the order after any change of runs and of the queue.
func (q *runQueue) restore() {
	for i, r := range *q {
		r.place = int32(i)
	}
	heap.Init(q)
}

// take removes the runs that are due by a time, at most n, and returns them, longest due first.
// The caller adds them again.
func (q *runQueue) take(by micros, n int) (due []*run) {
	for len(due) < n && q.first() != 0 && q.first() <= by {
		due = append(due, heap.Pop(q).(*run))
	}
	return due
}

// Len implements heap.Interface.
func (q runQueue) Len() int { return len(q) }

// Less implements heap.Interface.
func (q runQueue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].dueOrNever(), q[j].dueOrNever()), cmp.Compare(q[i].seq, q[j].seq)) < 0
}

// dueOrNever returns when the run is due, after all times for never.
func (r *run) dueOrNever() micros {
	if r.due == 0 {
		return math.MaxInt64
	}
	return r.due
}

// Swap implements heap.Interface.
func (q runQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = int32(i), int32(j)
}

// Push implements heap.Interface.
func (q *runQueue) Push(r any) {
	r.(*run).place = int32(len(*q))
	*q = append(*q, r.(*run))
}

// Pop implements heap.Interface.
func (q *runQueue) Pop() any {
	last := len(*q) - 1
	r := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return r
}
