package command

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

func runsCommand() command {
	var o runsOptions
	return command{
		name: "runs", arguments: "[RUN_ID]",
		summary: "list runs, or show one as a timeline",
		about: `Without a RUN_ID it lists runs, newest first. With one it shows the run step by step: when each
step began and ended, which branch the run took, each failed attempt, and what the run waits
for.

Email addresses are not shown, unless --addresses is given.`,
		examples: []example{
			{"which runs failed since yesterday, and why?", "runs --status failed --since 1d"},
			{"everything that one contact went through", "runs --contact ada@example.com"},
			{"what happened in one run?", "runs 01a0f755-f200-7187-bece-6d37b35978d5"},
			{"runs that are at a step of an old version", "runs --automation welcome --version 3 --step hello --status running"},
			{"the ids of all failed runs", "runs --status failed --limit 10000 --json | jq -r .data[].id"},
		},
		define: o.define,
		run:    o.run,
	}
}

type runsOptions struct {
	page
	filter    runFilter
	status    string
	addresses bool
}

func (o *runsOptions) define(f *flag.FlagSet) {
	o.page.define(f)
	o.filter.define(f)
	o.filter.defineEnded(f)
	f.StringVar(&o.status, "status", "", "runs with one of these `statuses`, separated by commas: running, completed, failed, cancelled")
	f.BoolVar(&o.addresses, "addresses", false, "show email addresses")
}

var runStatuses = []automation.RunStatus{automation.RunRunning, automation.RunCompleted, automation.RunFailed, automation.RunCancelled}

// statuses returns the statuses of a flag.
func statuses(text string) ([]automation.RunStatus, error) {
	var all []automation.RunStatus
	for _, name := range list(text) {
		if !slices.Contains(runStatuses, automation.RunStatus(name)) {
			return nil, usagef("--status %q is none of running, completed, failed and cancelled", name)
		}
		all = append(all, automation.RunStatus(name))
	}
	return all, nil
}

func (o *runsOptions) run(ctx context.Context, c *call) error {
	c.showing = o.addresses
	if len(c.args) > 0 {
		id, err := c.oneArgument("RUN_ID")
		if err != nil {
			return err
		}
		return c.use(ctx, database.Read, func(s *session) error { return c.showRun(ctx, s, id) })
	}
	selected, err := statuses(o.status)
	if err != nil {
		return err
	}
	return c.use(ctx, database.Read, func(s *session) error {
		q, err := s.selectRuns(ctx, c, o.filter)
		if err != nil {
			return err
		}
		q.Statuses = selected
		runs, err := c.findRuns(ctx, s, o.page, q)
		if err != nil {
			return err
		}
		return c.printRuns(ctx, s, runs)
	})
}

// findRuns lists runs, with the reasons why they are set aside, which are not in a list. It
// removes email addresses from them.
func (c *call) findRuns(ctx context.Context, s *session, p page, q automation.RunQuery) (automation.Page[automation.Run], error) {
	found, err := collect(p, func(page automation.PageQuery) (automation.Page[automation.Run], error) {
		q.PageQuery = page
		return s.ListRuns(ctx, q)
	}, func(r automation.Run) string { return r.ID }, nil)
	for i := range found.Data {
		r := &found.Data[i]
		if r.Error == nil && r.SetAside && err == nil {
			var full automation.Run
			if full, err = s.GetRun(ctx, r.ID); err == nil {
				r.Error = full.Error
			}
		}
		r.ContactID, r.Error = c.private(r.ContactID), c.privateError(r.Error) // an application may use emails as ids
	}
	return found, err
}

func (c *call) printRuns(ctx context.Context, s *session, runs automation.Page[automation.Run]) error {
	if c.json {
		return c.printJSON(listingOf(runs))
	}
	if len(runs.Data) == 0 {
		c.printf("There are no such runs.\n")
		return nil
	}
	c.printRunTable(ctx, s, runs.Data)
	c.printMore(runs.HasMore, runs.Data[len(runs.Data)-1].ID)
	return nil
}

func (c *call) printRunTable(ctx context.Context, s *session, runs []automation.Run) {
	var t table
	t.add("RUN", "STATUS", "AUTOMATION", "STEP", "CONTACT", c.titled("STARTED"), c.titled("ENDED"), "DETAIL")
	for _, r := range runs {
		t.add(r.ID, string(r.Status), fmt.Sprintf("%s v%d", r.AutomationID, r.Version), r.Step, r.ContactID,
			c.at(r.StartedAt), c.at(r.CompletedAt), c.state(r, s.waits(ctx, r)))
	}
	c.printTable(t)
}

// exited returns why a run ended before its last step, in words.
func exited(x automation.RunExit) string {
	switch {
	case x.Reason == automation.ExitCondition:
		return "early, because while_rule did not hold"
	case x.Reason != automation.ExitEvent:
		return "early: " + string(x.Reason)
	case x.Name != "":
		return "early, by the exit " + x.Name
	default:
		return "early, by an event"
	}
}

// state returns why a run failed, was cancelled, ended early or is set aside, or what it waits
// for. waits has the events.
func (c *call) state(r automation.Run, waits string) string {
	if r.Error != nil {
		message, _, _ := strings.Cut(r.Error.Message, "\n")
		switch {
		case r.Status == automation.RunCancelled:
			return message
		case r.SetAside:
			return fmt.Sprintf("set aside until %s: %s", c.at(r.DueAt), message)
		}
		return fmt.Sprintf("%s: %s", r.Error.Code, message)
	}
	if r.Exit != nil {
		return exited(*r.Exit)
	}
	if r.Status != automation.RunRunning {
		return ""
	}
	var parts []string
	if waits != "" {
		parts = append(parts, waits)
	}
	if !r.DueAt.IsZero() {
		parts = append(parts, "due at "+c.at(r.DueAt))
	}
	return strings.Join(parts, ", ")
}
