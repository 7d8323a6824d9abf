package automation

import (
	"fmt"
	"slices"
	"time"
)

// exit is a compiled Exit.
type exit struct {
	events []listener
	names  []string // of the events, sorted, each once
	while  *CompiledRule
	maxAge time.Duration
}

// exit compiles the rules of exit, nil if there are none.
func (c *compiler) exit(a Automation) (*exit, error) {
	given := a.Exit.given()
	if given == nil {
		return nil, nil
	}
	x := &exit{maxAge: given.MaxAge.Std()}
	err := given.MaxAge.Err()
	for i, l := range given.Events {
		compiled, listenErr := c.listener(l)
		if listenErr != nil {
			err = firstErr(err, fmt.Errorf("exit event %d: %w", i+1, listenErr))
		}
		x.events, x.names = append(x.events, compiled), append(x.names, l.EventName)
	}
	slices.Sort(x.names)
	x.names = slices.Compact(x.names)
	if !given.WhileRule.IsZero() {
		var ruleErr error
		x.while, ruleErr = c.rule(given.WhileRule)
		err = firstErr(err, ruleErr)
	}
	return x, err
}

// rule returns the rule that must hold for a run to go on, or nil.
func (x *exit) rule() *CompiledRule {
	if x == nil {
		return nil
	}
	return x.while
}

// exitNames returns the names of the events that can end a run of the graph.
func (g *Graph) exitNames() []string {
	if g.exit == nil {
		return nil
	}
	return g.exit.names
}

// heeds reports whether an event can end a run of the graph wherever it is, so that pending
// events are handled before an effect of the run begins.
func (g *Graph) heeds() bool {
	return g.exit != nil && len(g.exit.events) > 0 || g.whileRunning() == ReentryRestart
}

// listens returns the names of the events that can change a run of the graph that needs the
// action next, as RunRecord.Listens has them.
func (g *Graph) listens(a *Action) []string {
	names := a.listens()
	if a.Kind == ActionDone || len(g.exitNames()) == 0 {
		return names
	}
	all := append(slices.Clone(names), g.exit.names...)
	slices.Sort(all)
	return slices.Compact(all)
}

// Exits reports whether an event ends a run, and why: the first of Exit.Events that matches.
// The input has the Event, its decoded Payload, and the Data of the run. An event that was
// accepted after Exit.MaxAge ends nothing: the run is cancelled. The event that started the
// run is for the caller to leave out. The error is that of a filter that cannot be evaluated;
// such a filter does not match. Exits is a pure function, as Advance is.
func (g *Graph) Exits(s State, in Input) (RunExit, bool, error) {
	var failed error
	if g.exit == nil || in.Event == nil || !s.started || !g.fits(s) || s.Status() == RunCompleted || s.Status() == RunCancelled {
		return RunExit{}, false, nil
	}
	if end := g.deadline(&s); !end.IsZero() && stamp(in.Event.AcceptedAt).After(end) {
		return RunExit{}, false, nil
	}
	a := advance{g: g, s: s, in: in}
	for i := range g.exit.events {
		l := &g.exit.events[i]
		matched, err := l.hears(a.data(), in.Event, in.Payload)
		if err != nil {
			failed = firstErr(failed, err)
		}
		if matched {
			return RunExit{
				Reason: ExitEvent, Name: string(l.name), EventID: in.Event.ID, Step: g.steps[s.at].key, At: stamp(in.Now),
			}, true, nil
		}
	}
	return RunExit{}, false, failed
}

// deadline returns when the run's maximum age ends, the zero time for never.
func (g *Graph) deadline(s *State) time.Time {
	if g.exit == nil || g.exit.maxAge <= 0 || !s.started {
		return time.Time{}
	}
	return stamp(s.startedAt().Add(g.exit.maxAge))
}

// dueAt returns when the run must be woken: State.DueAt, or the end of its maximum age if
// that comes first.
func (g *Graph) dueAt(s *State) time.Time {
	end := g.deadline(s)
	if end.IsZero() || s.Status() != RunRunning || s.attemptOpen {
		return s.dueAt
	}
	if s.dueAt.IsZero() || end.Before(s.dueAt) {
		return end
	}
	return s.dueAt
}

