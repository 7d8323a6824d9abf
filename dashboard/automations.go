package dashboard

import (
	"html/template"
	"time"

	"github.com/seed-b636437c/automation"
)

// automationRoutes are the pages about automations.
var automationRoutes = []route{
	view("GET /{$}", (*exchange).automations),
}

// pageSize is how many rows a list has.
const pageSize = 50

// automationList is the page of all automations.
type automationList struct {
	Rows   []automationRow
	Status string // the filter
	Older  template.URL
	Newer  template.URL
}

// automationRow is an automation in the list.
type automationRow struct {
	ID, Name, Status string
	Trigger          string // the name of the event that starts runs
	Updated          moment
}

// automations shows all automations.
func (x *exchange) automations() error {
	query := x.r.URL.Query()
	q := automation.AutomationQuery{PageQuery: automation.PageQuery{Limit: pageSize, After: query.Get("after"), Before: query.Get("before")}}
	list := automationList{}
	list.Status = query.Get("status")
	switch q.Status = automation.Status(list.Status); q.Status {
	case "", automation.StatusEnabled, automation.StatusDisabled:
	default:
		return badInput("No automation has this status", "A status is enabled or disabled.")
	}
	ctx, cancel := x.reading()
	defer cancel()
	found, err := x.runner.ListAutomations(ctx, q)
	if err != nil {
		return err
	}
	for _, a := range found.Data {
		list.Rows = append(list.Rows, x.automationRow(a))
	}
	if n := len(found.Data); n > 0 {
		list.Newer, list.Older = x.around(found.Data[0].ID, found.Data[n-1].ID, q.PageQuery, found.HasMore)
	}
	return x.show("automations", page{Title: "Automations", Section: "Automations", Body: list, Live: true})
}

func (x *exchange) automationRow(a automation.Automation) automationRow {
	return automationRow{ID: a.ID, Name: a.Name, Status: string(a.Status), Trigger: a.EventName, Updated: x.moment(later(a.CreatedAt, a.UpdatedAt))}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
