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
	control Control // asked for and not carried out
	seen    Control // carried out and not written
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
	if t.work.Contact.ID == "" {
		return t.planInbox(ctx)
	}
	t.contact = t.work.Record
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
	c, err := t.r.findContact(ctx, ContactRef{ID: t.work.Contact.ID})
	contact := &c
	if errors.Is(err, ErrNotFound) {
		contact, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("contact %q: %w", t.work.Contact.ID, err)
	}
	t.mu.Lock()
	t.contact = contact
	t.mu.Unlock()
	return nil
}

// load makes an activeRun of a claimed run. One that cannot be read is set
// aside, and all others go on.
func (t *task) load(ctx context.Context, c *ClaimedRun) error {
	run := newRun()
	run.rec, run.control = c.RunRecord, c.Control
	g, err := t.r.graph(ctx, VersionRef{c.AutomationID, c.Version})
	if err != nil && !errors.Is(err, errUnreadable) {
		return err
	}
	if err == nil {
		run.graph = g
		run.state, err = g.decode(run.rec)
	}
	if err == nil && run.control == ControlNone && run.rec.Status == RunRunning && run.state.Status() == RunFailed {
		// It was to be retried while it could not be read.
		run.rec.Status, run.control = RunFailed, ControlRetry
	}
	t.runs = append(t.runs, run)
	if err != nil {
		if run.rec.Setbacks > 0 && run.rec.DueAt.After(t.now) && run.control == ControlNone && t.contact != nil {
			run.graph = nil // an event has brought it; its back-off goes on
			return nil
		}
		t.setAside(run, err)
		return nil
	}
	if g.readsEvent {
		run.data.Event = storedPayload(c.Trigger)
	}
	run.action = g.Action(run.state)
	if run.rec.Setbacks > 0 {
		return t.recover(ctx, run)
	}
	return nil
}

// The back-off of a run that cannot be read. After maxSetbacks a damaged one is
// failed; one that a newer version can read is left to that.
const (
	setbackInitial = time.Second
	setbackMax     = 5 * time.Minute
	maxSetbacks    = 10
)

// setAside puts off a run that cannot be read, so that it does not get in the
// way of the others.
func (t *task) setAside(run *activeRun, err error) {
	run.rec.Setbacks++
	run.rec.Error = &StepError{Code: FailedDamaged, Message: err.Error()}
	if run.control == ControlRetry {
		// It will go on from its failed step once it can be read.
		run.seen, run.rec.Status, run.rec.CompletedAt = ControlRetry, RunRunning, time.Time{}
	}
	wait := min(setbackInitial<<min(run.rec.Setbacks-1, 20), setbackMax)
	run.rec.DueAt = t.now.Add(wait)
	if run.rec.Setbacks >= maxSetbacks && !errors.Is(err, ErrNewerVersion) {
		run.rec.Status, run.rec.DueAt, run.rec.CompletedAt, run.rec.WaitEvent = RunFailed, time.Time{}, t.now, ""
	}
	if run.control == ControlCancel {
		run.seen, run.rec.DueAt, run.rec.CompletedAt, run.rec.WaitEvent = ControlCancel, time.Time{}, t.now, ""
		run.rec.Status, run.rec.Error = RunCancelled, &StepError{Code: CancelledByRequest, Message: cancelMessage}
	} else if t.contact == nil && run.rec.Status == RunRunning {
		run.seen, run.rec.DueAt, run.rec.CompletedAt, run.rec.WaitEvent = run.control, time.Time{}, t.now, ""
		run.rec.Status, run.rec.Error = RunCancelled, &StepError{Code: contactGone.Code, Message: contactGone.Reason}
	}
	run.dirty, run.moved, run.graph = true, true, nil
	t.r.opts.Logger.Error("automation: run set aside", "run", run.rec.ID, "setbacks", run.rec.Setbacks, "error", err)
}

