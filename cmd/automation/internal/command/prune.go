package command

import (
	"context"
	"flag"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

func pruneCommand() command {
	var o pruneOptions
	return command{
		name:    "prune",
		summary: "remove runs and events that ended long ago",
		about: `Removes the runs that ended, and the events that were handled, longer ago than --older-than. Runs
in progress stay. It also removes expired idempotency keys and versions of automations that
are not in use. It works in small batches beside the application; an interrupted prune can be
called again.

With --dry-run it counts the runs, and the events that started no run. The events that
started a run are removed with it.`,
		examples: []example{
			{"how much is older than a quarter?", "prune --older-than 90d --dry-run"},
			{"remove it", "prune --older-than 90d"},
		},
		define: o.define,
		run:    o.run,
	}
}

type pruneOptions struct {
	olderThan string
	dryRun    bool
}

func (o *pruneOptions) define(f *flag.FlagSet) {
	f.StringVar(&o.olderThan, "older-than", "", "the `age`, such as 90d, 36h or \"12 weeks\"")
	f.BoolVar(&o.dryRun, "dry-run", false, "count, and remove nothing")
}

// pruned is the result of prune in JSON.
type pruned struct {
	Object string    `json:"object"`
	DryRun bool      `json:"dry_run"`
	Before time.Time `json:"before"`
	Runs   int       `json:"runs"`
	Events int       `json:"events"`
}

func (o *pruneOptions) run(ctx context.Context, c *call) error {
	if err := c.noArguments(); err != nil {
		return err
	}
	if o.olderThan == "" {
		return usagef("needs --older-than, such as --older-than 90d")
	}
	d, err := span(o.olderThan)
	if err != nil {
		return usagef("--older-than: %s", err)
	}
	access := database.Write
	if o.dryRun {
		access = database.Read
	}
	return c.use(ctx, access, func(s *session) error { return o.prune(ctx, c, s, d) })
}

func (o *pruneOptions) prune(ctx context.Context, c *call, s *session, age time.Duration) error {
	before := s.now().Add(-age)
	var res automation.PruneResult
	var err error
	if o.dryRun {
		res, err = s.Prunable(ctx, before)
	} else {
		res, err = s.Prune(ctx, age)
	}
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(pruned{"prune", o.dryRun, before.UTC().Truncate(time.Microsecond), res.Runs, res.Events})
	}
	if o.dryRun {
		c.printf("Would remove %s with their events, and %s that started no run, from before %s.\n",
			plural(res.Runs, "run"), plural(res.Events, "event"), c.at(before))
		return nil
	}
	c.printf("Removed %s and %s from before %s.\n", plural(res.Runs, "run"), plural(res.Events, "event"), c.at(before))
	return nil
}
