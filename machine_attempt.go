package automation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Effect returns the effect of the last ActionPerform, with its references resolved. Call
// Effect right before performing the effect, with the contact's latest data. If Effect
// returns an error, pass the error to Advance as InputFailed.
func (g *Graph) Effect(s State, d Data) (Effect, error) {
	if !s.attemptOpen || !g.fits(s) {
		return nil, fmt.Errorf("automation: run %s has no effect to perform", s.RunID)
	}
	n := &g.steps[s.at]
	if d.Contact == nil {
		return nil, Permanent(errNoContact)
	}
	d = g.dataOf(&s, d)
	if _, isCustom := n.effect.(*customEffect); isCustom {
		d.Run = g.runData(&s, d.Run)
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

// dataOf adds to d what the steps of g read of the run.
func (g *Graph) dataOf(s *State, d Data) Data {
	if g.readsWait {
		d.WaitEvents = g.waitEvents(*s)
	}
	if len(g.readsSteps) > 0 {
		d.Steps = g.outputs(s, nil)
	}
	if g.readsRun {
		d.Run = g.runData(s, d.Run)
	}
	return d
}

// perform opens the next attempt of the current step's effect. It skips an email that
// must not be sent.
func (a *advance) perform(n *node) (action Action, skipped bool) {
	if n.typ == TypeSendEmail {
		if reason := a.skipReason(n); reason != "" {
			a.skip(reason)
			return Action{}, true
		}
		if a.hold(n) {
			return a.g.Action(a.s), false
		}
		if n.window != nil {
			a.s.current().setOutput(nil) // that of a hold
		}
	}
	a.s.attemptOpen, a.s.dueAt = true, time.Time{}
	a.s.tries++
	a.s.current().status = StepRunning
	return a.g.Action(a.s), false
}

func (a *advance) skipReason(n *node) string {
	if c := a.in.Data.Contact; c != nil && c.Unsubscribed {
		return SkippedUnsubscribed
	}
	if limit := a.g.opts.MaxLateness; limit > 0 && a.in.Now.Sub(a.due(n)) > limit {
		return SkippedTooLate
	}
	return ""
}

func (a *advance) skip(reason string) {
	st := a.s.current()
	st.status, st.err = StepSkipped, nil
	st.setOutput(appendJSON([]byte(`{"reason":`), reason, '}'))
}

// resume takes over an attempt that a process left open when it ended.
func (a *advance) resume(n *node) Action {
	if a.s.exit != nil {
		return a.leave(*a.s.exit)
	}
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

// keptMessage limits an error's text to what every store can keep.
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
		kept = kept[:last] // there is no limit to such attempts, so only the latest is kept
	}
	if excess := len(kept) + 1 - keptFirst - keptLast; excess > 0 {
		st.omitted += excess
		kept = append(kept[:keptFirst:keptFirst], kept[keptFirst+excess:]...)
	}
	// The previous state shares this slice: never append in place.
	st.attempts = append(kept[:len(kept):len(kept)], Attempt{Number: a.s.tries, At: a.in.Now, Error: e})
	st.err = &e
}

// How many failed attempts of a step the state keeps: the first and the last ones. A long
// outage, and retries by request after it, must not make a state ever larger.
const (
	keptFirst = 5
	keptLast  = 10
)

// outcome applies the outcome of the open attempt.
func (a *advance) outcome() (Action, error) {
	n := &a.g.steps[a.s.at]
	if a.s.exit != nil {
		return a.settle(), nil
	}
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
		return a.goOn(), nil
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

// release closes the attempt without an outcome, as if it had never been open.
func (a *advance) release() Action {
	a.s.attemptOpen = false
	a.s.tries--
	a.s.dueAt = a.in.Now
	return a.g.Action(a.s)
}

func (a *advance) succeed(n *node) (Action, error) {
	st := a.s.current()
	st.setOutput(a.sentOutput(n, a.in.Output))
	st.err = nil
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
	return a.goOn(), nil
}

// goOn executes the step after an effect, unless the run has reached its maximum age.
func (a *advance) goOn() Action {
	if a.isTooOld() {
		return a.tooOld()
	}
	return a.walk()
}

// failure ends the step, or schedules another attempt.
func (a *advance) failure(n *node) Action {
	err := a.in.Err
	var limited *RateLimitError
	var reference *ReferenceError
	var mismatch *SchemaError
	switch {
	case errors.As(err, &mismatch):
		return a.fail(FailedSchema, err.Error())
	case errors.As(err, &reference):
		return a.fail(FailedReference, err.Error())
	case errors.As(err, &limited):
		a.attempt(FailedRateLimit, err.Error())
		a.s.tries--
		return a.backOff(cmp.Or(max(limited.After, 0), n.retry.Initial))
	case errors.Is(err, ErrPermanent):
		a.attempt(FailedPermanently, err.Error())
		return a.fail(FailedPermanently, err.Error())
	}
	a.attempt(FailedEffect, err.Error())
	if n.delivery == AtMostOnce && outcomeUnknown(err) {
		return a.unknown()
	}
	backOff, again := n.retry.next(a.s.RunID, n.key, a.s.tries)
	if !again {
		return a.fail(FailedEffect, fmt.Sprintf("%d attempts failed, the last with: %s", a.s.tries, err))
	}
	return a.backOff(backOff)
}

// outcomeUnknown reports whether an effect may have happened although it failed with err.
func outcomeUnknown(err error) bool {
	var broken net.Error
	return errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &broken)
}

func (a *advance) backOff(d time.Duration) Action {
	a.s.attemptOpen = false
	a.s.dueAt = stamp(a.in.Now.Add(d))
	return a.g.Action(a.s)
}

// sendsEmail reports whether the effect of the current step of s is an email.
func (g *Graph) sendsEmail(s State) bool { return g.steps[s.at].typ == TypeSendEmail }

// changesContact reports whether the effect of the current step of s changes or deletes
// the contact.
func (g *Graph) changesContact(s State) bool {
	switch g.steps[s.at].effect.(type) {
	case *contactEffect, segmentEffect, deleteEffect:
		return true
	}
	return false
}
