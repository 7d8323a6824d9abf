package automation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Input is what happened to a run. Advance reads the time from it and nowhere
// else.
type Input struct {
	Kind InputKind
	Now  time.Time
	// Data is what rules and references read: the payload of the event that
	// started the run, and the contact. Advance fills in WaitEvents itself.
	Data Data
	// Event is the event that started the run (InputStarted) or that arrived
	// (InputReceived), whose decoded payload is Payload.
	Event   *Event
	Payload map[string]any
	// Output and Branch are what a successful effect gave (InputSucceeded).
	Output json.RawMessage
	Branch ConnectionType
	// Err is why an effect failed (InputFailed) or could not be begun
	// (InputReleased).
	Err error
	// Code and Reason say why the run is cancelled (InputCancelled) or the
	// step is skipped (InputSkipped).
	Code   StepErrorCode
	Reason string

	contact *Contact // the host's contact as an effect has left it
}

// InputKind says what an Input is about.
type InputKind uint8

// The kinds of input.
const (
	// InputStarted starts the run.
	InputStarted InputKind = iota + 1
	// InputWoken says that the time may have come for what the run waits for,
	// or that its process is gone and another has taken over.
	InputWoken
	// InputReceived brings an event. It changes nothing if the run does not
	// wait for it.
	InputReceived
	// InputSucceeded, InputFailed and InputSkipped report what became of the
	// effect that the last ActionPerform asked for.
	InputSucceeded
	InputFailed
	InputSkipped
	// InputInterrupted says that the process is stopping and cannot tell what
	// became of the effect.
	InputInterrupted
	// InputReleased says that the effect was not begun after all.
	InputReleased
	// InputCancelled cancels the run.
	InputCancelled
	// InputRetried lets a failed run go on from the step that failed.
	InputRetried
)

// Action is what a run needs next.
type Action struct {
	Kind ActionKind
	// Step is the key of the step that the run is at.
	Step string
	// Until is when to wake the run: the end of a sleep, or a wait's deadline,
	// which is zero if it has none.
	Until time.Time
	// Event is the name of the event to wait for.
	Event string
	// Lookback says that events accepted since the run started count too.
	Lookback bool
	// Attempt is the number of the attempt to perform, and Delivery what to do
	// if its outcome stays unknown.
	Attempt  int
	Delivery Delivery
	// Status is how the run has ended.
	Status RunStatus
}

// ActionKind says what an Action asks for.
type ActionKind uint8

// The kinds of action.
const (
	// ActionSleep: wake the run at Until.
	ActionSleep ActionKind = iota + 1
	// ActionWait: bring the run its Event, or wake it at Until.
	ActionWait
	// ActionPerform: perform the effect that Effect resolves, after the state
	// has been stored, and report what became of it.
	ActionPerform
	// ActionDone: the run has ended.
	ActionDone
)

// Advance moves a run as far as it goes without the outside world and says
// what it needs next. It is pure: no I/O, no clock, no randomness, and s is
// not changed. A run that has ended stays as it is, except for InputRetried.
// The error says that the input does not fit the state; s is returned then.
func (g *Graph) Advance(s State, in Input) (State, Action, error) {
	if !g.fits(s) {
		return s, Action{}, errDamagedState
	}
	s.own()
	return g.advance(s, in)
}

// advance is Advance for a caller that owns s and does not need it any more,
// unless an error is returned.
func (g *Graph) advance(s State, in Input) (State, Action, error) {
	in.Now = stamp(in.Now)
	a := advance{g: g, s: s, in: in}
	action, err := a.input()
	if err != nil {
		return s, Action{}, fmt.Errorf("automation: run %s: %w", s.RunID, err)
	}
	return a.s, action, nil
}

// Effect resolves the effect that the last ActionPerform asked for. Call it
// with the contact's latest data, right before performing the effect. Give an
// error to Advance as InputFailed.
func (g *Graph) Effect(s State, d Data) (Effect, error) {
	if !s.attemptOpen || !g.fits(s) {
		return nil, fmt.Errorf("automation: run %s has no effect to perform", s.RunID)
	}
	n := &g.steps[s.at]
	if d.Contact == nil {
		return nil, Permanent(errNoContact)
	}
	if g.readsWait {
		d.WaitEvents = g.waitEvents(s)
	}
	e, err := n.effect.build(s.RunID, n.key, &d)
	switch e := e.(type) {
	case *SendEffect:
		e.Email.Attempt = s.tries
	case *CustomEffect:
		e.Call.Attempt = s.tries
	}
	return e, err
}

