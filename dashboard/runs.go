package dashboard

import (
	"cmp"
	"html/template"

	"github.com/seed-b636437c/automation"
)

// runRoutes are the pages about runs.
var runRoutes = []route{
	view("GET /runs", (*exchange).runs),
	view("GET /a/{id}/runs/{run}", (*exchange).run),
	operate("POST /a/{id}/runs/{run}/retry", (*exchange).retryRun).audited(retryRunAction),
	operate("GET /a/{id}/runs/{run}/cancel", (*exchange).askCancelRun),
	operate("POST /a/{id}/runs/{run}/cancel", (*exchange).cancelRun).audited(cancelRunAction),
	operate("GET /runs/bulk", (*exchange).askBulk),
	operate("POST /runs/bulk", (*exchange).startBulk).audited(startJobAction),
	view("GET /jobs/{job}", (*exchange).job),
	operate("POST /jobs/{job}/stop", (*exchange).stopJob).audited(stopJobAction),
}

// runsPage is the page of all runs.
type runsPage struct {
	Filter  runFilterForm
	Rows    []runRow
	Failure string // why the names of automations are missing
	Note    string // why there are no rows, if the filter is the reason
	Retry   template.URL
	Cancel  template.URL
	pager
}

// runs shows the runs that the filter in the query selects. It makes four calls of the
// store: for the contact in the filter, the runs, the automations and the contacts.
func (x *exchange) runs() error {
	query := x.r.URL.Query()
	filter, err := x.runFilter(query)
	if err != nil {
		return err
	}
	ctx, cancel := x.reading()
	defer cancel()
	q, known, err := x.resolve(ctx, filter)
	if err != nil {
		return err
	}
	q.PageQuery = x.pageQuery()
	found, err := x.runner.ListRuns(ctx, q)
	if err != nil {
		return named(err, "page of this list")
	}
	body := x.runsPage(filter, found.Data)
	body.pager = pagerOf(x, found, runID)
	if len(found.Data) == 0 {
		body.Note = emptyNote(filter, known, body.Filter.Unknown)
	}
	return x.show("runs", page{Title: "Runs", Section: "Runs", Body: body, Live: true})
}

// emptyNote returns why a filter selects no runs.
func emptyNote(f runFilter, knownContact, unknownAutomation bool) string {
	switch {
	case !knownContact:
		return "No contact has this email or id."
	case unknownAutomation:
		return "No automation has this id. It may have been deleted, and its runs with it or after it."
	case f.query() != "":
		return "No run matches this filter."
	default:
		return "There is no run yet. An event that a trigger waits for starts one."
	}
}

func (x *exchange) runsPage(filter runFilter, runs []automation.Run) runsPage {
	automations := read(x, x.newestAutomations)
	body := runsPage{Filter: x.filterForm(filter, automations.Data), Failure: automations.Failure}
	names := namesOfAutomations(automations.Data.Data)
	contacts := x.contactNames(x.ctx, runs)
	for _, run := range runs {
		row := x.runRow(run)
		row.Automation, row.Contact = cmp.Or(names[run.AutomationID], run.AutomationID), contacts[run.ContactID]
		body.Rows = append(body.Rows, row)
	}
	if filter.covers(automation.RunFailed) {
		body.Retry = x.bulkLink(bulkRetry, filter)
	}
	if filter.covers(automation.RunRunning) {
		body.Cancel = x.bulkLink(bulkCancel, filter)
	}
	return body
}
