package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

// applied explains when a request takes effect.
const applied = "The request is recorded. The application applies it within its poll interval, 1 second by default;\nif it is not running, when it starts."

func cancelCommand() command {
	o := requestOptions{request: automation.RequestCancel, status: automation.RunRunning}
	return command{
		name: "cancel", arguments: "[RUN_ID…]",
		summary: "cancel runs in progress, by id or by filter",
		about: `Records requests to cancel the runs with the given ids, or all runs in progress that the flags
select. The application cancels a run before its next effect. An effect in flight, such as an
email, is finished. To cancel a run that has ended changes nothing.

To start no more runs of an automation, use stop.`,
		examples: []example{
			{"cancel one run", "cancel 01a0f755-f200-7187-bece-6d37b35978d5"},
			{"which runs would be cancelled?", "cancel --automation welcome --version 3 --dry-run"},
			{"everything in progress for one contact", "cancel --contact ada@example.com"},
		},
		define: o.define,
		run:    o.run,
	}
}

func retryCommand() command {
	o := requestOptions{request: automation.RequestRetry, status: automation.RunFailed}
	return command{
		name: "retry", arguments: "[RUN_ID…]",
		summary: "retry failed runs, by id or by filter",
		about: `Records requests to retry the runs with the given ids, or all failed runs that the flags select,
from the newest to the oldest. The application continues each run from the step that failed,
on the version and with the event that it had.

Repair the cause first: see automation runs --status failed.`,
		examples: []example{
			{"retry one run", "retry 01a0f755-f200-7187-bece-6d37b35978d5"},
			{"how many runs failed in the outage?", "retry --ended-since 2026-03-02T09:00:00Z --ended-until 2026-03-02T11:30:00Z --dry-run"},
			{"retry them", "retry --ended-since 2026-03-02T09:00:00Z --ended-until 2026-03-02T11:30:00Z"},
			{"a few first", "retry --automation welcome --step hello --max 10"},
		},
		define: o.define,
		run:    o.run,
	}
}

// requestOptions are those of a command that records requests about runs.
type requestOptions struct {
	request automation.RunRequest
	status  automation.RunStatus // of the runs that the request is about

	filter    runFilter
	all       bool
	dryRun    bool
	max       int
	after     string
	addresses bool
}

func (o *requestOptions) define(f *flag.FlagSet) {
	o.filter.define(f)
	if o.status == automation.RunFailed {
		o.filter.defineEnded(f)
	}
	f.BoolVar(&o.all, "all", false, fmt.Sprintf("all %s runs; instead of a filter", o.status))
	f.BoolVar(&o.dryRun, "dry-run", false, "count the runs and list the newest, and change nothing")
	f.IntVar(&o.max, "max", 0, "at most this `number` of runs")
	f.StringVar(&o.after, "after", "", "only runs older than the one with this `RUN_ID`, to go on")
	f.BoolVar(&o.addresses, "addresses", false, "show email addresses in the errors of the list")
}

func (o *requestOptions) run(ctx context.Context, c *call) error {
	c.showing = o.addresses
	if err := o.check(c); err != nil {
		return err
	}
	access := database.Write
	if o.dryRun {
		access = database.Read
	}
	return c.use(ctx, access, func(s *session) error {
		if len(c.args) > 0 {
			return o.each(ctx, c, s)
		}
		q, err := s.selectRuns(ctx, c, o.filter)
		if err != nil {
			return err
		}
		q.Statuses, q.After = []automation.RunStatus{o.status}, o.after
		return o.many(ctx, c, s, q)
	})
}

// check refuses a command line that names no runs, so that no mistake is about all of them.
func (o *requestOptions) check(c *call) error {
	filtered := o.filter.given()
	switch {
	case len(c.args) > 0 && (filtered || o.all):
		return usagef("takes the ids of runs or a filter, not both")
	case len(c.args) > 0 && (o.dryRun || o.max != 0 || o.after != ""):
		return usagef("--dry-run, --max and --after are for a filter; automation runs RUN_ID shows a run")
	case len(c.args) == 0 && !filtered && !o.all:
		return usagef("names no runs: give their ids, or a filter such as --automation, or --all")
	case filtered && o.all:
		return usagef("--all and a filter contradict each other")
	case o.max < 0:
		return usagef("--max %d is negative", o.max)
	default:
		return nil
	}
}

// requested is the result of a request about one run, in JSON.
type requested struct {
	Object  string                `json:"object"`
	ID      string                `json:"id"`
	Status  automation.RunStatus  `json:"status,omitempty"`
	Request automation.RunRequest `json:"request"`
	// Recorded is false if the run was in no status in which the request changes
	// anything.
	Recorded bool   `json:"recorded"`
	Error    string `json:"error,omitempty"`
}

// each records the request about each run that the arguments name.
func (o *requestOptions) each(ctx context.Context, c *call, s *session) error {
	var all automation.Page[requested]
	failed := false
	for _, id := range c.args {
		rec, err := s.store.RecordRunRequest(ctx, id, o.request, s.now())
		res := requested{Object: "automation_run", ID: id, Status: rec.Status, Request: o.request, Recorded: err == nil && rec.Status == o.status}
		switch {
		case errors.Is(err, automation.ErrNotFound):
			res.Error = "there is no such run"
		case errors.Is(err, automation.ErrConflict):
			res.Error = "is completed or cancelled: only a failed run can be retried"
		case err != nil:
			return err
		}
		failed = failed || err != nil
		all.Data = append(all.Data, res)
	}
	if err := o.printEach(c, all); err != nil {
		return err
	}
	if failed {
		return errProblems
	}
	return nil
}

