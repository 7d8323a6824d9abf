//go:build unix

package soak

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// checkRun checks that the path of a run through its graph follows from its events.
func (a *audit) checkRun(run *automation.Run) {
	e, p := a.ledger.events[run.EventID], a.people[run.ContactID]
	if e == nil || p == nil || p.person != e.Person || p.life != e.Life {
		a.problem("run %s has event %s and contact %s, which do not belong together", run.ID, run.EventID, run.ContactID)
		return
	}
	c := &runCheck{a, run, e, p, map[string]automation.StepRun{}}
	for _, s := range run.Steps {
		c.steps[s.Key] = s
	}
	if len(c.steps) != len(run.Steps) {
		a.problem("run %s has a step twice", run.ID)
	}
	if p.gone != nil && (p.gone.Removal == erasure || run.Status != automation.RunCompleted) {
		c.gone()
		return
	}
	switch run.AutomationID {
	case orderFlow:
		c.order()
	case receiptFlow:
		c.receipt()
	case cartFlow:
		c.cart()
	case invoiceFlow:
		c.invoice()
	case giftFlow:
		c.ended(automation.RunCompleted)
		c.email("gift", 0)
	default:
		c.signup()
	}
}

// runCheck checks one run.
type runCheck struct {
	*audit
	run    *automation.Run
	event  *sent
	person *personRecord
	steps  map[string]automation.StepRun
}

func (c *runCheck) is(key string, want automation.StepStatus) {
	if got := c.steps[key].Status; got != want {
		c.problem("run %s: step %s is %s instead of %s", c.run.ID, key, got, want)
	}
}

func (c *runCheck) ended(want automation.RunStatus) {
	if c.run.Status != want || c.run.CompletedAt.IsZero() {
		c.problem("run %s has status %s at step %s instead of %s: %+v", c.run.ID, c.run.Status, c.run.Step, want, c.run.Error)
	}
}

func (c *runCheck) order() {
	c.ended(automation.RunCompleted)
	c.is("mark", automation.StepCompleted)
	c.person.last["last_order"] = max(c.person.last["last_order"], c.event.N)
	if c.event.Plan == goldPlan {
		c.person.gold = true
		c.is("tag", automation.StepCompleted)
		c.is("pause", automation.StepSkipped)
	} else {
		c.is("tag", automation.StepSkipped)
		c.is("pause", automation.StepCompleted)
		if s := c.steps["pause"]; s.CompletedAt.Before(s.StartedAt.Add(pause)) {
			c.problem("run %s slept only from %s to %s", c.run.ID, s.StartedAt, s.CompletedAt)
		}
	}
	c.email("thanks", 0)
	if cause := c.wait("review", evReview, reviewTimeout); cause == nil {
		c.is("praise", automation.StepSkipped)
		c.is("glad", automation.StepSkipped)
		c.email("nudge", 0)
	} else {
		c.is("praise", automation.StepCompleted)
		c.person.last["last_review"] = max(c.person.last["last_review"], cause.N)
		c.email("glad", cause.N)
		c.is("nudge", automation.StepSkipped)
	}
}

func (c *runCheck) receipt() {
	if c.run.Status == automation.RunFailed {
		c.failed()
		return
	}
	c.ended(automation.RunCompleted)
	c.email("once", 0)
}

// cart checks that a run ended by itself, was cancelled, or ended with the first event after its
// own that is an order with its plan, which is an exit, or a view with it, which starts the run
// that replaces it.
func (c *runCheck) cart() {
	run := c.run
	var next *sent
	for _, e := range c.person.events {
		if e.N > c.event.N && e.Plan == c.event.Plan && (e.Name == evOrder || e.Name == evView) {
			next = e
			break
		}
	}
	switch {
	case run.Status == automation.RunCompleted && run.Exit == nil:
		c.ended(automation.RunCompleted)
		c.email("reminder", 0)
		c.email("last", 0)
	case run.Exit != nil:
		c.ended(automation.RunCompleted)
		if next == nil || next.Name != evOrder || c.ledger.events[run.Exit.EventID] != next {
			c.problem("run %s ended with event %s, and the next of its plan is %+v", run.ID, run.Exit.EventID, next)
		}
	case run.Error != nil && run.Error.Code == automation.CancelledReplaced:
		c.ended(automation.RunCancelled)
		var output struct {
			By string `json:"replaced_by"`
		}
		if err := json.Unmarshal(c.steps[run.Step].Output, &output); err != nil {
			c.problem("run %s: output of %s: %w", run.ID, run.Step, err)
		}
		i := slices.IndexFunc(c.runs, func(other automation.Run) bool { return other.ID == output.By })
		if next == nil || next.Name != evView || i < 0 || c.ledger.events[c.runs[i].EventID] != next {
			c.problem("run %s is replaced by %s, and the next event of its plan is %+v", run.ID, output.By, next)
		}
	default:
		c.ended(automation.RunCancelled)
		if run.Error == nil || run.Error.Code != automation.CancelledByRequest {
			c.problem("run %s ended with %+v", run.ID, run.Error)
		}
	}
}

