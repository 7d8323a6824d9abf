package automationtest

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation"
)

// Run is one run, for queries and assertions. Every method reads the present state of the
// run.
type Run struct {
	// ID is the run's id.
	ID string

	h *Harness
}

// Runs returns the runs of the contact with this email, and of contacts that had this email
// before, oldest first. of is the name or the id of an automation that was given to New.
// Empty means all automations.
func (h *Harness) Runs(email, of string) []*Run {
	h.t.Helper()
	if c, err := h.find(email); err == nil {
		h.meet(c)
	}
	var runs []*Run
	for _, id := range h.people[automation.EmailKey(email)] {
		runs = append(runs, h.runsOf(id, of)...)
	}
	return runs
}

// runsOf returns the runs of one contact, oldest first.
func (h *Harness) runsOf(contactID, of string) []*Run {
	h.t.Helper()
	var runs []*Run
	for r, err := range automation.Each(context.Background(), h.Runner.ListRuns, automation.RunQuery{ContactID: contactID}) {
		h.must("", err)
		if h.is(r.AutomationID, of) {
			runs = append(runs, &Run{ID: r.ID, h: h})
		}
	}
	slices.Reverse(runs)
	return runs
}

// Run returns the latest of Runs. The test fails at once if there is no run.
func (h *Harness) Run(email, of string) *Run {
	h.t.Helper()
	runs := h.Runs(email, of)
	if len(runs) == 0 {
		h.t.Fatalf("%s has no runs of %q: %s", email, of, h.whyNoRun(email, of))
	}
	return runs[len(runs)-1]
}

// AssertNoRuns checks that no run was ever started for this email.
func (h *Harness) AssertNoRuns(email string) {
	h.t.Helper()
	for _, r := range h.Runs(email, "") {
		run := r.Get()
		h.t.Errorf("%s has a run of %q, which is %s; it should have none", email, run.AutomationID, run.Status)
	}
}

// Get returns the run with its steps.
func (r *Run) Get() automation.Run {
	r.h.t.Helper()
	run, err := r.h.Runner.GetRun(context.Background(), r.ID)
	r.h.must("", err)
	return run
}

// Step returns the record of one step. The test fails at once if the automation
// has no such step.
func (r *Run) Step(key string) automation.StepRun {
	r.h.t.Helper()
	_, step := r.step(key)
	return step
}

func (r *Run) step(key string) (automation.Run, automation.StepRun) {
	r.h.t.Helper()
	run := r.Get()
	i := slices.IndexFunc(run.Steps, func(s automation.StepRun) bool { return s.Key == key })
	if i < 0 {
		r.h.t.Fatalf("automation %q has no step %q", run.AutomationID, key)
	}
	return run, run.Steps[i]
}

// Path returns the keys of the steps that the run has reached, in order, skipped emails
// included.
func (r *Run) Path() []string {
	r.h.t.Helper()
	return path(r.Get())
}

