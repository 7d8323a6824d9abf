package automation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// task is the work on one leased contact, from claim to release. It alternates
// between two things: transition says what has to be written, and the effects
// that are ready may happen once it was.
type task struct {
	mu sync.Mutex // guards the rest, where Run is at work on the task
	taskState
}

// taskState is what a task consists of.
type taskState struct {
	r    *Runner
	work Work

	inFlight  int   // effects that are performed, or will be once written
	unwritten int   // transitions on their way to the store
	changing  int   // those of them that change the contact
	failure   error // why the task was given up
	ended     bool  // nobody looks after it any more

	// Where the server that works on the task keeps it, under its own mutex.
	place   int
	renewed time.Time // when the lease was

	now     time.Time // when its current stage has begun
	contact *Contact  // as it is now; nil if there is none
	runs    []*activeRun
	ready   []*activeRun // their next effect may happen once the state is written

	// What has become of the work since the last transition.
	handled []string
	change  *ContactChange
	remove  bool
	moveTo  *Contact
	created bool
	notices []Notice
	changes []RunChange // room for those of a transition

	advanced int // events handled and runs moved, for Drain's count
}

// activeRun is a run that the task has loaded.
type activeRun struct {
	rec     RunRecord
	graph   *Graph
	state   State
	action  Action
	data    Data
	request RunRequest // asked for and not carried out
	served  RunRequest // carried out and not written
	isNew   bool
	dirty   bool
	moved   bool      // it was advanced by this task
	read    time.Time // when the store told of the contact and of requests about the run
	again   time.Time // when to look back again, because it could not be done
}

// spareTasks and spareRuns are kept for reuse: a task is short-lived garbage, and
// there is one for every event.
var (
	spareTasks = sync.Pool{New: func() any { return new(task) }}
	spareRuns  = sync.Pool{New: func() any { return new(activeRun) }}
)

func newTask(r *Runner, w Work) *task {
	t := spareTasks.Get().(*task)
	t.r, t.work = r, w
	return t
}

func newRun() *activeRun { return spareRuns.Get().(*activeRun) }

// recycle makes a task that has released its contact ready for another. Tasks that
// have failed are left to the garbage collector: several stages may still hold
// them.
func (t *task) recycle() {
	for i, run := range t.runs {
		steps := run.state.steps
		clear(steps)
		*run = activeRun{state: State{steps: steps[:0]}}
		spareRuns.Put(run)
		t.runs[i] = nil
	}
	runs, ready, changes := t.runs[:0], t.ready[:0], t.changes
	clear(changes)
	t.taskState = taskState{runs: runs, ready: ready, changes: changes[:0]}
	spareTasks.Put(t)
}

// begin loads what was claimed and moves all of it as far as it goes without
// the outside world. The error is the store's or the host's: nothing is known
// to be wrong with the work itself.
func (t *task) begin(ctx context.Context) error {
	t.now = t.r.now()
	if t.work.Key.ID == "" {
		return t.planInbox(ctx)
	}
	t.contact = t.work.Contact
	if err := t.refresh(ctx); err != nil {
		return err
	}
	for i := range t.work.Runs {
		if err := t.load(ctx, &t.work.Runs[i]); err != nil {
			return err
		}
	}
	return t.plan(ctx)
}

// refresh asks the host for its contact, which may have been changed since. One
// in the store comes with each claim and commit.
func (t *task) refresh(ctx context.Context) error {
	if t.r.opts.Contacts == nil {
		return nil
	}
	c, err := t.r.findContact(ctx, ContactRef{ID: t.work.Key.ID})
	contact := &c
	if errors.Is(err, ErrNotFound) {
		contact, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("contact %q: %w", t.work.Key.ID, err)
	}
	t.mu.Lock()
	t.contact = contact
	t.mu.Unlock()
	return nil
}

