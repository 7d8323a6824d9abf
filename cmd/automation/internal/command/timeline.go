package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/awaited"
	"github.com/seed-b636437c/automation/timeline"
)

func (c *call) showRun(ctx context.Context, s *session, id string) error {
	run, err := s.GetRun(ctx, id)
	if err != nil {
		return err
	}
	if c.json {
		return c.printRunJSON(run)
	}
	v := s.version(ctx, run)
	c.printRunHead(run, s.waits(ctx, run), exitsOf(run, v))
	c.printf("\n")
	if err := c.printTimeline(run, configs(v.Steps)); err != nil {
		return err
	}
	c.printRunEnd(run)
	return nil
}

func (c *call) printRunJSON(run automation.Run) error {
	run.ContactID, run.Error = c.private(run.ContactID), c.privateError(run.Error)
	for i := range run.Steps {
		step := &run.Steps[i]
		step.Output, step.Error = c.privateJSON(step.Output), c.privateError(step.Error)
		for j := range step.Attempts {
			step.Attempts[j].Error = *c.privateError(&step.Attempts[j].Error)
		}
	}
	doc, err := object("automation_run", run)
	if err != nil {
		return err
	}
	return c.printJSON(doc)
}

func (c *call) printRunHead(run automation.Run, waits, exits string) {
	var t table
	t.add("run", run.ID)
	t.add("automation", fmt.Sprintf("%s, version %d", run.AutomationID, run.Version))
	t.add("contact", c.private(run.ContactID))
	t.add("event", fmt.Sprintf("%s, %s", run.EventName, run.EventID))
	run.Error = c.privateError(run.Error)
	t.add("status", strings.TrimSuffix(fmt.Sprintf("%s at step %s: %s", run.Status, run.Step, c.state(run, waits)), ": "))
	if exits != "" {
		t.add("ends on", exits)
	}
	if run.Exit != nil && run.Exit.EventID != "" {
		t.add("ended by", run.Exit.EventID)
	}
	c.printTable(t)
}

// printTimeline prints the history of a run as package timeline does.
func (c *call) printTimeline(run automation.Run, configs map[string]automation.StepConfig) error {
	w := timeline.New(privateWriter{c}, timeline.Options{Start: run.StartedAt.In(c.zone())})
	for _, n := range notices(run, configs) {
		w.Observe(n)
	}
	return w.Err()
}

// privateWriter removes email addresses from lines, unless --addresses is given.
type privateWriter struct{ c *call }

func (w privateWriter) Write(line []byte) (int, error) {
	_, err := io.WriteString(&w.c.out, w.c.private(string(line)))
	return len(line), err
}

// printRunEnd prints what the timeline has no lines for, and what can be done.
func (c *call) printRunEnd(run automation.Run) {
	for _, s := range run.Steps {
		if s.AttemptsOmitted > 0 {
			c.printf("\nStep %s: %s between its first and its last ones are not kept.\n", clean(s.Key), plural(s.AttemptsOmitted, "attempt"))
		}
	}
	if ahead := keysWith(run, automation.StepPending); ahead != "" {
		c.printf("\nAhead: %s\n", ahead)
	}
	switch run.Status {
	case automation.RunFailed:
		c.printf("\nautomation retry %s continues it from step %s.\n", run.ID, clean(run.Step))
	case automation.RunRunning:
		c.printf("\nautomation cancel %s ends it.\n", run.ID)
	}
}

// keysWith lists the keys of the steps with a status.
func keysWith(run automation.Run, status automation.StepStatus) string {
	var keys []string
	for _, s := range run.Steps {
		if s.Status == status {
			keys = append(keys, clean(s.Key))
		}
	}
	return strings.Join(keys, ", ")
}

