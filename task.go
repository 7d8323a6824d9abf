package automation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// task is the work on one leased contact, from claim to release. Two operations
// alternate: transition returns what the store has to write and, once the store has
// written it, performEffect performs the effects of the runs that are ready.
type task struct {
	mu sync.Mutex // guards taskState while a worker has the task
	taskState
}

// taskState holds the fields of a task, so that recycle can reset all of them at once.
type taskState struct {
	r    *Runner
	work Work

	inFlight  int   // effects in flight, or about to be once their runs are written
	unwritten int   // transitions on their way to the store
	changing  int   // unwritten transitions that change the contact
	failure   error // why the task is abandoned
	ended     bool  // the transition that abandons the lease is on its way

	// These fields are the worker's, under its mutex.
	index   int       // in the worker's list of tasks
	renewed time.Time // when the lease was claimed or renewed

	now     time.Time // when the current stage started
	contact *Contact  // as of now; nil if there is none
	runs    []*activeRun
	ready   []*activeRun // runs whose effect may be performed once their state is written

	// The results of the work since the last transition.
	handled []HandledEvent
	change  *ContactChange
	remove  bool
	moveTo  *Contact
	created bool
	notices []Notice
	logs    []logRecord
	changes []RunChange // spare capacity for the runs of a transition

	advanced int // events handled and runs advanced, for Drain's count
}

// activeRun is a run that a task has loaded.
type activeRun struct {
	rec     RunRecord
	graph   *Graph // nil if this process cannot decode the run
	state   State
	action  Action
	data    Data
	request RunRequest // recorded in the store and not applied yet
	served  RunRequest // applied and not written yet
	isNew   bool
	dirty   bool
	moved   bool      // this task has advanced the run
	freshAt time.Time // when the store last returned the contact and the run's request
	retryAt time.Time // when to look back again, after the store did not answer
}

// spareTasks and spareRuns hold values for reuse. Every event needs a task, for a short
// time.
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

// recycle resets a task that has released its contact, for reuse. A task that failed is
// not reused, because several stages may still hold it.
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

// begin loads the claimed work, and advances all of it as far as possible without the
// outside world. The error is an error of the store or of the contact directory.
func (t *task) begin(ctx context.Context) error {
	return guard(func() error { return t.loadAndPlan(ctx) })
}

