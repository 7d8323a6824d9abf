package dashboard

import (
	"html/template"
	"strconv"

	"github.com/seed-b636437c/automation"
)

// versionRoutes are the pages about the versions of an automation.
var versionRoutes = []route{
	view("GET /a/{id}/versions", (*exchange).versions),
	view("GET /a/{id}/versions/{version}", (*exchange).version),
}

// versionsPage is the page of the versions of an automation.
type versionsPage struct {
	automationHead
	Rows    []versionRow
	Failure string // why the rows have no counts
	pager
}

// versionRow is a version in a list.
type versionRow struct {
	Number   int
	Previous int // the version before it in the list, or 0
	Current  bool
	Created  moment
	Author   string
	Runs     int
	RunsURL  template.URL
}

// Kept returns how many versions stay in any case.
func (versionsPage) Kept() int { return automation.KeptVersions }

func (x *exchange) versionRow(v automation.AutomationVersion) versionRow {
	return versionRow{Number: v.Version, Current: v.Current, Created: x.moment(v.CreatedAt), Author: v.Author}
}

// versions lists the versions of an automation. It makes three calls of the store.
func (x *exchange) versions() error {
	a, err := x.findAutomation()
	if err != nil {
		return err
	}
	ctx, cancel := x.reading()
	defer cancel()
	found, err := x.runner.ListVersions(ctx, a.ID, x.pageQuery())
	if err != nil {
		return named(err, "version")
	}
	body := versionsPage{automationHead: x.headOf(a, "Versions")}
	counts := x.counts(a.ID)
	body.Failure = counts.Failure
	tallies := tallyBy(counts.Data, func(c automation.RunCount) string { return strconv.Itoa(c.Version) })
	for i, v := range found.Data {
		row := x.versionRow(v)
		if i+1 < len(found.Data) {
			row.Previous = found.Data[i+1].Version
		}
		number := strconv.Itoa(v.Version)
		row.Runs, row.RunsURL = tallies[number].Runs, x.runsOf(a.ID, number, "", "")
		body.Rows = append(body.Rows, row)
	}
	body.pager = pagerOf(x, found, func(v automation.AutomationVersion) string { return strconv.Itoa(v.Version) })
	return x.show("versions", page{Title: "Versions of " + a.Name, Section: "Automations", Body: body})
}
