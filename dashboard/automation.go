package dashboard

import (
	"context"
	"html/template"
	"slices"
	"strconv"

	"github.com/seed-b636437c/automation"
)

// recentRuns is how many runs the page of an automation has.
const recentRuns = 20

// automationHead is what all pages of one automation begin with.
type automationHead struct {
	ID, Name, Status  string
	Event             string // that starts runs
	Version, Revision int
	Stopped           moment // when an operator stopped it, or zero
	Updated           moment
	Tab               string
}

func (x *exchange) headOf(a automation.Automation, tab string) automationHead {
	return automationHead{
		ID: a.ID, Name: a.Name, Status: string(a.Status), Version: a.Version, Revision: a.Revision, Event: eventOf(a),
		Stopped: x.moment(a.StoppedAt), Updated: x.moment(later(a.CreatedAt, a.UpdatedAt)), Tab: tab,
	}
}

// eventOf returns the name of the event that starts runs of an automation, or "".
func eventOf(a automation.Automation) string {
	if len(a.Steps) == 0 {
		return ""
	}
	trigger, _ := a.Steps[0].Config.(automation.Trigger)
	return trigger.EventName
}

// automationPage is the page of one automation.
type automationPage struct {
	automationHead
	Filter   string // the version whose runs are counted, or "" for all
	Versions []string
	Counts   part[tally]
	Tiles    []tile
	Flow     flowView
	Runs     part[[]runRow]
}

// tile is a number, with a link to the runs that it counts.
type tile struct {
	Name, Status string
	Count        int
	Link         template.URL
}

// findAutomation returns the automation of the path.
func (x *exchange) findAutomation() (automation.Automation, error) {
	ctx, cancel := x.reading()
	defer cancel()
	a, err := x.runner.GetAutomation(ctx, x.r.PathValue("id"))
	return a, named(err, "automation")
}

// automation shows one automation. It makes four calls of the store.
func (x *exchange) automation() error {
	version, err := x.versionFilter()
	if err != nil {
		return err
	}
	a, err := x.findAutomation()
	if err != nil {
		return err
	}
	body := automationPage{automationHead: x.headOf(a, "Flow")}
	if version > 0 {
		body.Filter = strconv.Itoa(version)
	}
	x.fillCounts(&body, a, version)
	body.Runs = read(x, func(ctx context.Context) ([]runRow, error) { return x.recentRuns(ctx, a.ID, version) })
	return x.show("automation", page{Title: a.Name, Section: "Automations", Body: body, Live: true})
}

// fillCounts fills in what the counts of runs give: the tiles, the numbers at the steps, and
// the versions to choose from.
func (x *exchange) fillCounts(body *automationPage, a automation.Automation, version int) {
	counts := x.counts(a.ID)
	body.Versions = versionsIn(counts.Data, a.Version)
	if version > 0 {
		counts.Data = slices.DeleteFunc(counts.Data, func(c automation.RunCount) bool { return c.Version != version })
	}
	body.Counts = part[tally]{total(counts.Data), counts.Failure}
	steps := outlineOf(a, tallyBy(counts.Data, func(c automation.RunCount) string { return c.Step }))
	for i := range steps {
		s := &steps[i]
		s.Here = x.runsOf(a.ID, body.Filter, s.Key, automation.RunRunning)
		s.Failed = x.runsOf(a.ID, body.Filter, s.Key, automation.RunFailed)
		s.All = x.runsOf(a.ID, body.Filter, s.Key, "")
	}
	body.Flow = flowOf(a, steps)
	body.Tiles = x.tiles(a.ID, body.Filter, body.Counts.Data)
}

// versionsIn returns the versions that have runs, and the current one, newest first.
func versionsIn(counts []automation.RunCount, current int) []string {
	versions := []int{current}
	for _, c := range counts {
		versions = append(versions, c.Version)
	}
	slices.Sort(versions)
	var texts []string
	for _, v := range slices.Backward(slices.Compact(versions)) {
		texts = append(texts, strconv.Itoa(v))
	}
	return texts
}

func (x *exchange) tiles(id, version string, t tally) []tile {
	var tiles []tile
	add := func(name string, status automation.RunStatus, n int) {
		tiles = append(tiles, tile{name, string(status), n, x.runsOf(id, version, "", status)})
	}
	add("Runs", "", t.Runs)
	add("Running", automation.RunRunning, t.Running)
	add("Completed", automation.RunCompleted, t.Completed)
	add("Failed", automation.RunFailed, t.Failed)
	add("Cancelled", automation.RunCancelled, t.Cancelled)
	return tiles
}

// runsOf returns the link to the runs of an automation that a filter selects. An empty
// version, step or status selects all.
func (x *exchange) runsOf(id, version, step string, status automation.RunStatus) template.URL {
	return x.to.With(x.to.To("runs"), "automation", id, "version", version, "step", step, "status", string(status))
}
