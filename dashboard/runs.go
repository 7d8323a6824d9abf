package dashboard

import (
	"cmp"
	"context"
	"html/template"
	"slices"
	"strings"
	"time"

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

// runListPage is the page of all runs.
type runListPage struct {
	Filter       runFilterForm
	Rows         []runListRow
	Unread       string // why the names of automations are missing
	Note         string // why there are no rows, if the filter is the reason
	Retry        template.URL
	Cancel       template.URL
	Newer, Older template.URL
}

// runFilterForm is the form of the filter.
type runFilterForm struct {
	Statuses                                   []choice
	Automations                                []choice
	Version, Step, Event, Contact, From, Until string
	EndedFrom, EndedUntil                      string
	Codes                                      []choice
	// More means that a field is set that the form shows only on demand.
	More, Any bool
	// Unknown means that the chosen automation is not among all automations.
	Unknown bool
}

// choice is an option of a form.
type choice struct {
	Value, Text string
	Chosen      bool
}

// runListRow is a run in the list.
type runListRow struct {
	ID, AutomationID, Automation string
	ContactID, Contact           string
	Status, Step                 string
	Code, Message                string // of the error
	Started, Ended, Due          moment
}

// maxNames is how many automations the list offers in its filter and knows the names of.
const maxNames = 100

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
	q.PageQuery = automation.PageQuery{Limit: pageSize, After: query.Get("after"), Before: query.Get("before")}
	found, err := x.runner.ListRuns(ctx, q)
	if err != nil {
		return named(err, "page of this list")
	}
	body := x.runListPage(filter, found.Data)
	if n := len(found.Data); n > 0 {
		body.Newer, body.Older = x.around(found.Data[0].ID, found.Data[n-1].ID, q.PageQuery, found.HasMore)
	} else {
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

func (x *exchange) runListPage(filter runFilter, runs []automation.Run) runListPage {
	automations := read(x, func(ctx context.Context) (automation.Page[automation.Automation], error) {
		return x.runner.ListAutomations(ctx, automation.AutomationQuery{PageQuery: automation.PageQuery{Limit: maxNames}})
	})
	body := runListPage{Filter: x.filterForm(filter, automations.Data), Unread: automations.Failure}
	names := map[string]string{}
	for _, a := range automations.Data.Data {
		names[a.ID] = a.Name
	}
	contacts := x.contactNames(x.ctx, runs)
	for _, run := range runs {
		row := x.runListRow(run)
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

func (x *exchange) runListRow(run automation.Run) runListRow {
	row := runListRow{
		ID: run.ID, AutomationID: run.AutomationID, ContactID: run.ContactID, Status: string(run.Status), Step: run.Step,
		Started: x.moment(run.StartedAt), Ended: x.moment(run.CompletedAt), Due: x.moment(run.DueAt),
	}
	if run.Error != nil {
		row.Code, row.Message = string(run.Error.Code), short(run.Error.Message)
	}
	return row
}

// maxMessage is the most bytes of an error in a list.
const maxMessage = 160

// short cuts a text.
func short(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "…"
}

// filterForm returns the form that shows the filter.
func (x *exchange) filterForm(f runFilter, automations automation.Page[automation.Automation]) runFilterForm {
	form := runFilterForm{
		Version: f.Given.Get("version"), Step: f.Given.Get("step"), Event: f.Given.Get("event"), Contact: f.Given.Get("contact"),
		From: x.timeField(f.Query.CreatedFrom), Until: x.timeField(f.Query.CreatedUntil),
		EndedFrom: x.timeField(f.Query.CompletedFrom), EndedUntil: x.timeField(f.Query.CompletedUntil), Any: f.query() != "",
	}
	form.More = form.Version+form.Step+form.Event+form.From+form.Until+form.EndedFrom+form.EndedUntil+f.Given.Get("code") != ""
	for _, code := range errorCodes {
		form.Codes = append(form.Codes, choice{string(code), string(code), code == f.Query.ErrorCode})
	}
	for _, status := range allStatuses {
		form.Statuses = append(form.Statuses, choice{string(status), string(status), slices.Contains(f.Query.Statuses, status)})
	}
	missing := f.Query.AutomationID
	for _, a := range automations.Data {
		chosen := a.ID == f.Query.AutomationID
		form.Automations = append(form.Automations, choice{a.ID, a.Name, chosen})
		if chosen {
			missing = ""
		}
	}
	if missing != "" { // deleted, or beyond the first page: its runs can be listed all the same
		form.Automations = append(form.Automations, choice{missing, missing, true})
		form.Unknown = len(automations.Data) > 0 && !automations.HasMore
	}
	return form
}

// timeField returns a time for an <input type="datetime-local">.
func (x *exchange) timeField(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(x.opts.Location).Format(fieldTime)
}