// Action returns what a run that was stored in this state needs.
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
		return Action{Kind: ActionWait, Step: n.key, Until: s.dueAt, Event: n.event, Lookback: n.lookback}
	case s.attemptOpen:
		return Action{Kind: ActionPerform, Step: n.key, Attempt: s.tries, Delivery: n.delivery}
	default:
		return Action{Kind: ActionSleep, Step: n.key, Until: s.dueAt}
	}
}

func (g *Graph) done(s State) Action {
	return Action{Kind: ActionDone, Step: g.steps[s.at].key, Status: s.status}
}

// fits reports whether s can be a state of g: a damaged one may name steps
// that are not there.
func (g *Graph) fits(s State) bool {
	if s.at < 0 || s.at >= len(g.steps) || s.started != (len(s.steps) > 0) {
		return false
	}
	for i := range s.steps {
		if s.steps[i].index >= len(g.steps) {
			return false
		}
	}
	if s.started && s.current().index != s.at {
		return false
	}
	return !s.attemptOpen || s.tries > 0 && g.steps[s.at].effect != nil
}

// advance is one call of Advance at work on its own copy of the state.
type advance struct {
	g     *Graph
	s     State
	in    Input
	ready bool // in.Data.WaitEvents is filled in
}

// errInput is returned for an input that does not fit the state.
var errInput = errors.New("this input does not fit the run's state")