// invoice checks that a run failed if the mailer rejected its bill, and went on from there after a
// retry, unless a review had come in between.
func (c *runCheck) invoice() {
	run := c.run
	c.is("number", automation.StepCompleted)
	c.person.last["last_invoice"] = max(c.person.last["last_invoice"], c.event.N)
	retry := c.ledger.retries[run.ID]
	switch {
	case run.Exit != nil:
		c.ended(automation.RunCompleted)
		end, at := c.ledger.events[run.Exit.EventID], run.Exit.At
		if retry == nil {
			at = time.Time{} // the run would have ended with a review that is pruned by now
		}
		if end == nil || end.Name != evReview || end.Person != c.event.Person || end.N < c.event.N || c.reviewed(end.N, at) != nil {
			c.problem("run %s ended with event %s, which is not the first review after its own", run.ID, run.Exit.EventID)
		}
	case run.Status == automation.RunFailed:
		c.failed()
	default:
		c.ended(automation.RunCompleted)
		c.email(billTemplate, 0)
		c.email("filed", 0)
		if c.ledger.rejected[c.key(billTemplate)] > 0 {
			c.retried(retry)
		}
	}
}

// retried checks that a run which failed had a retry, and no review before it.
func (c *runCheck) retried(retry *retry) {
	if retry == nil {
		c.problem("run %s failed, and completed without a retry", c.run.ID)
	} else if e := c.reviewed(math.MaxInt, c.steps[billTemplate].CompletedAt); e != nil && e.acked.Before(retry.began) {
		c.problem("run %s was retried past event %s, which ends it", c.run.ID, e.eventID)
	}
}

// reviewed returns the first review after the event of the run and before the person's event with
// the number until, of those that no node had pruned at a time.
func (c *runCheck) reviewed(until int, at time.Time) *sent {
	for _, e := range c.person.events {
		old, pruned := c.ledger.archive.since[e.eventID]
		if e.Name == evReview && e.N > c.event.N && e.N < until && (!pruned || old.After(at)) {
			return e
		}
	}
	return nil
}

// failed checks that the run failed as only the mailer can make it fail, and that no retry of it
// was lost.
func (c *runCheck) failed() {
	run := c.run
	c.is(run.Step, automation.StepFailed)
	switch retry := c.ledger.retries[run.ID]; {
	case run.AutomationID == receiptFlow && run.Error.Code == automation.FailedUnknown:
		// the outcome was lost with a node, or with an answer
	case run.AutomationID != invoiceFlow || run.Error.Code != automation.FailedPermanently || c.ledger.rejected[c.key(billTemplate)] == 0:
		c.problem("run %s failed at step %s: %+v", run.ID, run.Step, run.Error)
	case retry != nil && retry.accepted:
		c.problem("a retry of run %s is lost", run.ID)
	}
}

func (c *runCheck) signup() {
	cause := c.wait("closing", evClose, 0)
	if cause == nil {
		if c.run.Status != automation.RunRunning || !slices.Equal(c.run.Listens, []string{evClose}) || !c.run.DueAt.IsZero() {
			c.problem("run %s has status %s at %s instead of waiting without a time-out", c.run.ID, c.run.Status, c.run.Step)
		}
		return
	}
	c.ended(automation.RunCompleted)
	c.is("leave", automation.StepCompleted)
	c.person.last["last_close"] = max(c.person.last["last_close"], cause.N)
	c.email("bye", cause.N)
}