// transition returns what has to be written now. The lease ends with it if
// release is set: nothing is left to perform and nothing is in flight.
func (t *task) transition(release bool) Transition {
	tr := Transition{
		Key: t.work.Key, Token: t.work.Token, Now: t.now,
		Handled: t.handled, Change: t.change, Delete: t.remove,
		Release: release,
		Extend:  t.now.Add(t.r.opts.Lease),
	}
	if t.moveTo != nil {
		tr.MoveTo = t.moveTo.ID
		if t.created {
			tr.Create = t.moveTo
		}
	}
	if t.unwritten <= 1 {
		tr.Runs = t.changes[:0] // the transition that it was last used for is written
	}
	for _, run := range t.runs {
		if run.dirty {
			tr.Runs = append(tr.Runs, run.write(t.now))
		}
	}
	t.changes = tr.Runs
	t.handled, t.change, t.remove, t.moveTo, t.created = nil, nil, false, nil, false
	return tr
}

// write returns the run as it has to be stored.
func (run *activeRun) write(now time.Time) RunChange {
	rec := &run.rec
	if run.graph != nil && rec.DecodeFailures == 0 {
		rec.Status, rec.Error = run.state.Status(), run.state.failure()
		rec.Step, rec.WaitEvent = run.action.Step, run.action.Event
		rec.DueAt = run.state.dueAt
		switch {
		case run.action.Kind == ActionPerform:
			rec.DueAt = now // nobody but the lease's holder will see it, until the lease expires
		case run.action.Kind == ActionDone && rec.CompletedAt.IsZero():
			rec.CompletedAt = now
		case run.action.Kind != ActionDone:
			rec.CompletedAt = time.Time{}
		}
		if !run.again.IsZero() && rec.Status == RunRunning && (rec.DueAt.IsZero() || run.again.Before(rec.DueAt)) {
			rec.DueAt = run.again
		}
		rec.State, _ = run.state.MarshalBinary()
	}
	c := RunChange{RunRecord: *rec, New: run.isNew, Served: run.served}
	run.dirty, run.isNew, run.served = false, false, RequestNone
	return c
}

// written takes note that a transition was committed, and of what the store had
// to say.
func (t *task) written(res CommitResult) {
	for _, run := range t.runs {
		if c, ok := res.Requests[run.rec.ID]; ok {
			run.request = c
		}
	}
	// A change that is on its way to the store is not in what it has returned.
	if t.r.opts.Contacts == nil && t.changing == 0 && t.change == nil && !t.remove {
		t.contact = res.Contact
	}
}

// takeNotices returns what there is to tell the observer once the transition
// that was last made is committed.
func (t *task) takeNotices() []Notice {
	notices := t.notices
	t.notices = nil
	return notices
}

// takeReady returns the runs whose effect may be performed now.
func (t *task) takeReady() []*activeRun {
	ready := t.ready
	t.ready = nil
	return ready
}

func (t *task) notice(n Notice) {
	if t.r.opts.Observer != nil {
		t.notices = append(t.notices, n)
	}
}

// noticeChanges notes which steps have changed.
func (t *task) noticeChanges(run *activeRun, before State) {
	if t.r.opts.Observer == nil {
		return
	}
	rec := run.rec
	rec.Status, rec.Step, rec.Error = run.state.Status(), run.action.Step, run.state.failure()
	rec.WaitEvent, rec.DueAt = run.action.Event, run.state.dueAt
	for i := range run.state.steps {
		st := &run.state.steps[i]
		if i < len(before.steps) && st.same(&before.steps[i]) {
			continue
		}
		t.notice(&StepChanged{At: t.now, Run: rec.run(), Step: run.graph.stepRun(st.index, st, false)})
	}
	if run.action.Kind == ActionDone && before.Status() == RunRunning {
		rec.CompletedAt = t.now
		t.notice(&RunEnded{At: t.now, Run: rec.run()})
	}
}

// same reports whether nothing a reader can see has changed.
func (st *stepState) same(o *stepState) bool {
	return st.status == o.status && st.completedAt.Equal(o.completedAt) && len(st.attempts) == len(o.attempts) &&
		slices.Equal(st.output, o.output)
}