// recover takes up a run that could not be read before. Events that came in the
// meantime could not be matched: the run looks back for them.
func (t *task) recover(ctx context.Context, run *activeRun) error {
	run.rec.Setbacks, run.rec.Error, run.dirty = 0, nil, true
	if run.rec.Status == RunFailed && run.control == ControlRetry && run.state.Status() == RunRunning {
		// It was failed for being unreadable, not by a step.
		run.rec.Status, run.rec.CompletedAt = RunRunning, time.Time{}
		run.control, run.seen, run.rec.DueAt = ControlNone, ControlRetry, t.now
	}
	if run.action.Kind != ActionWait || run.rec.Status != RunRunning {
		return nil
	}
	if _, err := t.lookBack(ctx, run); err != nil {
		return err
	}
	return t.lookBackIfAsked(ctx, run)
}

// plan moves everything as far as it goes: first what was asked for, then the
// events in order, then the runs whose time has come.
func (t *task) plan(ctx context.Context) error {
	for _, run := range t.runs {
		t.obey(run)
	}
	for i := range t.work.Events {
		if err := t.dispatch(ctx, &t.work.Events[i]); err != nil {
			return err
		}
	}
	// There may be more events than one claim brings, and one that was accepted
	// in time wins over a time-out.
	more := len(t.work.Events) == claimEvents
	for _, run := range t.runs {
		if run.moved || run.rec.DueAt.IsZero() || run.rec.DueAt.After(t.now) || more && run.action.Kind == ActionWait {
			continue
		}
		if err := t.wake(ctx, run); err != nil {
			return err
		}
	}
	return nil
}

// contactGone cancels a run whose contact does not exist any more.
var contactGone = Input{Kind: InputCancelled, Code: CancelledContactGone, Reason: "the contact was deleted"}

// cancelMessage is what a run that was cancelled on request says.
const cancelMessage = "cancelled on request"

// obey carries out what was asked of a run, and cancels a run whose contact is
// gone.
func (t *task) obey(run *activeRun) {
	if run.graph == nil {
		return
	}
	switch {
	case t.contact == nil && run.rec.Status == RunRunning:
		run.seen = run.control
		t.advance(run, contactGone)
	case run.control == ControlCancel:
		run.seen = ControlCancel
		t.advance(run, Input{Kind: InputCancelled, Code: CancelledByRequest, Reason: cancelMessage})
	case run.control == ControlRetry:
		run.seen = ControlRetry
		t.retry(run)
	}
	run.control = ControlNone
}

func (t *task) retry(run *activeRun) {
	if run.rec.Status != RunFailed {
		return
	}
	t.advance(run, Input{Kind: InputRetried})
	if t.contact == nil {
		t.advance(run, contactGone)
	}
}

// wake advances a run that is due by time.
func (t *task) wake(ctx context.Context, run *activeRun) error {
	if run.graph == nil || run.rec.Status != RunRunning {
		return nil
	}
	if t.contact == nil {
		t.obey(run) // another run has just deleted it
		return nil
	}
	kind := InputWoken
	if !run.state.started {
		kind = InputStarted
	}
	t.advance(run, Input{Kind: kind})
	return t.lookBackIfAsked(ctx, run)
}

// dispatch does all that one event does: resume waits, then start runs.
func (t *task) dispatch(ctx context.Context, e *PendingEvent) error {
	n := EventHandled{At: t.now, Event: e.Event}
	t.handled = append(t.handled, e.ID)
	t.advanced++
	if t.contact == nil {
		t.noticeHandled(n) // it was deleted after the event was sent
		return nil
	}
	payload := storedPayload(e.Payload)
	for _, run := range t.runs {
		if !t.deliver(run, &e.Event, payload) {
			continue
		}
		n.Resumed = append(n.Resumed, run.rec.ID)
		if err := t.lookBackIfAsked(ctx, run); err != nil {
			return err
		}
	}
	for _, v := range e.Starts {
		id, err := t.start(ctx, v, e, payload)
		if err != nil {
			return err
		}
		n.Started = append(n.Started, id)
	}
	t.noticeHandled(n)
	return nil
}

func (t *task) noticeHandled(n EventHandled) {
	if t.r.opts.Observer != nil {
		t.notice(&n)
	}
}

