package automation

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Advance moves a run as far as it can go without the outside world. It returns the new
// state and what the run needs next. Advance is a pure function: it does no I/O, uses no
// clock and no randomness, and leaves s unchanged.
//
// An ended run stays as it is, unless the input is InputRetried. If the input does not
// fit the state, or the state does not fit the graph, Advance returns s and an error. A
// retry of a run that is completed or cancelled fails with ErrConflict.
func (g *Graph) Advance(s State, in Input) (State, Action, error) {
	if !g.fits(s) {
		return s, Action{}, errDamagedState
	}
	s.own()
	return g.advance(s, in)
}

// advance is Advance for a caller that owns s. The caller must not use s afterwards,
// unless advance returns an error.
func (g *Graph) advance(s State, in Input) (State, Action, error) {
	in.Now = stamp(in.Now)
	a := advance{g: g, s: s, in: in}
	action, err := a.input()
	if err != nil {
		return s, Action{}, fmt.Errorf("automation: run %s: %w", s.RunID, err)
	}
	return a.s, action, nil
}

// Action returns what a run in this state needs next, such as after a process has read
// the state from a store.
func (g *Graph) Action(s State) Action {
	if !g.fits(s) || !s.started {
		return Action{Kind: ActionSleep}
	}
	if s.Status() != RunRunning {
		return g.done(s)
	}
	n := &g.steps[s.at]
	switch {
	case n.typ == TypeWaitForEvent:
		return Action{Kind: ActionWait, Step: n.key, Until: g.dueAt(&s), Event: n.event, Lookback: n.lookback}
	case n.any != nil:
		return Action{Kind: ActionWait, Step: n.key, Until: g.dueAt(&s), Events: n.any.names, Lookback: n.lookback}
	case s.attemptOpen:
		return Action{Kind: ActionPerform, Step: n.key, Attempt: s.tries, Delivery: n.delivery}
	default:
		return Action{Kind: ActionSleep, Step: n.key, Until: g.dueAt(&s)}
	}
}

func (g *Graph) done(s State) Action {
	return Action{Kind: ActionDone, Step: g.steps[s.at].key, Status: s.status}
}

// fits reports whether s can be a state of g. A damaged state may name steps that g
// does not have.
func (g *Graph) fits(s State) bool {
	if s.at < 0 || s.at >= len(g.steps) || s.started != (len(s.steps) > 0) {
		return false
	}
	if !s.started {
		return s.Status() == RunRunning && !s.attemptOpen
	}
	for i := range s.steps {
		if int(s.steps[i].index) >= len(g.steps) {
			return false
		}
	}
	if int(s.current().index) != s.at {
		return false
	}
	return !s.attemptOpen || s.tries > 0 && g.steps[s.at].effect != nil
}

// advance is one call of Advance, which works on its own copy of the state.
type advance struct {
	g     *Graph
	s     State
	in    Input
	began bool // in.Data has what stays as it is: Now, Trigger and Run
	ready bool // in.Data.WaitEvents is set

	outputs map[string]map[string]any // in.Data.Steps, as far as they are decoded
}

// errInput is the error for an input that does not fit the state.
var errInput = errors.New("this input does not fit the run's state")

func (a *advance) input() (Action, error) {
	ended := a.s.Status() != RunRunning
	switch kind := a.in.Kind; {
	case kind == InputRetried:
		return a.retry()
	case kind == InputExited && a.s.status == RunFailed:
		return a.exits(), nil
	case ended:
		return a.g.done(a.s), nil
	case kind == InputCancelled:
		return a.cancel(a.in.Code, a.in.Reason), nil
	case kind == InputStarted && !a.s.started:
		return a.start(), nil
	case !a.s.started:
		return Action{}, errInput
	case kind == InputExited:
		return a.exits(), nil
	case kind == InputWoken:
		return a.wake(), nil
	case kind == InputReceived:
		return a.receive(), nil
	case !a.s.attemptOpen:
		return Action{}, errInput
	}
	return a.outcome()
}

