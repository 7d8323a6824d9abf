package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

func doctorCommand() command {
	return command{
		name:    "doctor",
		summary: "check the database, and whether the automations work",
		about: `Checks the version of the tables, whether work is done in time, which automations are enabled,
runs that failed in the last 24 hours, indexes, and what else keeps the database from working
well: in Postgres its clock, vacuum, transactions and connections, in SQLite the log and damage
of the file, which it reads as a whole.

Each problem comes with what to do about it. The exit status is 1 if there is a problem.
Warnings do not change it. It writes nothing.`,
		examples: []example{
			{"is all well?", "doctor"},
			{"for an alert", "doctor --json > report.json || notify-oncall report.json"},
		},
		run: diagnose,
	}
}

// diagnosis is the result of doctor, in JSON.
type diagnosis struct {
	Object   string             `json:"object"`
	Healthy  bool               `json:"healthy"`
	Findings []database.Finding `json:"findings"`
}

func diagnose(ctx context.Context, c *call) error {
	if err := c.noArguments(); err != nil {
		return err
	}
	d := diagnosis{Object: "diagnosis", Healthy: true}
	err := c.use(ctx, database.Read, func(s *session) (err error) {
		d.Findings, err = c.examine(ctx, s)
		return err
	})
	if err != nil {
		return err
	}
	counts := map[database.State]int{}
	for _, f := range d.Findings {
		counts[f.State]++
	}
	d.Healthy = counts[database.Problem] == 0
	if c.json {
		err = c.printJSON(d)
	} else {
		c.printFindings(d.Findings, counts)
	}
	if err == nil && !d.Healthy {
		return errProblems
	}
	return err
}

func (c *call) printFindings(all []database.Finding, counts map[database.State]int) {
	width := 0
	for _, f := range all {
		width = max(width, len(f.Check))
	}
	for _, f := range all {
		c.printf("%-7s  %-*s  %s\n", f.State, width, f.Check, clean(f.Message))
		if f.WayOut != "" {
			c.printf("%-7s  %-*s  -> %s\n", "", width, "", clean(f.WayOut))
		}
	}
	c.printf("\n%s, %s\n", plural(counts[database.Problem], "problem"), plural(counts[database.Warning], "warning"))
}

// examine makes all checks. Without the tables there is nothing to check beyond them.
func (c *call) examine(ctx context.Context, s *session) ([]database.Finding, error) {
	schema, err := s.schemaFinding(ctx)
	if err != nil {
		return nil, err
	}
	all := []database.Finding{schema}
	own, err := s.Examine(ctx, s.now)
	if err != nil {
		return nil, err
	}
	all = append(all, own...)
	if schema.State == database.Problem {
		return all, nil
	}
	for _, check := range []func(context.Context) (database.Finding, error){s.enabledFinding, s.failedFinding} {
		f, err := check(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// schemaFinding compares the tables with what this release needs.
func (s *session) schemaFinding(ctx context.Context) (database.Finding, error) {
	f := database.Finding{Check: "schema", State: database.OK}
	migrations, err := s.Migrations(ctx)
	if err != nil {
		return f, err
	}
	missing := missingOf(migrations)
	f.Message = fmt.Sprintf("the tables have the version of this release, %d", len(migrations))
	if len(missing) > 0 {
		f.State = database.Problem
		f.Message = fmt.Sprintf("%s of %d missing: the tables are older than this release needs", plural(len(missing), "migration"), len(migrations))
		f.WayOut = "automation migrate, or a tool of the release that your application uses"
		return f, nil
	}
	if _, err := s.store.NextDue(ctx); errors.Is(err, automation.ErrSchema) {
		f.State, f.Message, f.WayOut = database.Problem, err.Error(), "use this tool in the release of your application"
	} else if err != nil {
		return f, err
	}
	return f, nil
}

func (s *session) enabledFinding(ctx context.Context) (database.Finding, error) {
	f := database.Finding{Check: "automations", State: database.OK}
	page, err := s.ListAutomations(ctx, automation.AutomationQuery{Status: automation.StatusEnabled, PageQuery: automation.PageQuery{Limit: maxPage}})
	if err != nil {
		return f, err
	}
	n := plural(len(page.Data), "automation")
	if page.HasMore {
		n = "more than " + n
	}
	f.Message = n + " enabled"
	if len(page.Data) == 0 {
		f.State, f.Message = database.Warning, "no automation is enabled: events start nothing"
		f.WayOut = "automation automations lists them, and automation start enables one"
	}
	return f, nil
}

// maxFailed is how many of the newest failed runs are looked at.
const maxFailed = 1000

// failedFinding counts the runs that failed in the last day.
func (s *session) failedFinding(ctx context.Context) (database.Finding, error) {
	f := database.Finding{Check: "failures", State: database.OK, Message: "no run failed in the last 24 hours"}
	q := automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed}}
	found, err := collect(page{limit: maxFailed}, func(p automation.PageQuery) (automation.Page[automation.Run], error) {
		q.PageQuery = p
		return s.ListRuns(ctx, q)
	}, func(r automation.Run) string { return r.ID }, nil)
	recent := 0
	for _, r := range found.Data {
		if s.now().Sub(r.CompletedAt) < 24*time.Hour {
			recent++
		}
	}
	if err != nil || recent == 0 {
		return f, err
	}
	n := plural(recent, "run")
	if found.HasMore {
		n = "at least " + n
	}
	f.State, f.Message = database.Warning, n+" failed in the last 24 hours"
	f.WayOut = "see why: automation runs --status failed --ended-since 1d; then: automation retry --ended-since 1d"
	return f, nil
}
