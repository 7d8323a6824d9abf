package dashboard

import (
	"context"
	"strconv"

	"github.com/seed-b636437c/automation"
)

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
	graph := automation.Automation{Name: a.Name, Steps: v.Steps, Connections: v.Connections, Entry: v.Entry, Exit: v.Exit}
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
	with, err = parseVersion(x.r.URL.Query().Get("with"))
	return number, with, err
}

func (x *exchange) findVersion(id string, number int) (automation.AutomationVersion, error) {
	ctx, cancel := x.reading()
	defer cancel()
	v, err := x.runner.GetAutomationVersion(ctx, id, number)
	return v, named(err, "version")
}

// otherVersions returns the newest versions that a version can be compared with.
func (x *exchange) otherVersions(ctx context.Context, id string, number, chosen int) ([]string, error) {
	found, err := x.runner.ListVersions(ctx, id, newest)
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