func (a *advance) start() Action {
	a.s.started, a.s.status = true, RunRunning
	if cap(a.s.steps) == 0 {
		a.s.steps = make([]stepState, 0, min(len(a.g.steps), 8))
	}
	a.s.since = a.in.Now
	if a.in.Event != nil && !a.in.Event.AcceptedAt.IsZero() {
		a.s.since = stamp(a.in.Event.AcceptedAt)
	}
	a.enter(0)
	a.s.steps[0].startedAt = a.s.since // a lookback begins at the event that started the run
	return a.walk()
}

// enter makes the step the current step and adds its record.
func (a *advance) enter(step int) {
	a.s.at, a.s.tries, a.s.attemptOpen, a.s.dueAt = step, 0, false, time.Time{}
	a.s.steps = append(a.s.steps, stepState{index: uint32(step), status: StepRunning, startedAt: a.in.Now})
}

// walk executes the current step and the steps after it, until a step needs time, an
// event or the outside world.
func (a *advance) walk() Action {
	for {
		n := &a.g.steps[a.s.at]
		if n.typ != TypeTrigger {
			if action, ok := a.staysIn(); !ok {
				return action
			}
		}
		var branch ConnectionType
		switch n.typ {
		case TypeTrigger:
			branch = ConnectionDefault
		case TypeCondition:
			met, record, err := a.decide(n)
			if err != nil {
				return a.fail(FailedCondition, err.Error())
			}
			a.s.current().setOutput(record)
			branch = ConnectionConditionNotMet
			if met {
				branch = ConnectionConditionMet
			}
		case TypeBranch:
			var err error
			if branch, err = a.choose(n); err != nil {
				return a.fail(FailedCondition, err.Error())
			}
		case TypeSplit:
			var err error
			if branch, err = a.divide(n); err != nil {
				return a.fail(FailedReference, err.Error())
			}
		case TypeDelay:
			return a.sleep(n)
		case TypeDelayUntil, TypeWindow:
			var goesOn bool
			if branch, goesOn = a.moment(n); !goesOn {
				return a.g.Action(a.s)
			}
		case TypeWaitForEvent, TypeWaitForAny:
			return a.wait(n)
		default:
			if a.in.defers {
				a.s.dueAt = a.in.Now
				return a.g.Action(a.s)
			}
			action, skipped := a.perform(n)
			if !skipped {
				return action
			}
			branch = ConnectionDefault
		}
		if !a.follow(branch, "") {
			return a.g.done(a.s)
		}
	}
}

// follow completes the current step, and enters the next step over the connection of type
// branch or, without one, of type fallback. Without either the run is completed, and
// follow returns false.
func (a *advance) follow(branch, fallback ConnectionType) bool {
	a.end(StepCompleted)
	n := &a.g.steps[a.s.at]
	next, ok := n.target(branch)
	if !ok && fallback != "" {
		next, ok = n.target(fallback)
	}
	if !ok {
		a.finish(RunCompleted)
		return false
	}
	a.enter(next)
	return true
}

// end closes the record of the current step. A skipped step stays skipped.
func (a *advance) end(status StepStatus) {
	st := a.s.current()
	if st.status != StepSkipped {
		st.status = status
	}
	st.completedAt = a.in.Now
}

func (a *advance) finish(status RunStatus) {
	a.s.status, a.s.attemptOpen, a.s.dueAt = status, false, time.Time{}
}

func (a *advance) fail(code StepErrorCode, message string) Action {
	a.s.current().err = &StepError{Code: code, Message: keptMessage(message)}
	a.end(StepFailed)
	a.finish(RunFailed)
	return a.g.done(a.s)
}