func (a *advance) input() (Action, error) {
	ended := a.s.Status() != RunRunning
	switch kind := a.in.Kind; {
	case kind == InputRetried:
		return a.retry()
	case ended:
		return a.g.done(a.s), nil
	case kind == InputCancelled:
		return a.cancel(a.in.Code, a.in.Reason), nil
	case kind == InputStarted && !a.s.started:
		return a.start(), nil
	case !a.s.started:
		return Action{}, errInput
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
	a.s.steps[0].startedAt = a.s.since // looking back begins with the event that started the run
	return a.walk()
}

// enter makes the step the current one and opens its record.
func (a *advance) enter(step int) {
	a.s.at, a.s.tries, a.s.attemptOpen, a.s.dueAt = step, 0, false, time.Time{}
	a.s.steps = append(a.s.steps, stepState{index: step, status: StepRunning, startedAt: a.in.Now})
}

// walk executes the current step and those after it, until one needs time, an
// event or the outside world.
func (a *advance) walk() Action {
	for {
		n := &a.g.steps[a.s.at]
		var branch ConnectionType
		switch n.typ {
		case TypeTrigger:
			branch = ConnectionDefault
		case TypeCondition:
			met, record, err := a.decide(n)
			if err != nil {
				return a.fail(FailedCondition, err.Error())
			}
			a.s.current().output = record
			branch = ConnectionConditionNotMet
			if met {
				branch = ConnectionConditionMet
			}
		case TypeDelay:
			return a.sleep(n)
		case TypeWaitForEvent:
			return a.wait(n)
		default:
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

// follow ends the current step and enters the one that the connection of the
// given type, or else the fallback type, leads to. Without one the run is
// completed and follow returns false.
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

// end closes the current record. A record that is skipped stays skipped.
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
	if a.g.readsWait && !a.ready {
		a.in.Data.WaitEvents, a.ready = a.g.waitEvents(a.s), true
	}
	return &a.in.Data
}

func (a *advance) decide(n *node) (met bool, record []byte, err error) {
	var buffer [16]ruleOutcome // everyday rules need no more, and it stays on the stack
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

func (a *advance) wait(n *node) Action {
	st := a.s.current()
	if n.duration > 0 {
		a.s.dueAt = stamp(st.startedAt.Add(n.duration))
	}
	st.status = StepWaiting
	return a.g.Action(a.s)
}

// perform hands out the next attempt at the current step's effect, unless it
// is an email that must not be sent.
func (a *advance) perform(n *node) (action Action, skipped bool) {
	if n.typ == TypeSendEmail {
		if reason := a.skipReason(); reason != "" {
			a.skip(reason)
			return Action{}, true
		}
	}
	a.s.attemptOpen, a.s.dueAt = true, time.Time{}
	a.s.tries++
	a.s.current().status = StepRunning
	return a.g.Action(a.s), false
}

func (a *advance) skipReason() string {
	if c := a.in.Data.Contact; c != nil && c.Unsubscribed {
		return SkippedUnsubscribed
	}
	if limit := a.g.opts.MaxLateness; limit > 0 && a.in.Now.Sub(a.s.since) > limit {
		return SkippedTooLate
	}
	return ""
}

func (a *advance) skip(reason string) {
	st := a.s.current()
	st.status, st.err = StepSkipped, nil
	st.output = appendJSON([]byte(`{"reason":`), reason, '}')
}

// wake goes on with a run whose time has come, or whose last owner is gone.
func (a *advance) wake() Action {
	n := &a.g.steps[a.s.at]
	switch {
	case n.effect != nil && a.s.attemptOpen:
		return a.resume(n)
	case !a.s.dueAt.IsZero() && a.in.Now.Before(a.s.dueAt):
		return a.g.Action(a.s)
	case n.effect != nil:
		return a.walk()
	case a.s.dueAt.IsZero():
		return a.g.Action(a.s) // a wait without timeout
	}
	a.s.since = a.s.dueAt
	if n.typ == TypeWaitForEvent {
		return a.timeOut(n, nil)
	}
	if !a.follow(ConnectionDefault, "") {
		return a.g.done(a.s)
	}
	return a.walk()
}

// resume takes over an effect that was begun by a process that is gone.
func (a *advance) resume(n *node) Action {
	a.attempt(FailedInterrupted, "the process stopped before the outcome was recorded")
	if n.delivery == AtMostOnce {
		return a.unknown()
	}
	a.s.attemptOpen = false
	a.s.tries--
	return a.walk()
}

func (a *advance) unknown() Action {
	return a.fail(FailedUnknown, "the outcome is unknown, and the step may happen at most once")
}

// keptMessage cuts an error's text to what every store can keep.
func keptMessage(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s[:min(len(s), 4096)], "\ufffd"), "\x00", "\ufffd")
}

// attempt records that the current attempt did not succeed.
func (a *advance) attempt(code StepErrorCode, message string) {
	st := a.s.current()
	e := StepError{Code: code, Message: keptMessage(message)}
	kept := st.attempts
	spendsNothing := code == FailedRateLimit || code == FailedInterrupted
	if last := len(kept) - 1; spendsNothing && last >= 0 && kept[last].Number == a.s.tries && kept[last].Error.Code == code {
		kept = kept[:last] // such attempts can come for ever; the latest stands for all
	}
	// The records of the state before share this slice: never append in place.
	st.attempts = append(kept[:len(kept):len(kept)], Attempt{Number: a.s.tries, At: a.in.Now, Error: e})
	st.err = &e
}

// receive resumes a wait, if the event is one that it waits for.
func (a *advance) receive() Action {
	n := &a.g.steps[a.s.at]
	e := a.in.Event
	if n.typ != TypeWaitForEvent || e == nil || e.Name != n.event || !a.timely(n, e) || !a.matches(n) {
		return a.g.Action(a.s)
	}
	if !a.s.dueAt.IsZero() && e.AcceptedAt.After(a.s.dueAt) {
		a.s.since = a.s.dueAt
		return a.timeOut(n, e)
	}
	a.s.since = stamp(e.AcceptedAt)
	st := a.s.current()
	st.output = eventOutput(e)
	a.ready = false
	if !a.follow(ConnectionEventReceived, ConnectionDefault) {
		return a.g.done(a.s)
	}
	return a.walk()
}

// timely reports whether the event was accepted after the wait began, or, with
// lookback, after the run did.
func (a *advance) timely(n *node, e *Event) bool {
	from := a.s.current().startedAt
	if n.lookback {
		from = a.s.steps[0].startedAt
	}
	return !stamp(e.AcceptedAt).Before(from)
}

// matches evaluates the wait's filter on the incoming payload. A filter that
// cannot be evaluated does not match.
func (a *advance) matches(n *node) bool {
	if n.rule == nil {
		return true
	}
	d := *a.data()
	d.Event = a.in.Payload
	met, err := n.rule.eval(&d, nil)
	return met && err == nil
}

// timeOut takes the timeout branch. late is the event that came too late, or
// nil.
func (a *advance) timeOut(n *node, late *Event) Action {
	a.s.current().output = timeoutOutput(a.s.dueAt, late)
	_, timeout := n.target(ConnectionTimeout)
	_, def := n.target(ConnectionDefault)
	if !timeout && !def {
		return a.fail(FailedTimeout, fmt.Sprintf("timed out waiting for %q", n.event))
	}
	a.follow(ConnectionTimeout, ConnectionDefault)
	return a.walk()
}

// outcome takes the report about an effect that was begun.
func (a *advance) outcome() (Action, error) {
	n := &a.g.steps[a.s.at]
	switch a.in.Kind {
	case InputSucceeded:
		return a.succeed(n)
	case InputFailed:
		return a.failure(n), nil
	case InputSkipped:
		a.skip(a.in.Reason)
		if !a.follow(ConnectionDefault, "") {
			return a.g.done(a.s), nil
		}
		return a.walk(), nil
	case InputInterrupted:
		a.attempt(FailedInterrupted, "the process stopped before the outcome was known")
		if n.delivery == AtMostOnce {
			return a.unknown(), nil
		}
		return a.release(), nil
	case InputReleased:
		return a.release(), nil
	}
	return Action{}, errInput
}

// release puts the attempt back, as if it had not been handed out.
func (a *advance) release() Action {
	a.s.attemptOpen = false
	a.s.tries--
	a.s.dueAt = a.in.Now
	return a.g.Action(a.s)
}

func (a *advance) succeed(n *node) (Action, error) {
	st := a.s.current()
	st.output, st.err = a.in.Output, nil
	if n.typ == TypeContactDelete {
		a.end(StepCompleted)
		a.finish(RunCompleted)
		return a.g.done(a.s), nil
	}
	branch := a.in.Branch
	if branch == "" {
		branch = ConnectionDefault
	}
	if n.typ != TypeSendEmail && branch != ConnectionDefault {
		st.branch = branch
	}
	if !a.follow(branch, "") {
		return a.g.done(a.s), nil
	}
	return a.walk(), nil
}

// failure ends the step, or lets it try again later.
func (a *advance) failure(n *node) Action {
	err := a.in.Err
	var limited *RateLimitError
	var reference *ReferenceError
	switch {
	case errors.As(err, &reference):
		return a.fail(FailedReference, err.Error())
	case errors.As(err, &limited):
		a.attempt(FailedRateLimit, err.Error())
		a.s.tries--
		return a.backOff(max(limited.After, 0))
	case errors.Is(err, ErrPermanent):
		a.attempt(FailedPermanently, err.Error())
		return a.fail(FailedPermanently, err.Error())
	}
	a.attempt(FailedEffect, err.Error())
	if n.delivery == AtMostOnce && outcomeUnknown(err) {
		return a.unknown()
	}
	if a.s.tries >= a.g.opts.Retry.MaxAttempts {
		return a.fail(FailedEffect, fmt.Sprintf("%d attempts failed, the last with: %s", a.s.tries, err))
	}
	return a.backOff(a.g.opts.Retry.backoff(a.s.RunID, n.key, a.s.tries))
}

// outcomeUnknown reports whether an effect that failed with err may have
// happened all the same.
func outcomeUnknown(err error) bool {
	var broken net.Error
	return errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &broken)
}

func (a *advance) backOff(d time.Duration) Action {
	if d == 0 {
		d = a.g.opts.Retry.Initial
	}
	a.s.attemptOpen = false
	a.s.dueAt = stamp(a.in.Now.Add(d))
	return a.g.Action(a.s)
}

func (a *advance) cancel(code StepErrorCode, reason string) Action {
	if !a.s.started {
		a.s.started = true
		a.enter(0)
	}
	if a.s.attemptOpen {
		a.attempt(FailedInterrupted, "the process stopped before the outcome was recorded")
	}
	a.s.current().err = &StepError{Code: code, Message: reason}
	a.end(StepCancelled)
	a.finish(RunCancelled)
	return a.g.done(a.s)
}

// retry opens the failed step again. A wait begins anew, with its full timeout.
func (a *advance) retry() (Action, error) {
	if a.s.Status() == RunRunning && a.s.started {
		return a.g.Action(a.s), nil
	}
	if a.s.status != RunFailed {
		return Action{}, fmt.Errorf("it is %s, and only a failed run can be retried: %w", a.s.status, ErrConflict)
	}
	st := a.s.current()
	st.status, st.err, st.output, st.branch = StepRunning, nil, nil, ""
	st.startedAt, st.completedAt = a.in.Now, time.Time{}
	a.s.status, a.s.tries, a.s.since = RunRunning, 0, a.in.Now
	return a.walk(), nil
}

// waitEvents returns the payload of the last event received for each name.
func (g *Graph) waitEvents(s State) map[string]map[string]any {
	var events map[string]map[string]any
	for i := range s.steps {
		st := &s.steps[i]
		n := &g.steps[st.index]
		if n.typ != TypeWaitForEvent || st.status != StepCompleted {
			continue
		}
		if payload, ok := receivedPayload(st.output); ok {
			if events == nil {
				events = make(map[string]map[string]any, 1)
			}
			events[n.event] = payload
		}
	}
	return events
}