func (o *requestOptions) printEach(c *call, all automation.Page[requested]) error {
	if c.json {
		return c.printJSON(listingOf(all))
	}
	recorded := false
	for _, res := range all.Data {
		switch {
		case res.Error != "":
			c.printf("%s: %s\n", clean(res.ID), clean(res.Error))
		case res.Recorded:
			c.printf("%s: asked to %s\n", clean(res.ID), o.request)
			recorded = true
		default:
			c.printf("%s: is %s, nothing to do\n", clean(res.ID), res.Status)
		}
	}
	if recorded {
		c.printf("%s\n", applied)
	}
	return nil
}

// many records the request about all runs that q selects.
func (o *requestOptions) many(ctx context.Context, c *call, s *session, q automation.RunQuery) error {
	if o.dryRun && !c.json {
		if err := o.preview(ctx, c, s, q); err != nil {
			return err
		}
	}
	res, err := o.walk(ctx, c, s, q)
	if err != nil {
		return fmt.Errorf("after %s; go on with --after %s: %w", plural(res.Done, "run"), cmp.Or(res.After, "…"), err)
	}
	return o.printMany(c, res)
}

// previewed is how many runs a dry run lists.
const previewed = 20

func (o *requestOptions) preview(ctx context.Context, c *call, s *session, q automation.RunQuery) error {
	n := previewed
	if o.max > 0 {
		n = min(n, o.max)
	}
	runs, err := c.findRuns(ctx, s, page{limit: n, after: q.After}, q)
	if err != nil || len(runs.Data) == 0 {
		return err
	}
	c.printRunTable(ctx, s, runs.Data)
	if runs.HasMore && n == previewed {
		c.printf("…\n")
	}
	return nil
}

// walk records the request about the runs of q, from the newest to the oldest, so that a
// run that gets the status meanwhile is not looked at again. It does what
// Runner.RetryRuns and CancelRuns do, except that runs that it skips do not count for --max.
func (o *requestOptions) walk(ctx context.Context, c *call, s *session, q automation.RunQuery) (res automation.BulkResult, err error) {
	res.After = q.After
	q.Limit = maxPage
	if q.ByCompletion() && q.CompletedUntil.IsZero() {
		q.CompletedUntil = s.now()
	}
	for res.HasMore = true; res.HasMore; {
		q.After = res.After
		page, err := s.ListRuns(ctx, q)
		if err != nil {
			return res, err
		}
		for i, run := range page.Data {
			if o.max > 0 && res.Done == o.max {
				return res, nil
			}
			if err := o.visit(ctx, s, run.ID, &res); err != nil {
				return res, err
			}
			res.After, res.HasMore = run.ID, page.HasMore || i < len(page.Data)-1
			if q.ByCompletion() {
				// The run may go on before the next page, and then has no place in the list.
				q.CompletedUntil = run.CompletedAt.Add(time.Microsecond)
			}
		}
		res.HasMore = page.HasMore
		o.progress(c, res)
	}
	return res, nil
}

// visit records the request about one run, unless it is a dry run.
func (o *requestOptions) visit(ctx context.Context, s *session, id string, res *automation.BulkResult) error {
	status := o.status
	if !o.dryRun {
		rec, err := s.store.RecordRunRequest(ctx, id, o.request, s.now())
		if err != nil && !errors.Is(err, automation.ErrNotFound) && !errors.Is(err, automation.ErrConflict) {
			return err
		}
		status = rec.Status
	}
	if status == o.status {
		res.Done++
	} else {
		res.Skipped++
	}
	return nil
}

// progress prints how far a long command is, for people.
func (o *requestOptions) progress(c *call, res automation.BulkResult) {
	if res.HasMore && !c.json && !o.dryRun {
		fmt.Fprintf(c.Stderr, "%s so far, up to %s\n", plural(res.Done, "run"), res.After)
	}
}

// requestedMany is the result of requests about many runs, in JSON, as the HTTP API has it
// for retries.
type requestedMany struct {
	Object    string  `json:"object"`
	DryRun    bool    `json:"dry_run"`
	Retried   *int    `json:"retried,omitempty"`
	Cancelled *int    `json:"cancelled,omitempty"`
	Skipped   int     `json:"skipped"`
	HasMore   bool    `json:"has_more"`
	After     *string `json:"after"`
}

func (o *requestOptions) printMany(c *call, res automation.BulkResult) error {
	if c.json {
		doc := requestedMany{Object: "run_retries", DryRun: o.dryRun, Retried: &res.Done, Skipped: res.Skipped, HasMore: res.HasMore}
		if o.request == automation.RequestCancel {
			doc.Object, doc.Retried, doc.Cancelled = "run_cancellations", nil, &res.Done
		}
		if res.After != "" {
			doc.After = &res.After
		}
		return c.printJSON(doc)
	}
	switch {
	case res.Done == 0 && !o.dryRun:
		c.printf("There is no %s run that the flags select.\n", o.status)
	case o.dryRun:
		c.printf("Would %s %s.\n", o.request, plural(res.Done, "run"))
	default:
		c.printf("Asked to %s %s.\n", o.request, plural(res.Done, "run"))
	}
	if res.Skipped > 0 {
		c.printf("%s changed meanwhile and needed nothing.\n", plural(res.Skipped, "run"))
	}
	if res.HasMore {
		c.printf("To go on: --after %s\n", res.After)
	}
	if res.Done > 0 && !o.dryRun {
		c.printf("%s\n", applied)
	}
	return nil
}
