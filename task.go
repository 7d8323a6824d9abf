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
	inFlight int   // effects in flight, or about to be once their runs are written
	writing  bool  // commit is on its way to the store
	changing bool  // the transition on its way changes the contact
	more     bool  // there are results that the transition on its way does not have
	failure  error // why the task is abandoned
	ended    bool  // the transition that abandons the lease is on its way

	commit commitRequest // nothing changes it while it is on its way

	// These fields are the worker's, under its mutex.
	index   int       // in the worker's list of tasks
	renewed time.Time // when the lease was claimed or renewed
}

// commitRequest is what a task has on its way to a committer. A task has one at a time:
// results that come meanwhile are written together, once it is written. So the
// transitions of a task are written in order, although there may be two committers.
type commitRequest struct {
	transition Transition
	ready      []*activeRun // their effects may be performed when the transition is written
	notices    []Notice     // for the Observer when the transition is written
	logs       []logRecord  // for the log when the transition is written
	last       bool         // the transition is the abandonment of a failed task
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
	for i, run := range t.runs {
		run.state.reset()
		*run = activeRun{state: run.state}
		spareRuns.Put(run)
		t.runs[i] = nil
	}
	runs, ready, dirty, changes, starts := t.runs[:0], t.ready[:0], t.dirty, t.changes, t.starts
	clear(ready[:cap(ready)])
	clear(dirty[:cap(dirty)])
	clear(changes)
	clear(starts)
	t.turnState = turnState{runs: runs, ready: ready, dirty: dirty[:0], changes: changes[:0], starts: starts[:0]}
	t.taskState = taskState{}
	spareTasks.Put(t)
}

// transition returns what the store has to write now. With release the transition ends
// the lease: nothing is left to perform, and nothing is in flight.
func (t *task) transition(release bool) Transition {
	tr := t.result()
	tr.Extend, tr.Release = t.now.Add(t.r.opts.Lease), release
	return tr
}

// written applies what the store returned for a committed transition.
func (t *task) written(res CommitResult) {
	for id, request := range res.Requests {
		if run := t.find(id); run != nil {
			run.request = request
		}
	}
	t.yields = t.yields || res.Pending
	// While a change is on its way to the store, the contact in the result is older
	// than t.contact.
	if t.r.opts.Contacts == nil && !t.changing && t.change == nil && !t.remove {
		t.contact = res.Contact
	}
}
