package dashboard

import (
	"github.com/seed-b636437c/automation"
)

// automationRoutes are the pages about automations.
var automationRoutes = []route{
	view("GET /{$}", (*exchange).automations),
	edit("POST /examples", (*exchange).createExample).audited(createAction),
	view("GET /a/{id}", (*exchange).automation),
	view("GET /a/{id}/funnel", (*exchange).funnel),
	operate("GET /a/{id}/stop", (*exchange).askStop),
	operate("POST /a/{id}/start", (*exchange).start).audited(startAction),
	operate("POST /a/{id}/stop", (*exchange).stop).audited(stopAction),
	edit("POST /a/{id}/duplicate", (*exchange).duplicate).audited(duplicateAction),
	edit("GET /a/{id}/delete", (*exchange).askDelete),
	edit("POST /a/{id}/delete", (*exchange).delete).audited(deleteAction),
}

// automationsPage is the page of all automations.
type automationsPage struct {
	Rows    []automationRow
	Status  string // the filter
	Failure string // why the rows have no counts
	pager
	// Examples are offered if there is no automation yet.
	Examples []example
	Snippet  string
}

// automationRow is an automation in the list.
type automationRow struct {
	ID, Name, Status string
	Trigger          string // the name of the event that starts runs
	Counts           tally
	Updated          moment
}

// automations shows all automations. It makes two calls of the store.
func (x *exchange) automations() error {
	query := x.r.URL.Query()
	q := automation.AutomationQuery{PageQuery: x.pageQuery()}
	list := automationsPage{Status: query.Get("status")}
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
	x.fillAutomations(&list, found.Data)
	list.pager = pagerOf(x, found, func(a automation.Automation) string { return a.ID })
	if len(found.Data) == 0 && len(query) == 0 {
		list.Examples, list.Snippet = examples(), snippet
	}
	return x.show("automations", page{Title: "Automations", Section: "Automations", Body: list, Live: true})
}

// fillAutomations makes the rows of the list. Without the counts it still shows the rest.
func (x *exchange) fillAutomations(list *automationsPage, found []automation.Automation) {
	if len(found) == 0 {
		return
	}
	ids := make([]string, len(found))
	for i, a := range found {
		ids[i] = a.ID
	}
	counts := x.counts(ids...)
	list.Failure = counts.Failure
	tallies := tallyBy(counts.Data, func(c automation.RunCount) string { return c.AutomationID })
	for _, a := range found {
		list.Rows = append(list.Rows, automationRow{
			ID: a.ID, Name: a.Name, Status: string(a.Status), Trigger: a.EventName,
			Counts: tallies[a.ID], Updated: x.moment(later(a.CreatedAt, a.UpdatedAt)),
		})
	}
}