func (t *task) loadAndPlan(ctx context.Context) error {
	t.now = t.r.now()
	if t.work.Key.ID == "" {
		return t.planEmail(ctx)
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

// refresh reads the contact from the contact directory, because the host may have changed
// it. A contact in the store comes with each claim and commit.
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

// transition returns what the store has to write now. With release the transition ends
// the lease: nothing is left to perform, and nothing is in flight.
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
		// No other transition than tr, which a worker has counted already, is on
		// its way. So no transition uses this slice any more.
		tr.Runs = t.changes[:0]
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

// write returns what the store has to write about the run.
func (run *activeRun) write(now time.Time) RunChange {
	rec := &run.rec
	c := RunChange{New: run.isNew, Served: run.served}
	if run.graph != nil && rec.DecodeFailures == 0 {
		rec.Status, rec.Error = run.state.Status(), run.state.failure()
		rec.Step, rec.WaitEvent = run.action.Step, run.action.Event
		rec.DueAt = run.state.DueAt()
		switch {
		case run.action.Kind == ActionPerform:
			rec.DueAt = now // if this process dies, the next holder of the lease takes over
		case run.action.Kind == ActionDone && rec.CompletedAt.IsZero():
			rec.CompletedAt = now
		case run.action.Kind != ActionDone:
			rec.CompletedAt = time.Time{}
		}
		if !run.retryAt.IsZero() && rec.Status == RunRunning && (rec.DueAt.IsZero() || run.retryAt.Before(rec.DueAt)) {
			rec.DueAt = run.retryAt
		}
		c.Outputs = run.storeApart()
		rec.State = run.state.marshal(true)
	}
	c.RunRecord = *rec
	run.dirty, run.isNew, run.served = false, false, RequestNone
	return c
}

// written applies what the store returned for a committed transition.
func (t *task) written(res CommitResult) {
	for _, run := range t.runs {
		if c, ok := res.Requests[run.rec.ID]; ok {
			run.request = c
		}
	}
	// While a change is on its way to the store, the contact in the result is older
	// than t.contact.
	if t.r.opts.Contacts == nil && t.changing == 0 && t.change == nil && !t.remove {
		t.contact = res.Contact
	}
}

// takeNotices returns the notices for the Observer. They are valid once the latest
// transition is committed.
func (t *task) takeNotices() []Notice {
	notices := t.notices
	t.notices = nil
	return notices
}

// takeReady returns the runs whose effects may be performed once the latest transition is
// committed.
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

// noticeChanges adds notices of the steps that changed since the state before, and of the
// end of the run.
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

// load adds a claimed run to the task. If this process cannot decode the run, load sets
// the run aside, and the other runs continue.
func (t *task) load(ctx context.Context, c *ClaimedRun) error {
	run := newRun()
	run.rec, run.request = c.RunRecord, c.Request
	g, err := t.r.graph(ctx, VersionRef{c.AutomationID, c.Version})
	if err != nil && !errors.Is(err, errUnusable) {
		return err
	}
	if err == nil {
		run.graph = g
		run.state, err = g.decode(run.rec.ID, run.rec.State)
	}
	if err == nil && g.needsOutputs(&run.state) {
		if err := t.r.loadOutputs(ctx, &run.state); err != nil {
			return err
		}
		if g.needsOutputs(&run.state) {
			err = fmt.Errorf("%w: the store has lost an output", errDamagedState)
		}
	}
	if err == nil && run.request == RequestNone && run.rec.Status == RunRunning && run.state.Status() == RunFailed {
		// The retry was requested while no process could decode the run.
		run.rec.Status, run.request = RunFailed, RequestRetry
	}
	t.runs = append(t.runs, run)
	if err != nil {
		if run.rec.DecodeFailures > 0 && run.rec.DueAt.After(t.now) && run.request == RequestNone && t.contact != nil {
			run.graph = nil // the run came with an event, before its back-off is over
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

// The back-off of a run that is set aside. After maxDecodeFailures the run fails, unless
// it needs another version of the library or of the application.
const (
	setAsideInitial   = time.Second
	setAsideMax       = 5 * time.Minute
	maxDecodeFailures = 10
)

// setAside postpones a run that this process cannot decode, so that it does not delay the
// other runs.
func (t *task) setAside(run *activeRun, err error) {
	rec := &run.rec
	rec.DecodeFailures++
	rec.Error = &StepError{Code: FailedDamaged, Message: err.Error()}
	rec.DueAt = t.now.Add(min(setAsideInitial<<min(rec.DecodeFailures-1, 20), setAsideMax))
	if run.request == RequestRetry {
		// The run continues from its failed step once a process can decode it.
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
	t.logSetAside(run, err)
}

// recover continues a run that was set aside. It looks back for events that came in the
// meantime, when no process could match them against the run's wait.
func (t *task) recover(ctx context.Context, run *activeRun) error {
	run.rec.DecodeFailures, run.rec.Error, run.dirty = 0, nil, true
	if run.rec.Status == RunFailed && run.request == RequestRetry && run.state.Status() == RunRunning {
		// The run failed because no process could decode it, not because of a
		// step.
		run.rec.Status, run.rec.CompletedAt = RunRunning, time.Time{}
		run.request, run.served, run.rec.DueAt = RequestNone, RequestRetry, t.now
	}
	if run.action.Kind != ActionWait || run.rec.Status != RunRunning {
		return nil
	}
	if _, err := t.lookBack(ctx, run); err != nil {
		return err
	}
	return t.lookBackIfSet(ctx, run)
}
