package observe

import (
	"time"

	"github.com/seed-b636437c/automation"
)

// Observe implements automation.Observer.
func (m *Metrics) Observe(n automation.Notice) {
	switch n := n.(type) {
	case *automation.EventAccepted:
		m.recorder.Add(eventsAccepted, 1)
	case *automation.EventHandled:
		m.recorder.Add(eventsHandled, 1, handled(n))
		m.recorder.Record(eventHandling, seconds(n.At.Sub(n.Event.AcceptedAt)))
	case *automation.RunStarted:
		m.recorder.Add(runsStarted, 1, m.automations.label(n.Run.AutomationID))
	case *automation.RunEnded:
		m.recorder.Add(runsEnded, 1, m.automations.label(n.Run.AutomationID), string(n.Run.Status))
	case *automation.StepChanged:
		m.step(n)
	}
}

func handled(n *automation.EventHandled) string {
	switch {
	case len(n.Started) > 0:
		return "started"
	case len(n.Resumed) > 0:
		return "resumed"
	case len(n.Ended) > 0:
		return "ended"
	default:
		return "none"
	}
}

func (m *Metrics) step(n *automation.StepChanged) {
	name, typ := m.automations.label(n.Run.AutomationID), string(n.Step.Type)
	if e, outcome := Failure(n); e != nil {
		m.recorder.Add(stepFailures, 1, name, typ, string(e.Code), outcome)
	}
	if Ended(n) {
		m.recorder.Add(stepsEnded, 1, name, typ, string(n.Step.Status))
		m.recorder.Record(stepDuration, seconds(n.At.Sub(n.Step.StartedAt)), typ)
	}
}

// Ended reports whether n is the notice of a step that ended.
func Ended(n *automation.StepChanged) bool {
	switch n.Step.Status {
	case automation.StepCompleted, automation.StepFailed, automation.StepSkipped, automation.StepCancelled:
		return true
	}
	return false
}

// The outcomes of a failure.
const (
	FailureRetried = "retried" // the attempt is tried again
	FailureEnded   = "failed"  // the failure ended the step
)

// Failure returns the failure that n is the notice of and its outcome. The error is nil if n
// is about something else.
func Failure(n *automation.StepChanged) (e *automation.StepError, outcome string) {
	tries := n.Step.Attempts
	switch {
	case n.Step.Status == automation.StepFailed && n.Step.Error != nil:
		return n.Step.Error, FailureEnded
	case n.Step.Status != automation.StepRunning || len(tries) == 0:
		return nil, ""
	}
	last := &tries[len(tries)-1]
	// An interrupted attempt is repeated at once, and every other one after a back-off. A
	// run that continues on request has neither.
	if !last.At.Equal(n.At) || !n.Run.DueAt.After(n.At) && last.Error.Code != automation.FailedInterrupted {
		return nil, ""
	}
	return &last.Error, FailureRetried
}

// seconds returns d in seconds. It is not negative, although clocks of several processes
// may differ.
func seconds(d time.Duration) float64 { return max(0, d.Seconds()) }
