package dashboard

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"reflect"

	"github.com/seed-b636437c/automation"
)

// bulkQuestion is the page before an action about many runs.
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

// maxCounted is how many runs the question counts where no counter has the number: three
// pages, which together with the contact are four calls of the store.
const maxCounted = 300

// askBulk asks before an action about all runs that a filter selects, and names their
// number. It makes at most four calls of the store.
func (x *exchange) askBulk() error {
	query := x.r.URL.Query()
	action, filter, err := x.bulkOf(query)
	if err != nil {
		return err
	}
	count := read(x, func(ctx context.Context) (bulkCount, error) {
		q, known, err := x.jobQuery(ctx, action, filter)
		if err != nil || !known {
			return bulkCount{}, err
		}
		return x.countFor(ctx, action, q)
	})
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
// number for an automation, a version and a step. For other queries it looks at maxCounted
// runs at most.
func (x *exchange) countFor(ctx context.Context, action bulkAction, q automation.RunQuery) (bulkCount, error) {
	if counters := (automation.RunQuery{AutomationID: q.AutomationID, Version: q.Version, Step: q.Step, Statuses: q.Statuses}); q.AutomationID != "" && reflect.DeepEqual(q, counters) {
		return x.countByCounters(ctx, q)
	}
	q.Limit = 100
	res, err := action.do(ctx, x.runner, q, automation.BulkOptions{DryRun: true, Max: maxCounted})
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
	total, err := x.countFor(ctx, action, q)
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

// filterLink returns the link to the list of the runs that a filter selects.
func (x *exchange) filterLink(filter runFilter) template.URL {
	link := x.to.To("runs")
	if query := filter.query(); query != "" {
		link += template.URL("?" + query)
	}
	return link
}