// data returns what the current step may read.
func (a *advance) data() *Data {
	if !a.began {
		a.in.Data.Now, a.in.Data.Trigger = a.in.Now, nil // Trigger is Event
		if a.g.readsRun {
			a.in.Data.Run = a.g.runData(&a.s, a.in.Data.Run)
		}
		a.began = true
	}
	if len(a.g.readsSteps) > 0 {
		a.outputs = a.g.outputs(&a.s, a.outputs)
		a.in.Data.Steps = a.outputs
	}
	if a.g.readsWait && !a.ready {
		a.in.Data.WaitEvents, a.ready = a.g.waitEvents(a.s), true
	}
	return &a.in.Data
}

func (a *advance) decide(n *node) (met bool, record []byte, err error) {
	var buffer [16]ruleOutcome // on the stack, and large enough for most rules
	outcomes := n.rule.makeOutcomes(buffer[:])
	met, err = n.rule.eval(a.data(), outcomes)
	if err != nil {
		return false, nil, err
	}
	return met, recordOutcomes(met, outcomes), nil
}

func (a *advance) sleep(n *node) Action {
	st := a.s.current()
	a.s.dueAt = stamp(st.startedAt.Add(n.duration))
	st.status = StepWaiting
	return a.g.Action(a.s)
}

// wake continues a run that is due, or whose last process is gone.
func (a *advance) wake() Action {
	n := &a.g.steps[a.s.at]
	switch {
	case n.effect != nil && a.s.attemptOpen:
		return a.resume(n)
	case a.isTooOld():
		return a.tooOld()
	case n.typ == TypeDelayUntil || n.typ == TypeWindow:
		return a.wakeMoment()
	case !a.s.dueAt.IsZero() && a.in.Now.Before(a.s.dueAt):
		return a.g.Action(a.s)
	case n.effect != nil:
		return a.walk()
	case a.s.dueAt.IsZero():
		return a.g.Action(a.s) // a wait without timeout
	}
	a.s.since = a.s.dueAt
	if n.waits() {
		return a.timeOut(n, nil)
	}
	if !a.follow(ConnectionDefault, "") {
		return a.g.done(a.s)
	}
	return a.walk()
}

func (a *advance) cancel(code StepErrorCode, reason string) Action {
	if !a.s.started {
		a.s.started = true
		a.enter(0)
	}
	if a.s.attemptOpen {
		a.attempt(FailedInterrupted, "the process stopped before the outcome was recorded")
	}
	a.s.exit = nil
	a.s.current().err = &StepError{Code: code, Message: reason}
	a.end(StepCancelled)
	a.finish(RunCancelled)
	return a.g.done(a.s)
}

// retry starts the failed step again. A wait starts again with its full timeout.
func (a *advance) retry() (Action, error) {
	if a.s.Status() == RunRunning && a.s.started {
		return a.g.Action(a.s), nil
	}
	if a.s.status != RunFailed {
		return Action{}, fmt.Errorf("it is %s, and only a failed run can be retried: %w", a.s.status, ErrConflict)
	}
	st := a.s.current()
	st.setOutput(nil)
	st.status, st.err, st.branch = StepRunning, nil, ""
	st.startedAt, st.completedAt = a.in.Now, time.Time{}
	a.s.status, a.s.tries, a.s.since = RunRunning, 0, a.in.Now
	return a.walk(), nil
}

func (a *advance) wait(n *node) Action {
	st := a.s.current()
	if n.duration > 0 {
		a.s.dueAt = stamp(st.startedAt.Add(n.duration))
	}
	st.status = StepWaiting
	a.s.since = stamp(a.in.ReadAt)
	return a.g.Action(a.s)
}

// receive resumes a wait, if the wait is for this event.
func (a *advance) receive() Action {
	n := &a.g.steps[a.s.at]
	e := a.in.Event
	if end := a.g.deadline(&a.s); e != nil && !end.IsZero() && stamp(e.AcceptedAt).After(end) && !a.s.attemptOpen {
		return a.tooOld()
	}
	if n.any != nil && e != nil {
		return a.receiveAny(n)
	}
	if n.typ != TypeWaitForEvent || e == nil || e.Name != n.event || !a.g.timely(a.s, e, a.in.Unread) || !a.matches(n) {
		return a.g.Action(a.s)
	}
	action := a.resumeWait(n, e)
	action.Resumed = true
	return action
}

