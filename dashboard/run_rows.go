package dashboard

import (
	"cmp"
	"context"
	"html/template"
	"strings"

	"github.com/seed-b636437c/automation"
)

// runRow is a run in a list.
type runRow struct {
	ID                       string
	Link                     template.URL
	AutomationID, Automation string
	ContactID, Contact       string
	Status, Step             string
	Early                    string // why the run ended before its last step
	Code, Message            string // of the error
	Started, Ended, Due      moment
}

// runRow returns a row with the ids of the automation and of the contact for their names.
func (x *exchange) runRow(run automation.Run) runRow {
	row := runRow{
		ID: run.ID, Link: x.to.To("a", run.AutomationID, "runs", run.ID),
		AutomationID: run.AutomationID, Automation: run.AutomationID, ContactID: run.ContactID, Contact: run.ContactID,
		Status: string(run.Status), Step: run.Step, Early: earlyOf(run),
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

// recentRuns returns the newest runs of an automation.
func (x *exchange) recentRuns(ctx context.Context, id string, version int) ([]runRow, error) {
	found, err := x.runner.ListRuns(ctx, automation.RunQuery{
		AutomationID: id, Version: version, PageQuery: automation.PageQuery{Limit: recentRuns},
	})
	if err != nil {
		return nil, err
	}
	names := x.contactNames(ctx, found.Data)
	var rows []runRow
	for _, run := range found.Data {
		row := x.runRow(run)
		row.Contact = names[run.ContactID]
		rows = append(rows, row)
	}
	return rows, nil
}

// runList is a page of runs on a page about something else.
type runList struct {
	Rows []runRow
	pager
}

// runList reads a page of runs with the names of their automations: two calls of the Runner.
func (x *exchange) runList(ctx context.Context, q automation.RunQuery) (list runList, err error) {
	found, err := x.runner.ListRuns(ctx, q)
	if err != nil || len(found.Data) == 0 {
		return list, named(err, "run")
	}
	names, err := x.automationNames(ctx)
	if err != nil {
		return list, err
	}
	for _, run := range found.Data {
		row := x.runRow(run)
		row.Automation = cmp.Or(names[run.AutomationID], run.AutomationID)
		list.Rows = append(list.Rows, row)
	}
	list.pager = pagerOf(x, found, runID)
	return list, nil
}

// runID is the cursor of a run in a list.
func runID(run automation.Run) string { return run.ID }
