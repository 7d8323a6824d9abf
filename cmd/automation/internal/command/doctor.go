package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
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
	var usage usageError
	if errors.As(err, &usage) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		d.Findings = append(d.Findings, database.Finding{
			Check: "database", State: database.Problem, Message: err.Error(), WayOut: "look whether it runs, and whether the URL and the rights of the user are right",
		})
	}
	counts := map[database.State]int{}
	for _, f := range d.Findings {
		counts[f.State]++
	}
	d.Healthy = counts[database.Problem] == 0
	if !c.json {
		c.printFindings(d.Findings, counts)
	} else if err := c.printJSON(d); err != nil {
		return err
	}
	if !d.Healthy {
		return errProblems
	}
	return nil
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

// examine makes all checks, as far as there is no error. Without the tables there is
// nothing to check beyond them.
func (c *call) examine(ctx context.Context, s *session) ([]database.Finding, error) {
	schema, err := s.schemaFinding(ctx)
	if err != nil {
		return nil, err
	}
	all := []database.Finding{schema}
	own, err := s.Examine(ctx, s.now)
	all = append(all, own...)
	if err != nil || schema.State == database.Problem {
		return all, err
	}
	work, err := s.workFindings(ctx)
	all = append(all, work...)
	if err != nil {
		return all, err
	}
	failed, err := s.failedFinding(ctx)
	if err != nil {
		return all, err
	}
	return append(all, failed), nil
}

// schemaFinding compares the tables with what this release needs.
func (s *session) schemaFinding(ctx context.Context) (database.Finding, error) {
	f := database.Finding{Check: "schema", State: database.OK}
	migrations, err := s.Migrations(ctx)
	if err != nil {
		return f, err
	}
	missing := missingOf(migrations)
	f.Message = "the tables have the version of this release"
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

// subjects name the problems of Runner.Health.
var subjects = map[automation.HealthCode]string{
	automation.HealthNoWorker: "worker", automation.HealthOverdue: "lag", automation.HealthStuck: "stuck",
	automation.HealthSetAside: "set aside", automation.HealthNoneEnabled: "automations",
}

// workFindings measure the work, and report what Runner.Health finds wrong.
func (s *session) workFindings(ctx context.Context) ([]database.Finding, error) {
	h, err := s.Health(ctx)
	if err != nil {
		return nil, err
	}
	all := []database.Finding{{Check: "work", State: database.OK, Message: summary(h)}}
	for _, p := range h.Problems {
		f := database.Finding{Check: cmp.Or(subjects[p.Code], string(p.Code)), State: database.Warning}
		if p.Severity == automation.SeverityError {
			f.State = database.Problem
		}
		f.Message, f.WayOut, _ = strings.Cut(p.Message, ": ")
		switch p.Code {
		case automation.HealthNoWorker:
			f.WayOut = "start the application, and look whether it calls Runner.Run"
		case automation.HealthNoneEnabled:
			f.WayOut = "automation automations lists them, and automation start enables one"
		}
		all = append(all, f)
	}
	return all, nil
}

// summary returns how much work there is.
func summary(h automation.Health) string {
	count := func(n int, thing string) string {
		if n >= automation.HealthCountMax {
			return "at least " + plural(n, thing)
		}
		return plural(n, thing)
	}
	return fmt.Sprintf("%s enabled, %s, %s due, %s being worked on, lag %s",
		plural(h.Enabled, "automation"), count(h.Stats.PendingEvents, "pending event"), count(h.Stats.DueRuns, "run"),
		count(h.Stats.Leases, "contact"), cmp.Or(automation.DurationOf(h.Lag.Round(time.Second)).String(), "none"))
}

// maxFailed is how many failed runs are counted at most.
const maxFailed = 1000

// failedFinding counts the runs that failed in the last day.
func (s *session) failedFinding(ctx context.Context) (database.Finding, error) {
	f := database.Finding{Check: "failures", State: database.OK, Message: "no run failed in the last 24 hours"}
	q := automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed}, CompletedFrom: s.now().Add(-24 * time.Hour)}
	found, err := collect(page{limit: maxFailed}, func(p automation.PageQuery) (automation.Page[automation.Run], error) {
		q.PageQuery = p
		return s.ListRuns(ctx, q)
	}, func(r automation.Run) string { return r.ID }, nil)
	if err != nil || len(found.Data) == 0 {
		return f, err
	}
	n := plural(len(found.Data), "run")
	if found.HasMore {
		n = "at least " + n
	}
	f.State, f.Message = database.Warning, n+" failed in the last 24 hours"
	f.WayOut = "see why: automation runs --status failed --ended-since 1d; then: automation retry --ended-since 1d"
	return f, nil
}