// resumeWait ends the wait with a matching event. If the event was accepted after the
// deadline, the wait times out instead.
func (a *advance) resumeWait(n *node, e *Event) Action {
	if !a.s.dueAt.IsZero() && e.AcceptedAt.After(a.s.dueAt) {
		a.s.since = a.s.dueAt
		return a.timeOut(n, e)
	}
	a.s.since = stamp(e.AcceptedAt)
	a.s.current().setOutput(eventOutput(e))
	a.ready = false
	if !a.follow(ConnectionEventReceived, ConnectionDefault) {
		return a.g.done(a.s)
	}
	return a.walk()
}

// timely reports whether the event was not accepted before the start of the wait that s is
// at or, with lookback, before the event that started the run. An unread event with an
// AcceptedAt from before the last reading was accepted after it, by a slower clock.
func (g *Graph) timely(s State, e *Event, unread bool) bool {
	from := s.current().startedAt
	if g.steps[s.at].lookback {
		from = s.startedAt()
	}
	return s.accepts(e, from, unread)
}

// accepts reports whether the event was not accepted before from; see timely.
func (s *State) accepts(e *Event, from time.Time, unread bool) bool {
	at := stamp(e.AcceptedAt)
	return !at.Before(from) || unread && at.Before(s.since)
}

// matches evaluates the wait's filter on the payload of the event. A filter that cannot
// be evaluated does not match.
func (a *advance) matches(n *node) bool {
	if n.rule == nil {
		return true
	}
	d := a.data().forEvent(a.in.Event, a.in.Payload)
	met, err := n.rule.eval(&d, nil)
	return met && err == nil
}

// outputs adds to known, which may be nil, the outputs of the steps that the run has left
// and that the graph reads.
func (g *Graph) outputs(s *State, known map[string]map[string]any) map[string]map[string]any {
	for i := range s.steps {
		st := &s.steps[i]
		key := g.steps[st.index].key
		if _, ok := known[key]; ok || st.completedAt.IsZero() || !slices.Contains(g.readsSteps, int(st.index)) {
			continue
		}
		if known == nil {
			known = make(map[string]map[string]any, len(g.readsSteps))
		}
		known[key] = storedPayload(g.output(st))
	}
	return known
}

// noPayload is the payload of an event without one.
var noPayload = map[string]any{}

// runData returns what steps read of a run that has started. The run starts when its trigger
// is completed. known, which may be nil, has the name of the event that started the run.
func (g *Graph) runData(s *State, known *RunData) *RunData {
	d := &RunData{ID: s.RunID, StartedAt: s.steps[0].completedAt, Trigger: g.Event()}
	if known != nil && known.Trigger != "" {
		d.Trigger = known.Trigger
	}
	return d
}

// timeOut takes the timeout branch. late is an event that was accepted after the
// deadline, or nil.
func (a *advance) timeOut(n *node, late *Event) Action {
	a.s.current().setOutput(timeoutOutput(a.s.dueAt, late))
	_, timeout := n.target(ConnectionTimeout)
	_, def := n.target(ConnectionDefault)
	if !timeout && !def {
		return a.fail(FailedTimeout, "timed out waiting for "+n.awaited())
	}
	a.follow(ConnectionTimeout, ConnectionDefault)
	return a.walk()
}

// waitEvents returns, for each event name, the payload of the last event that ended a
// wait.
func (g *Graph) waitEvents(s State) map[string]map[string]any {
	var events map[string]map[string]any
	for i := range s.steps {
		st := &s.steps[i]
		n := &g.steps[st.index]
		if !n.waits() || st.status != StepCompleted {
			continue
		}
		if name, payload, ok := receivedPayload(st.output); ok {
			if events == nil {
				events = make(map[string]map[string]any, 1)
			}
			events[name] = payload
		}
	}
	return events
}
