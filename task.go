package automation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// task is the work on one leased contact, from claim to release. Two things take
// turns: transition returns what the store has to write, and once that is written, the
// effects of the runs that are ready are performed.
type task struct {
	mu sync.Mutex // guards taskState while a worker has the task
	taskState
}

// taskState is all that a task consists of, so that a task can be reset for reuse.
type taskState struct {
	r    *Runner
	work Work

	inFlight  int   // effects that are performed, or will be once their runs are written
	unwritten int   // transitions on their way to the store
	changing  int   // unwritten transitions that change the contact
	failure   error // why the task is abandoned
	ended     bool  // the last transition is on its way

	// What the worker knows of the task, under the worker's mutex.
	index   int       // in the worker's list of tasks
	renewed time.Time // when the lease was claimed or renewed

	now     time.Time // when the current stage began
	contact *Contact  // as of now; nil if there is none
	runs    []*activeRun
	ready   []*activeRun // their next effect may happen once their state is written

	// The results of the work since the last transition.
	handled []string
	change  *ContactChange
	remove  bool
	moveTo  *Contact
	created bool
	notices []Notice
	changes []RunChange // spare room for those of a transition

	advanced int // events handled and runs moved, for Drain's count
}

// activeRun is a run that a task has loaded.
type activeRun struct {
	rec     RunRecord
	graph   *Graph // nil if this process cannot read the run
	state   State
	action  Action
	data    Data
	request RunRequest // recorded in the store and not applied yet
	served  RunRequest // applied and not written yet
	isNew   bool
	dirty   bool
	moved   bool      // this task has advanced it
	freshAt time.Time // when the store last returned the contact and requests about the run
	retryAt time.Time // when to look back again, because the store did not answer
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

// recycle makes a task that has released its contact ready for another. The garbage
// collector takes tasks that failed, because several stages may still hold them.
func (t *task) recycle() {
	for i, run := range t.runs {
		run.state.reset()
		*run = activeRun{state: run.state}
		spareRuns.Put(run)
		t.runs[i] = nil
	}
	runs, ready, changes := t.runs[:0], t.ready[:0], t.changes
	clear(changes)
	t.taskState = taskState{runs: runs, ready: ready, changes: changes[:0]}
	spareTasks.Put(t)
}

// begin loads the claimed work and moves all of it as far as it goes without the
// outside world. The error is the store's or the contact directory's; the work itself
// may be in order.
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

// refresh reads the contact from the contact directory, where the application may have
// changed it. A contact in the store comes with each claim and commit.
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

// transition returns what the store has to write now. It ends the lease if release is
// set: nothing is left to perform and nothing is in flight.
func (t *task) transition(release bool) Transition {
	tr := t.r.underLease(&t.work, t.now)
	tr.Handled, tr.Change, tr.Delete, tr.Release = t.handled, t.change, t.remove, release
	if t.moveTo != nil {
		tr.MoveTo = t.moveTo.ID
		if t.created {
			tr.Create = t.moveTo
		}
	}
	if t.unwritten <= 1 {
		tr.Runs = t.changes[:0] // the transition that used the room before is written
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

// write returns the run as the store has to keep it.
func (run *activeRun) write(now time.Time) RunChange {
	rec := &run.rec
	if run.graph != nil && rec.DecodeFailures == 0 {
		rec.Status, rec.Error = run.state.Status(), run.state.failure()
		rec.Step, rec.WaitEvent = run.action.Step, run.action.Event
		rec.DueAt = run.state.DueAt()
		switch {
		case run.action.Kind == ActionPerform:
			rec.DueAt = now // the next holder of the lease takes over, should this process die
		case run.action.Kind == ActionDone && rec.CompletedAt.IsZero():
			rec.CompletedAt = now
		case run.action.Kind != ActionDone:
			rec.CompletedAt = time.Time{}
		}
		if !run.retryAt.IsZero() && rec.Status == RunRunning && (rec.DueAt.IsZero() || run.retryAt.Before(rec.DueAt)) {
			rec.DueAt = run.retryAt
		}
		rec.State, _ = run.state.MarshalBinary()
	}
	c := RunChange{RunRecord: *rec, New: run.isNew, Served: run.served}
	run.dirty, run.isNew, run.served = false, false, RequestNone
	return c
}

// written takes over what the store returned for a transition that it committed.
func (t *task) written(res CommitResult) {
	for _, run := range t.runs {
		if c, ok := res.Requests[run.rec.ID]; ok {
			run.request = c
		}
	}
	// The contact in the result lacks the changes that are still on their way.
	if t.r.opts.Contacts == nil && t.changing == 0 && t.change == nil && !t.remove {
		t.contact = res.Contact
	}
}

// takeNotices returns the notices for the Observer. They are due when the transition
// that was made last is committed.
func (t *task) takeNotices() []Notice {
	notices := t.notices
	t.notices = nil
	return notices
}

// takeReady returns the runs whose effects may be performed now.
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

// noticeChanges notes the steps that differ from those of the state before.
func (t *task) noticeChanges(run *activeRun, before State) {
	if t.r.opts.Observer == nil {
		return
	}
	rec := run.rec
	rec.Status, rec.Step, rec.Error = run.state.Status(), run.action.Step, run.state.failure()
	rec.WaitEvent, rec.DueAt = run.action.Event, run.state.DueAt()
	for _, step := range run.graph.changes(before, run.state) {
		t.notice(&StepChanged{At: t.now, Run: rec.run(), Step: step})
	}
	if run.action.Kind == ActionDone && before.Status() == RunRunning {
		rec.CompletedAt = t.now
		t.notice(&RunEnded{At: t.now, Run: rec.run()})
	}
}

// load makes an activeRun of a claimed run. It sets a run aside that this process
// cannot read, and the others go on.
func (t *task) load(ctx context.Context, c *ClaimedRun) error {
	run := newRun()
	run.rec, run.request = c.RunRecord, c.Request
	g, err := t.r.graph(ctx, VersionRef{c.AutomationID, c.Version})
	if err != nil && !errors.Is(err, errUnreadable) {
		return err
	}
	if err == nil {
		run.graph = g
		run.state, err = g.decode(run.rec.ID, run.rec.State)
	}
	if err == nil && run.request == RequestNone && run.rec.Status == RunRunning && run.state.Status() == RunFailed {
		// The retry was requested while the run could not be read.
		run.rec.Status, run.request = RunFailed, RequestRetry
	}
	t.runs = append(t.runs, run)
	if err != nil {
		if run.rec.DecodeFailures > 0 && run.rec.DueAt.After(t.now) && run.request == RequestNone && t.contact != nil {
			run.graph = nil // an event brought the run before its back-off is over
			return nil
		}
		t.setAside(run, err)
		return nil
	}
	if g.readsEvent {
		run.data.Event = storedPayload(c.TriggerPayload)
	}
	run.action = g.Action(run.state)
	if run.rec.DecodeFailures > 0 {
		return t.recover(ctx, run)
	}
	return nil
}

// The back-off of a run that cannot be read. After maxDecodeFailures the run fails,
// unless a newer version of the library or of the application can read it.
const (
	unreadableInitial = time.Second
	unreadableMax     = 5 * time.Minute
	maxDecodeFailures = 10
)

// setAside puts off a run that cannot be read, so that it does not hold up the others.
func (t *task) setAside(run *activeRun, err error) {
	rec := &run.rec
	rec.DecodeFailures++
	rec.Error = &StepError{Code: FailedDamaged, Message: err.Error()}
	rec.DueAt = t.now.Add(min(unreadableInitial<<min(rec.DecodeFailures-1, 20), unreadableMax))
	if run.request == RequestRetry {
		// The run goes on from its failed step once a process can read it.
		run.served, rec.Status, rec.CompletedAt = RequestRetry, RunRunning, time.Time{}
	}
	switch {
	case run.request == RequestCancel:
		run.served = RequestCancel
		rec.end(RunCancelled, &StepError{Code: CancelledByRequest, Message: cancelledMessage}, t.now)
	case rec.DecodeFailures >= maxDecodeFailures && !errors.Is(err, ErrNewerVersion):
		rec.end(RunFailed, rec.Error, t.now)
	case t.contact == nil && rec.Status == RunRunning:
		run.served = run.request
		rec.end(RunCancelled, &StepError{Code: contactGone.Code, Message: contactGone.Reason}, t.now)
	}
	run.dirty, run.moved, run.graph = true, true, nil
	t.r.opts.Logger.Error("automation: run set aside", "run", rec.ID, "decode_failures", rec.DecodeFailures, "error", err)
}

// recover takes up a run that could not be read before. It looks back for the events
// that came in the meantime, which could not be matched.
func (t *task) recover(ctx context.Context, run *activeRun) error {
	run.rec.DecodeFailures, run.rec.Error, run.dirty = 0, nil, true
	if run.rec.Status == RunFailed && run.request == RequestRetry && run.state.Status() == RunRunning {
		// The run failed because it could not be read, not because of a step.
		run.rec.Status, run.rec.CompletedAt = RunRunning, time.Time{}
		run.request, run.served, run.rec.DueAt = RequestNone, RequestRetry, t.now
	}
	if run.action.Kind != ActionWait || run.rec.Status != RunRunning {
		return nil
	}
	if _, err := t.lookBack(ctx, run); err != nil {
		return err
	}
	return t.lookBackIfAsked(ctx, run)
}