// wait checks a wait and returns the event that ended the wait, or nil after a time-out. The
// event must be the first accepted one that matched. An event may miss the deadline if its
// acceptance was confirmed only after the deadline. An event from before the wait may end it if
// the claim under which the wait began did not bring the event. A claim is renewed while an
// email of it is on its way, so it may be some leases old.
func (c *runCheck) wait(key, name string, timeout time.Duration) *sent {
	s := c.steps[key]
	var output struct {
		EventID string `json:"event_id"`
	}
	if s.Output != nil {
		if err := json.Unmarshal(s.Output, &output); err != nil {
			c.problem("run %s: output of %s: %w", c.run.ID, key, err)
		}
	}
	cause := c.ledger.events[output.EventID]
	deadline, until := s.StartedAt.Add(timeout), s.StartedAt.Add(timeout)
	if cause != nil {
		until = c.accepted[output.EventID]
	}
	for id, e := range c.ledger.events {
		at := c.accepted[id]
		if e.Person != c.event.Person || e.Life != c.event.Life || e == cause || !matches(e, name) || !at.After(s.StartedAt) {
			continue
		}
		if timeout == 0 && cause == nil || at.Before(until) && (cause != nil || !e.acked.After(deadline)) {
			c.problem("run %s: step %s, begun at %s, missed event %s of %s", c.run.ID, key, s.StartedAt, id, at)
		}
	}
	c.branches[s.Branch]++
	switch {
	case cause == nil && timeout == 0:
		c.is(key, automation.StepWaiting)
	case cause == nil:
		c.is(key, automation.StepCompleted)
		if s.Branch != automation.ConnectionTimeout || s.CompletedAt.Before(deadline) {
			c.problem("run %s: step %s timed out at %s, too early, or took branch %s", c.run.ID, key, s.CompletedAt, s.Branch)
		}
	case !matches(cause, name) || cause.Person != c.event.Person || cause.Life != c.event.Life || cause.acked.Before(s.StartedAt.Add(-10*lease)) || timeout > 0 && until.After(deadline):
		c.problem("run %s: step %s, begun at %s, took event %s of %s", c.run.ID, key, s.StartedAt, output.EventID, until)
	}
	return cause
}

// matches reports whether a wait for events with this name takes e.
func matches(e *sent, name string) bool {
	return e.Name == name && (name != evReview || e.Score >= matchingScore)
}

// email checks that the email of a step arrived, with the variables that the step gives.
// The contact must have the properties from earlier steps of the run by then.
func (c *runCheck) email(key string, cause int) {
	c.is(key, automation.StepCompleted)
	d := c.arrived(key)
	if d == nil {
		return
	}
	var output struct {
		EmailID string `json:"email_id"`
	}
	if err := json.Unmarshal(c.steps[key].Output, &output); err != nil || output.EmailID != "id-"+d.Key {
		c.problem("email %s is recorded as %s", d.Key, c.steps[key].Output)
	}
	want := map[string]string{"n": fmt.Sprint(c.event.N)}
	if cause != 0 {
		want["cause"] = fmt.Sprint(cause)
	}
	got := maps.Clone(d.Variables)
	if last, ok := got["last"]; ok {
		delete(got, "last")
		var n int
		if _, err := fmt.Sscan(last, &n); err != nil || n < c.event.N {
			c.problem("email %s for event %d was sent before the contact had it: last is %s", d.Key, c.event.N, last)
		}
	}
	if !maps.Equal(got, want) {
		c.problem("email %s has %v instead of %v", d.Key, got, want)
	}
}

// key returns the idempotency key of the email of a step.
func (c *runCheck) key(step string) string { return "run/" + c.run.ID + "/" + step }

// arrived returns what arrived of the email of a step, nil if nothing did. It must be for the
// event and the person of the run.
func (c *runCheck) arrived(step string) *delivery {
	d := c.ledger.emails[c.key(step)]
	if d == nil {
		c.problem("email %s is recorded and did not arrive", c.key(step))
		return nil
	}
	if d.Variables["n"] != fmt.Sprint(c.event.N) || d.To != address(c.event.Person) {
		c.problem("email %s for event %d went to %s with %v", d.Key, c.event.N, d.To, d.Variables)
	}
	return d
}