// deliver brings an event to a run that may be waiting for it. An event never
// satisfies a wait of the run that it has started.
func (t *task) deliver(run *activeRun, e *Event, payload map[string]any) (resumed bool) {
	if run.graph == nil || run.action.Kind != ActionWait || run.action.Event != e.Name || run.rec.EventID == e.ID {
		return false
	}
	if t.contact == nil {
		return false // another run has just deleted it; the store asks this one to cancel
	}
	at, dirty, moved := len(run.state.steps), run.dirty, run.moved
	t.advance(run, Input{Kind: InputReceived, Event: e, Payload: payload})
	resumed = len(run.state.steps) != at || run.state.Status() != RunRunning
	if !resumed {
		run.dirty, run.moved = dirty, moved // it was not what the run waits for
	}
	return resumed
}

// start makes a run. If this process cannot read the graph, the run is kept
// unstarted, for one that can.
func (t *task) start(ctx context.Context, v VersionRef, e *PendingEvent, payload map[string]any) (string, error) {
	run := newRun()
	run.isNew, run.rec = true, RunRecord{
		ID: t.r.ids.next(t.now), AutomationID: v.AutomationID, Version: v.Version,
		ContactID: t.work.Contact.ID, EventID: e.ID, EventName: e.Name,
		Status: RunRunning, CreatedAt: t.now,
	}
	run.state.RunID = run.rec.ID
	g, err := t.r.graph(ctx, v)
	if err != nil && !errors.Is(err, errUnreadable) {
		return "", err
	}
	t.runs = append(t.runs, run)
	if err != nil {
		t.setAside(run, err)
		return run.rec.ID, nil
	}
	run.graph = g
	run.data.Event = payload
	if t.r.opts.Observer != nil {
		t.notice(&RunStarted{At: t.now, Run: run.rec.run()})
	}
	if t.contact == nil { // a run that the same event has started has just deleted it
		t.advance(run, contactGone)
		return run.rec.ID, nil
	}
	t.advance(run, Input{Kind: InputStarted, Event: &e.Event})
	return run.rec.ID, t.lookBackIfAsked(ctx, run)
}

// lookBackIfAsked brings a run that has just begun a wait with lookback the
// events that came before it.
func (t *task) lookBackIfAsked(ctx context.Context, run *activeRun) error {
	for run.graph != nil && run.action.Kind == ActionWait && run.action.Lookback {
		if resumed, err := t.lookBack(ctx, run); err != nil || !resumed {
			return err
		}
	}
	return nil
}

// lookBack asks for events without holding t.mu, so that a slow answer holds up
// nobody else.
func (t *task) lookBack(ctx context.Context, run *activeRun) (resumed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.r.opts.StoreTimeout)
	defer cancel()
	events, err := t.r.store.ContactEvents(ctx, run.rec.ContactID, run.action.Event, run.state.steps[0].startedAt)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		if t.deliver(run, &events[i], storedPayload(events[i].Payload)) {
			return true, nil
		}
	}
	return false, err
}

// catchUp is lookBackIfAsked for a run whose effect was performed: if the events
// cannot be had now the run is looked at again later, for the outcome must be
// written.
func (t *task) catchUp(ctx context.Context, run *activeRun) {
	err := t.lookBackIfAsked(ctx, run)
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	run.again, run.dirty = t.now.Add(setback), true
	t.r.opts.Logger.Warn("automation: cannot look back", "run", run.rec.ID, "error", err)
}

// planInbox handles events for an email that belonged to no contact when they
// were sent. Those that start nothing are done with: an event that starts no
// run creates nobody. From the first that starts a run on they are moved to the
// contact, which is created if it does not exist by now, and are handled there.
func (t *task) planInbox(ctx context.Context) error {
	c, err := t.r.findContact(ctx, t.work.Contact)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil {
		t.moveTo = &c
		return nil
	}
	for i := range t.work.Events {
		e := &t.work.Events[i]
		if len(e.Starts) > 0 {
			return t.createContact(ctx, e.Email)
		}
		t.handled = append(t.handled, e.ID)
		t.advanced++
		t.noticeHandled(EventHandled{At: t.now, Event: e.Event})
	}
	return nil
}