// path relies on the graph order, in which each step comes after those that
// lead to it.
func path(run automation.Run) []string {
	var keys []string
	for _, s := range run.Steps {
		if !s.StartedAt.IsZero() {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// AssertPath checks which steps the run has reached, the trigger included.
func (r *Run) AssertPath(keys ...string) {
	r.h.t.Helper()
	if got := r.Path(); !slices.Equal(got, keys) {
		r.h.t.Errorf("path of the run:\n\tgot  %s\n\twant %s", list(got), list(keys))
	}
}

// AssertStatus checks the status of the run.
func (r *Run) AssertStatus(want automation.RunStatus) {
	r.h.t.Helper()
	run := r.Get()
	if run.Status == want {
		return
	}
	r.h.t.Errorf("the run is %s at step %q%s, want %s", run.Status, run.Step, because(run.Error), want)
}

// AssertStep checks the status of a step of the run.
func (r *Run) AssertStep(key string, want automation.StepStatus) {
	r.h.t.Helper()
	if _, step := r.step(key); step.Status != want {
		r.h.t.Errorf("step %q is %s%s, want %s", key, step.Status, because(step.Error), want)
	}
}

// AssertBranch checks the outcome of a condition, which branch a branch step or a split took, whether a wait received its event or
// timed out, or the type of the connection by which the run has left any other step.
func (r *Run) AssertBranch(key string, want automation.ConnectionType) {
	r.h.t.Helper()
	run, step := r.step(key)
	got := step.Branch
	if got == "" {
		got = r.h.taken(run, key)
	}
	switch got {
	case want:
	case "":
		r.h.t.Errorf("step %q is %s and has taken no branch, want %s", key, step.Status, want)
	default:
		r.h.t.Errorf("step %q has taken the branch %s, want %s", key, got, want)
	}
}

// taken returns the type of the connection by which the run has left a step, or "" if the
// run has not left the step.
func (h *Harness) taken(run automation.Run, from string) automation.ConnectionType {
	h.t.Helper()
	keys := path(run)
	i := slices.Index(keys, from)
	if i < 0 || i+1 == len(keys) {
		return ""
	}
	a, err := h.Runner.GetAutomation(context.Background(), run.AutomationID)
	h.must("", err)
	for _, c := range a.Connections {
		if c.From == from && c.To == keys[i+1] {
			if c.Type == "" {
				return automation.ConnectionDefault
			}
			return c.Type
		}
	}
	return ""
}

// AssertWaiting checks that the run is in the middle of this delay or wait.
func (r *Run) AssertWaiting(key string) {
	r.h.t.Helper()
	run, step := r.step(key)
	if step.Status != automation.StepWaiting {
		r.h.t.Errorf("the run is %s at step %q%s, want it to wait at %q", run.Status, run.Step, because(run.Error), key)
	}
}

// AssertFailed checks that the run failed at this step with an error of this code, such as
// automation.FailedCondition.
func (r *Run) AssertFailed(key string, code automation.StepErrorCode) {
	r.h.t.Helper()
	run := r.Get()
	if run.Status != automation.RunFailed || run.Step != key || run.Error == nil || run.Error.Code != code {
		r.h.t.Errorf("the run is %s at step %q%s, want it to fail at %q with %s", run.Status, run.Step, because(run.Error), key, code)
	}
}

// AssertExited checks that the run completed before its last step, because of an exit of its
// automation. name is the name of the exit, which is empty for automation.ExitCondition and for
// an event without one.
func (r *Run) AssertExited(reason automation.ExitReason, name string) {
	r.h.t.Helper()
	run := r.Get()
	if x := run.Exit; x == nil || x.Reason != reason || x.Name != name {
		r.h.t.Errorf("the run is %s at step %q%s%s, want it to exit by %s", run.Status, run.Step, because(run.Error), by(x), exit(reason, name))
	}
}

// by returns the exit behind a status, for a message.
func by(x *automation.RunExit) string {
	if x == nil {
		return ""
	}
	return " by " + exit(x.Reason, x.Name)
}

func exit(reason automation.ExitReason, name string) string {
	if name == "" {
		return string(reason)
	}
	return fmt.Sprintf("%s %q", reason, name)
}

// AssertCancelled checks that the run was cancelled with this code, such as
// automation.CancelledReplaced.
func (r *Run) AssertCancelled(code automation.StepErrorCode) {
	r.h.t.Helper()
	run := r.Get()
	if run.Status != automation.RunCancelled || run.Error == nil || run.Error.Code != code {
		r.h.t.Errorf("the run is %s at step %q%s, want it to be cancelled with %s", run.Status, run.Step, because(run.Error), code)
	}
}

// Cancel cancels the run. A run that has ended stays as it is.
func (r *Run) Cancel() {
	r.h.t.Helper()
	_, err := r.h.Runner.CancelRun(context.Background(), r.ID)
	r.h.must("", err)
	r.h.drain()
}

// Retry retries the failed run from the step that failed. The test fails at once if the
// run is not failed.
func (r *Run) Retry() {
	r.h.t.Helper()
	_, err := r.h.Runner.RetryRun(context.Background(), r.ID)
	r.h.must("", err)
	r.h.drain()
}

// because returns the error behind a status, for a message.
func because(e *automation.StepError) string {
	if e == nil {
		return ""
	}
	return " (" + string(e.Code) + ": " + e.Message + ")"
}
