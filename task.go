package automation

import (
	"sync"
	"time"
)

// task is the work on one leased contact, from claim to release. Two operations
// alternate: transition returns what the store has to write and, once the store has
// written it, performEffect performs the effects of the runs that are ready.
type task struct {
	turn // its mutex guards taskState too, while a worker has the task
	taskState
}

// taskState holds the fields of a task besides its turn.
type taskState struct {
	inFlight  int   // effects in flight, or about to be once their runs are written
	unwritten int   // transitions on their way to the store
	changing  int   // unwritten transitions that change the contact
	failure   error // why the task is abandoned
	ended     bool  // the transition that abandons the lease is on its way

	// These fields are the worker's, under its mutex.
	index   int       // in the worker's list of tasks
	renewed time.Time // when the lease was claimed or renewed
}

// spareTasks holds values for reuse. Every event needs a task, for a short time.
var spareTasks = sync.Pool{New: func() any { return new(task) }}

// newTask returns the task of work that was claimed at the given time.
func newTask(r *Runner, w Work, claimedAt time.Time) *task {
	t := spareTasks.Get().(*task)
	t.r, t.leased = r, true
	t.in = TurnInput{Work: w, ReadAt: claimedAt, MoreEvents: len(w.Events) == claimEvents}
	return t
}

// recycle resets a task that has released its contact, for reuse. A task that failed is
// not reused, because several stages may still hold it.
func (t *task) recycle() {
	t.recycleRuns()
	runs, ready, changes, starts := t.runs[:0], t.ready[:0], t.changes, t.starts
	clear(changes)
	clear(starts)
	t.turnState = turnState{runs: runs, ready: ready, changes: changes[:0], starts: starts[:0]}
	t.taskState = taskState{}
	spareTasks.Put(t)
}

// transition returns what the store has to write now. With release the transition ends
// the lease: nothing is left to perform, and nothing is in flight.
func (t *task) transition(release bool) Transition {
	// A worker has counted this transition already. If another one is on its way, that one
	// uses the slice of runs.
	tr := t.result(t.unwritten > 1)
	tr.Extend, tr.Release = t.now.Add(t.r.opts.Lease), release
	return tr
}

// written applies what the store returned for a committed transition.
func (t *task) written(res CommitResult) {
	for _, run := range t.runs {
		if c, ok := res.Requests[run.rec.ID]; ok {
			run.request = c
		}
	}
	t.yields = t.yields || res.Pending
	// While a change is on its way to the store, the contact in the result is older
	// than t.contact.
	if t.r.opts.Contacts == nil && t.changing == 0 && t.change == nil && !t.remove {
		t.contact = res.Contact
	}
}