// notices returns the notices that an Observer received about the run, as far as the run
// holds what they were about.
func notices(run automation.Run, configs map[string]automation.StepConfig) []automation.Notice {
	all := []automation.Notice{&automation.RunStarted{At: run.StartedAt, Run: run}}
	for _, s := range run.Steps {
		if !s.StartedAt.IsZero() {
			all = append(all, stepNotices(run, s, configs[s.Key])...)
		}
	}
	if !run.CompletedAt.IsZero() {
		all = append(all, &automation.RunEnded{At: run.CompletedAt, Run: run})
	}
	slices.SortStableFunc(all, func(a, b automation.Notice) int { return a.When().Compare(b.When()) })
	return all
}

// stepNotices returns the notices of a step that the run has reached: how it waited, its
// failed attempts, and its end.
func stepNotices(run automation.Run, s automation.StepRun, config automation.StepConfig) []automation.Notice {
	var all []automation.Notice
	if n := waitNotice(run, s, config); n != nil {
		all = append(all, n)
	}
	all = append(all, attemptNotices(run, s)...)
	if !s.CompletedAt.IsZero() {
		all = append(all, &automation.StepChanged{At: s.CompletedAt, Run: run, Step: s})
	}
	return all
}

// waitNotice returns the notice of a delay or a wait when it began, or nil for another
// step.
func waitNotice(run automation.Run, s automation.StepRun, config automation.StepConfig) automation.Notice {
	switch s.Type {
	case automation.TypeDelay, automation.TypeWaitForEvent, automation.TypeWaitForAny:
	case automation.TypeDelayUntil, automation.TypeWindow:
		return momentNotice(run, s)
	default:
		return nil
	}
	if s.Status != automation.StepWaiting { // run has the state of its current step
		switch c := config.(type) {
		case automation.Delay:
			run.DueAt = s.StartedAt.Add(c.Duration.Std())
		case automation.WaitForEvent:
			run.DueAt = endOfWait(s, c.Timeout)
		case automation.WaitForAny:
			run.DueAt = endOfWait(s, c.Timeout)
		default:
			return nil
		}
	}
	if config != nil {
		run.Listens = awaited.ByStep(config) // without the exits
	}
	s.Status = automation.StepWaiting
	return &automation.StepChanged{At: s.StartedAt, Run: run, Step: s}
}

// endOfWait returns when a wait timed out or would have, zero for one without a timeout.
func endOfWait(s automation.StepRun, timeout automation.Duration) time.Time {
	if timeout.IsZero() {
		return time.Time{}
	}
	return s.StartedAt.Add(timeout.Std())
}

// momentNotice is waitNotice for a step that waits until an instant, which its output has.
func momentNotice(run automation.Run, s automation.StepRun) automation.Notice {
	var out struct {
		ResumeAt time.Time `json:"resume_at"`
	}
	if s.Status != automation.StepWaiting { // run has the state of its current step
		if json.Unmarshal(s.Output, &out) != nil || !out.ResumeAt.After(s.StartedAt) {
			return nil
		}
		run.Listens, run.DueAt = nil, out.ResumeAt
	}
	s.Status = automation.StepWaiting
	return &automation.StepChanged{At: s.StartedAt, Run: run, Step: s}
}

// attemptNotices returns a notice for each failed attempt that another attempt follows.
func attemptNotices(run automation.Run, s automation.StepRun) []automation.Notice {
	followed := s.Attempts
	if s.Status == automation.StepFailed && len(followed) > 0 {
		followed = followed[:len(followed)-1] // the end of the step shows its reason
	}
	var all []automation.Notice
	for i, a := range followed {
		before := run
		if i+1 < len(s.Attempts) {
			before.DueAt = s.Attempts[i+1].At
		} else if !s.CompletedAt.IsZero() {
			before.DueAt = s.CompletedAt
		}
		step := s
		step.Status, step.Attempts = automation.StepRunning, s.Attempts[:i+1]
		all = append(all, &automation.StepChanged{At: a.At, Run: before, Step: step})
	}
	return all
}
