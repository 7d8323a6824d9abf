package command

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

func stopCommand() command {
	var cancelRuns bool
	return command{
		name: "stop", arguments: "ID",
		summary: "stop an automation: no run of it starts any more",
		about: `Disables an automation. No run of it starts from then on, on any machine, and the application
does not enable it again when it starts. Runs in progress go on to their end, unless
--cancel-runs is given: then they are cancelled before their next effects.

To undo it, use start.`,
		examples: []example{
			{"start no more runs", "stop welcome"},
			{"and send no more emails of it", "stop welcome --cancel-runs"},
		},
		define: func(f *flag.FlagSet) {
			f.BoolVar(&cancelRuns, "cancel-runs", false, "also cancel the runs in progress")
		},
		run: func(ctx context.Context, c *call) error {
			id, err := c.oneArgument("ID of an automation")
			if err != nil {
				return err
			}
			return c.use(ctx, database.Write, func(s *session) error { return c.stop(ctx, s, id, cancelRuns) })
		},
	}
}

// switched is an automation that was stopped or started, in JSON.
type switched struct {
	Object    string            `json:"object"`
	ID        string            `json:"id"`
	Status    automation.Status `json:"status"`
	Running   int               `json:"running"` // runs in progress
	Cancelled bool              `json:"cancel_runs"`
}

func (c *call) stop(ctx context.Context, s *session, id string, cancelRuns bool) error {
	a, err := s.StopAutomation(ctx, id, automation.StopOptions{CancelRuns: cancelRuns})
	if err != nil {
		return err
	}
	running, err := s.running(ctx, id)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(switched{"automation", a.ID, a.Status, running, cancelRuns})
	}
	c.printf("%s is stopped: no run of it starts.\n", clean(id))
	switch {
	case running > 0 && cancelRuns:
		c.printf("The application cancels the runs in progress, %d now.\n%s\n", running, applied)
	case running > 0:
		c.printf("Runs in progress go on, %d now. To cancel them: automation stop %s --cancel-runs\n", running, clean(id))
	}
	c.printf("To start it again: automation start %s\n", clean(id))
	return nil
}

// running returns how many runs of an automation are in progress.
func (s *session) running(ctx context.Context, id string) (n int, err error) {
	counts, err := s.CountRuns(ctx, id)
	for _, count := range counts {
		if count.Status == automation.RunRunning {
			n += count.Count
		}
	}
	return n, err
}

func startCommand() command {
	return command{
		name: "start", arguments: "ID",
		summary: "start an automation that was stopped",
		about: `Enables an automation. It starts runs for the events that the application handles from then
on. Events that were handled while it was stopped start nothing.`,
		examples: []example{
			{"which automations are stopped?", "automations --status disabled"},
			{"start one", "start welcome"},
		},
		run: func(ctx context.Context, c *call) error {
			id, err := c.oneArgument("ID of an automation")
			if err != nil {
				return err
			}
			return c.use(ctx, database.Write, func(s *session) error { return c.start(ctx, s, id) })
		},
	}
}

func (c *call) start(ctx context.Context, s *session, id string) error {
	status := automation.StatusEnabled
	a, err := s.UpdateAutomation(ctx, id, automation.AutomationUpdate{Status: &status})
	if errors.Is(err, automation.ErrDeleted) {
		return fmt.Errorf("%s was deleted: the application creates it again if it calls Apply with Restart, once its runs are pruned", clean(id))
	}
	if err != nil {
		return err
	}
	if c.json {
		running, err := s.running(ctx, id)
		if err != nil {
			return err
		}
		return c.printJSON(switched{"automation", a.ID, a.Status, running, false})
	}
	c.printf("%s is enabled, at version %d: it starts runs for the events that are handled from now on.\n", clean(id), a.Version)
	return nil
}
