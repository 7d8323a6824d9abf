package dashboard

import (
	"context"
	"html/template"
	"strconv"

	"github.com/seed-b636437c/automation"
)

// versionRoutes are the pages about the versions of an automation.
var versionRoutes = []route{
	view("GET /a/{id}/versions", (*exchange).versions),
	view("GET /a/{id}/versions/{version}", (*exchange).version),
}

// versionList is the page of the versions of an automation.
type versionList struct {
	automationHead
	Rows         []versionRow
	Failure      string // why the rows have no counts
	Newer, Older template.URL
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
func (versionList) Kept() int { return automation.KeptVersions }

func (x *exchange) versionRow(v automation.AutomationVersion) versionRow {
	return versionRow{Number: v.Version, Current: v.Current, Created: x.moment(v.CreatedAt), Author: v.Author}
}

// versions lists the versions of an automation. It makes three calls of the store.
func (x *exchange) versions() error {
	a, err := x.findAutomation()
	if err != nil {
		return err
	}
	query := x.r.URL.Query()
	q := automation.PageQuery{Limit: pageSize, After: query.Get("after"), Before: query.Get("before")}
	ctx, cancel := x.reading()
	defer cancel()
	found, err := x.runner.ListVersions(ctx, a.ID, q)
	if err != nil {
		return named(err, "version")
	}
	body := versionList{automationHead: x.headOf(a, "Versions")}
	counts := read(x, func(ctx context.Context) ([]automation.RunCount, error) { return x.runner.CountRuns(ctx, a.ID) })
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
	if n := len(body.Rows); n > 0 {
		body.Newer, body.Older = x.around(strconv.Itoa(body.Rows[0].Number), strconv.Itoa(body.Rows[n-1].Number), q, found.HasMore)
	}
	return x.show("versions", page{Title: "Versions of " + a.Name, Section: "Automations", Body: body})
}

// versionPage is the page of one version, and of what changed between two.
type versionPage struct {
	automationHead
	Row    versionRow
	Flow   flowView
	With   string // the other version, or ""
	Others part[[]string]
	Diff   *comparison
}

// version shows one version. It makes four calls of the store at most.
func (x *exchange) version() error {
	number, with, err := x.versionsOfPath()
	if err != nil {
		return err
	}
	a, err := x.findAutomation()
	if err != nil {
		return err
	}
	v, err := x.findVersion(a.ID, number)
	if err != nil {
		return err
	}
	graph := automation.Automation{Name: a.Name, Steps: v.Steps, Connections: v.Connections}
	body := versionPage{automationHead: x.headOf(a, "Versions"), Row: x.versionRow(v), Flow: flowOf(graph, outlineOf(graph, nil))}
	if with > 0 {
		other, err := x.findVersion(a.ID, with)
		if err != nil {
			return err
		}
		diff := compare(other, v)
		body.With, body.Diff = strconv.Itoa(with), &diff
	}
	body.Others = read(x, func(ctx context.Context) ([]string, error) { return x.otherVersions(ctx, a.ID, number, with) })
	title := "Version " + strconv.Itoa(number) + " of " + a.Name
	return x.show("version", page{Title: title, Section: "Automations", Body: body})
}

// versionsOfPath returns the version of the path, and the one to compare it with or 0.
func (x *exchange) versionsOfPath() (number, with int, err error) {
	number, err = strconv.Atoi(x.r.PathValue("version"))
	if err != nil {
		return 0, 0, notFound("version")
	}
	if text := x.r.URL.Query().Get("with"); text != "" {
		if with, err = strconv.Atoi(text); err != nil || with < 1 {
			return 0, 0, badInput("There is no such version", "A version is a number from 1 on.")
		}
	}
	return number, with, nil
}

func (x *exchange) findVersion(id string, number int) (automation.AutomationVersion, error) {
	ctx, cancel := x.reading()
	defer cancel()
	v, err := x.runner.GetAutomationVersion(ctx, id, number)
	return v, named(err, "version")
}

// otherVersions returns the newest versions that a version can be compared with.
func (x *exchange) otherVersions(ctx context.Context, id string, number, chosen int) ([]string, error) {
	found, err := x.runner.ListVersions(ctx, id, automation.PageQuery{Limit: 100})
	var others []string
	listed := chosen == 0
	for _, v := range found.Data {
		if v.Version != number {
			others = append(others, strconv.Itoa(v.Version))
		}
		listed = listed || v.Version == chosen
	}
	if !listed {
		others = append(others, strconv.Itoa(chosen))
	}
	return others, err
}