// isTooOld reports whether the run's maximum age ended before what the run is due for, and by
// now. What was due earlier comes first, also when it is late.
func (a *advance) isTooOld() bool {
	end := a.g.deadline(&a.s)
	return !end.IsZero() && !a.in.Now.Before(end) && (a.s.dueAt.IsZero() || a.s.dueAt.After(end))
}

// tooOld cancels a run that has reached its maximum age.
func (a *advance) tooOld() Action {
	return a.cancel(CancelledMaxAge, fmt.Sprintf("the run has reached its maximum age of %s", DurationOf(a.g.exit.maxAge)))
}

// exitReplaced is why a run ends that another run of its unit replaces. Such a run is
// cancelled, so that RunExit never has this reason.
const exitReplaced ExitReason = "replaced"

// exits ends the run for the reason of the input. An attempt that is in flight, for an engine
// that gets its outcome later, is recorded first.
func (a *advance) exits() Action {
	x := a.in.Exit
	x.Step, x.At = a.g.steps[a.s.at].key, a.in.Now
	if a.s.attemptOpen && a.in.inFlight {
		if a.s.exit == nil {
			a.s.exit = &x
		}
		return a.g.Action(a.s)
	}
	return a.leave(x)
}

// leave ends the run early. A failed run, whose retry ends at an event that came in the
// meantime, keeps the record of its failed step.
func (a *advance) leave(x RunExit) Action {
	if x.Reason == exitReplaced {
		a.s.exit = nil
		action := a.cancel(CancelledReplaced, fmt.Sprintf("run %s of the same unit replaced it", x.Name))
		a.s.current().setOutput(replacedBy(x.Name))
		return action
	}
	a.s.exit = &x
	if a.s.status != RunFailed {
		if a.s.attemptOpen {
			a.cutOff()
		}
		if a.s.current().completedAt.IsZero() {
			a.end(StepCancelled)
		}
	}
	a.finish(RunCompleted)
	return a.g.done(a.s)
}

// cutOff records an attempt that is not repeated, although its outcome is not known.
func (a *advance) cutOff() {
	code, message := FailedInterrupted, "the process stopped before the outcome was recorded"
	if a.g.steps[a.s.at].delivery == AtMostOnce {
		code, message = FailedUnknown, "the outcome is unknown, and the step may happen at most once"
	}
	a.attempt(code, message)
	a.s.attemptOpen = false
}

// settle records the outcome of the open attempt, and ends the run, whose exit came while the
// attempt was in flight.
func (a *advance) settle() Action {
	switch a.in.Kind {
	case InputSucceeded:
		a.s.current().setOutput(a.in.Output)
		a.s.current().err = nil
	case InputSkipped:
		a.skip(a.in.Reason)
	case InputFailed:
		a.attempt(FailedEffect, a.in.Err.Error())
	case InputInterrupted:
		a.cutOff()
	}
	a.s.attemptOpen = false
	if a.in.Kind == InputSucceeded || a.in.Kind == InputSkipped {
		a.end(StepCompleted)
	}
	return a.leave(*a.s.exit)
}

// staysIn reports whether the rule holds that must hold for a run to go on. It does not hold if
// it cannot be evaluated.
func (g *Graph) staysIn(s State, d Data) bool {
	rule := g.exit.rule()
	if rule == nil {
		return true
	}
	a := advance{g: g, s: s, in: Input{Now: d.Now, Data: d}}
	held, err := rule.eval(a.data(), nil)
	return err == nil && held
}

// staysIn reports whether the run may go on with its current step. If not, it has ended with
// the action: the rule that must hold does not, or cannot be evaluated.
func (a *advance) staysIn() (action Action, ok bool) {
	rule := a.g.exit.rule()
	if rule == nil {
		return Action{}, true
	}
	held, err := rule.eval(a.data(), nil)
	switch {
	case err != nil:
		return a.fail(FailedCondition, fmt.Sprintf("while_rule: %s", err)), false
	case held:
		return Action{}, true
	default:
		return a.leave(RunExit{Reason: ExitCondition, Step: a.g.steps[a.s.at].key, At: a.in.Now}), false
	}
}