func (t *task) createContact(ctx context.Context, email string) error {
	if t.r.opts.Contacts == nil {
		t.moveTo, t.created = t.r.newContact(email), true
		t.notice(&ContactCreated{At: t.now, Contact: t.moveTo.Clone()})
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.r.opts.EffectTimeout)
	defer cancel()
	c, err := t.r.opts.Contacts.CreateContact(ctx, email)
	if err != nil {
		return fmt.Errorf("create contact: %w", err)
	}
	if c.ID == "" {
		return fmt.Errorf("create contact: the host gave a contact without id for %q", email)
	}
	t.moveTo = &c
	t.notice(&ContactCreated{At: t.now, Contact: c.Clone()})
	return nil
}

// advance moves one run, and on through all effects that are part of the
// commit: changes to a contact that lives in the store.
func (t *task) advance(run *activeRun, in Input) {
	run.dirty, run.moved = true, true
	t.advanced++
	outcome := run.state.begun // of an effect: a request may have come meanwhile
	for {
		in.Now = t.now
		in.Data = run.data
		in.Data.Contact = t.contact
		before := run.state
		if t.r.opts.Observer != nil {
			run.state.own() // to be compared with what it was
		}
		next, action, err := run.graph.advance(run.state, in)
		if err != nil {
			t.setAside(run, err)
			return
		}
		run.state, run.action = next, action
		t.compare(run, before)
		switch {
		case action.Kind != ActionPerform:
			return
		case t.contact == nil:
			in = contactGone // another run has deleted it
		case t.r.opts.Contacts != nil || !run.graph.changesContact(next):
			t.ready = append(t.ready, run)
			return
		case outcome:
			// The outcome is written first: the store then tells about requests
			// that came while the effect was in flight.
			in, outcome = Input{Kind: InputReleased}, false
			t.ready = append(t.ready, run)
		default:
			in = t.changeContact(run)
		}
	}
}

// changeContact makes a step's change to the contact, to be written together
// with the step.
func (t *task) changeContact(run *activeRun) Input {
	data := run.data
	data.Contact = t.contact
	effect, err := run.graph.Effect(run.state, data)
	if err != nil {
		return Input{Kind: InputFailed, Err: permanentUnlessMarked(err)}
	}
	switch e := effect.(type) {
	case *ChangeContactEffect:
		changed := t.contact.Clone()
		e.Change.Apply(&changed)
		t.contact = &changed
		if t.change == nil {
			t.change = &ContactChange{}
		}
		t.change.merge(e.Change)
		t.notice(&ContactChanged{At: t.now, ContactID: changed.ID, Change: e.Change})
		return Input{Kind: InputSucceeded, Output: e.output}
	case *DeleteContactEffect:
		t.notice(&ContactDeleted{At: t.now, ContactID: t.contact.ID})
		t.contact, t.remove = nil, true
		return Input{Kind: InputSucceeded}
	default:
		return Input{Kind: InputFailed, Err: Permanent(fmt.Errorf("automation: unexpected effect %T", effect))}
	}
}

// transition returns what has to be written now. The lease ends with it if
// release is set: nothing is left to perform and nothing is in flight.
func (t *task) transition(release bool) Transition {
	tr := Transition{
		Contact: t.work.Contact, Token: t.work.Token, Now: t.now,
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
	if run.graph != nil && rec.Setbacks == 0 {
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
	c := RunChange{RunRecord: *rec, New: run.isNew, Seen: run.seen}
	run.dirty, run.isNew, run.seen = false, false, ControlNone
	return c
}

// written takes note that a transition was committed, and of what the store had
// to say.
func (t *task) written(res CommitResult) {
	for _, run := range t.runs {
		if c, ok := res.Controls[run.rec.ID]; ok {
			run.control = c
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

// compare notes which steps have changed.
func (t *task) compare(run *activeRun, before State) {
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

// changesContact reports whether the effect that s asks for is a change to the
// contact.
func (g *Graph) changesContact(s State) bool {
	switch g.steps[s.at].effect.(type) {
	case *contactEffect, segmentEffect, deleteEffect:
		return true
	}
	return false
}
