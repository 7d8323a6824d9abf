package dashboard

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"reflect"

	"github.com/seed-b636437c/automation"
)

// The names of actions for Options.Audit. A job that starts has the name of what it does:
// "retry runs" or "cancel runs".
const (
	startJobAction = "start job"
	stopJobAction  = "stop job"
)

// bulkAction is what a job does with many runs.
type bulkAction string

const (
	bulkRetry  bulkAction = "retry"
	bulkCancel bulkAction = "cancel"
)

// status is the status of the runs that the action is about.
func (a bulkAction) status() automation.RunStatus {
	if a == bulkRetry {
		return automation.RunFailed
	}
	return automation.RunRunning
}

// bulkResult is what an action has done so far.
type bulkResult struct {
	Done    int // runs that were retried or cancelled
	Skipped int // runs that had another status when their turn came
	HasMore bool
}

// do does the action for the runs of q, max of them at most unless it is zero. After each
// page it calls progress, which may be nil.
func (a bulkAction) do(ctx context.Context, runner *automation.Runner, q automation.RunQuery, dryRun bool, most int, progress func(bulkResult)) (bulkResult, error) {
	if a == bulkRetry {
		from := func(r automation.RetryResult) bulkResult { return bulkResult{r.Retried, r.Skipped, r.HasMore} }
		opts := automation.RetryOptions{DryRun: dryRun, Max: most}
		if progress != nil {
			opts.Progress = func(r automation.RetryResult) { progress(from(r)) }
		}
		res, err := runner.RetryRuns(ctx, q, opts)
		return from(res), err
	}
	from := func(r automation.CancelResult) bulkResult { return bulkResult{r.Cancelled, r.Skipped, r.HasMore} }
	opts := automation.CancelOptions{DryRun: dryRun, Max: most}
	if progress != nil {
		opts.Progress = func(r automation.CancelResult) { progress(from(r)) }
	}
	res, err := runner.CancelRuns(ctx, q, opts)
	return from(res), err
}

// bulkQuestion is the page that asks before an action about many runs.
type bulkQuestion struct {
	Action bulkAction
	Status string
	Count  part[bulkCount]
	Filter []givenField
	Back   template.URL
}

// bulkCount is how many runs an action is about.
type bulkCount struct {
	N    int
	More bool // there are more than N
}

// maxCounted is how many runs the question counts where no counter has the number.
const maxCounted = 1000

// askBulk asks before an action about all runs that a filter selects, and names their
// number.
func (x *exchange) askBulk() error {
	query := x.r.URL.Query()
	action, filter, err := x.bulkOf(query)
	if err != nil {
		return err
	}
	count := read(x, func(ctx context.Context) (bulkCount, error) { return x.countFor(ctx, action, filter) })
	body := bulkQuestion{action, string(action.status()), count, filter.fields(), x.filterLink(filter)}
	title := "Retry runs"
	if action == bulkCancel {
		title = "Cancel runs"
	}
	return x.show("bulk", page{Title: title, Section: "Runs", Body: body})
}

// bulkOf returns the action and the filter in the fields of a query or of a form.
func (x *exchange) bulkOf(fields map[string][]string) (bulkAction, runFilter, error) {
	filter, err := x.runFilter(fields)
	if err != nil {
		return "", filter, err
	}
	action := bulkAction("")
	if given := fields["action"]; len(given) == 1 {
		action = bulkAction(given[0])
	}
	switch {
	case action != bulkRetry && action != bulkCancel:
		return "", filter, badInput("It is not clear what to do with the runs", "Go back to the list and choose retry or cancel.")
	case !filter.covers(action.status()):
		return "", filter, badInput("The filter leaves no such run", "Only failed runs can be retried, and only running runs can be cancelled. Change the status of the filter.")
	default:
		return action, filter, nil
	}
}

// countFor returns how many runs an action is about. The counters of the store have the
// number for an automation, a version and a step. For other filters it looks at maxCounted
// runs at most.
func (x *exchange) countFor(ctx context.Context, action bulkAction, filter runFilter) (bulkCount, error) {
	q, known, err := x.jobQuery(ctx, action, filter)
	if err != nil || !known {
		return bulkCount{}, err
	}
	if counters := (automation.RunQuery{AutomationID: q.AutomationID, Version: q.Version, Step: q.Step, Statuses: q.Statuses}); q.AutomationID != "" && reflect.DeepEqual(q, counters) {
		return x.countByCounters(ctx, q)
	}
	q.Limit = 100
	res, err := action.do(ctx, x.runner, q, true, maxCounted, nil)
	return bulkCount{res.Done, res.HasMore}, err
}

func (x *exchange) countByCounters(ctx context.Context, q automation.RunQuery) (n bulkCount, err error) {
	counts, err := x.runner.CountRuns(ctx, q.AutomationID)
	for _, c := range counts {
		if c.Status == q.Statuses[0] && (q.Version == 0 || c.Version == q.Version) && (q.Step == "" || c.Step == q.Step) {
			n.N += c.Count
		}
	}
	return n, err
}

// jobQuery returns the query for the runs that an action is about. It reports false if the
// filter names a contact that does not exist.
func (x *exchange) jobQuery(ctx context.Context, action bulkAction, filter runFilter) (automation.RunQuery, bool, error) {
	q, known, err := x.resolve(ctx, filter)
	q.Statuses = []automation.RunStatus{action.status()}
	return q, known, err
}

// startBulk starts a job, or joins the one that does the same already, and shows it.
func (x *exchange) startBulk() error {
	action, filter, err := x.bulkOf(x.r.PostForm)
	if err != nil {
		return err
	}
	j, err := x.startJob(action, filter)
	x.audit(string(action)+" runs", filter.query(), err)
	if err != nil {
		return err
	}
	return x.seeOther(x.jobLink(j))
}

func (x *exchange) startJob(action bulkAction, filter runFilter) (*job, error) {
	ctx, cancel := x.reading()
	defer cancel()
	q, known, err := x.jobQuery(ctx, action, filter)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, badInput("No contact has this email or id", "Correct the filter. Nothing was changed.")
	}
	total, err := x.countFor(ctx, action, filter)
	if err != nil { // the job goes on without a number to reach
		total = bulkCount{More: true}
	}
	j, err := x.jobs.start(action, filter.query(), q, total)
	switch {
	case errors.Is(err, errJobsClosed):
		return nil, refusal{http.StatusServiceUnavailable, "The application is stopping", "Try again in a moment. Nothing was changed."}
	case errors.Is(err, errTooManyJobs):
		return nil, refusal{http.StatusServiceUnavailable, "Other jobs are at work", "Wait until one of them has ended, and try again. Nothing was changed."}
	}
	return j, err
}

// bulkLink returns the link to the question about an action.
func (x *exchange) bulkLink(action bulkAction, filter runFilter) template.URL {
	return x.to.To("runs", "bulk") + template.URL("?"+withAction(action, filter.query()))
}

// withAction adds an action to the query of a filter.
func withAction(action bulkAction, query string) string {
	if query != "" {
		query = "&" + query
	}
	return "action=" + string(action) + query
}

// filterLink returns the link to the list of the runs that a filter selects.
func (x *exchange) filterLink(filter runFilter) template.URL {
	link := x.to.To("runs")
	if query := filter.query(); query != "" {
		link += template.URL("?" + query)
	}
	return link
}

// jobLink returns the link to a job. It has the action and the filter, so that the page can
// offer to start the job again when the process does not know it any more.
func (x *exchange) jobLink(j *job) template.URL {
	return x.to.To("jobs", j.id) + template.URL("?"+withAction(j.action, j.filter))
}
