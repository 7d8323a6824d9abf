package dashboard

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation"
)

// funnelPage shows how far the runs of one version of an automation get.
type funnelPage struct {
	automationHead
	Filter   string // the version
	Versions []string
	Ended    bool // the sample has only runs that have ended
	Sample   part[funnel]
	Most     int // runs in a sample
}

// funnel is what a sample of runs shows.
type funnel struct {
	Runs       int
	Unreadable int // runs of the sample that this process cannot decode
	From       moment
	Rows       []funnelRow
}

// funnelRow is a step in a funnel.
type funnelRow struct {
	Key, Kind      string
	Reached        int
	Percent        int // of the sample
	At, Failed     int
	Skipped, Ended int // reached and not performed; cancelled at the step
	Left           []funnelBranch
	Median         string
	MedianOf       int // how many runs the median is of
}

// funnelBranch is how many runs left a step by one branch.
type funnelBranch struct {
	Name  string // "" for the default branch
	Count int
}

// funnel shows the funnel of an automation, from a sample of its newest runs. It makes four
// calls of the store at most.
func (x *exchange) funnel() error {
	version, err := x.versionFilter()
	if err != nil {
		return err
	}
	ended, err := x.endedOnly()
	if err != nil {
		return err
	}
	a, err := x.findAutomation()
	if err != nil {
		return err
	}
	q := automation.RunQuery{AutomationID: a.ID, Version: cmp.Or(version, a.Version)}
	if ended {
		q.Statuses = []automation.RunStatus{automation.RunCompleted, automation.RunFailed, automation.RunCancelled}
	}
	body := funnelPage{
		automationHead: x.headOf(a, "Funnel"), Filter: strconv.Itoa(q.Version), Versions: newestVersions(a.Version, q.Version),
		Ended: ended, Most: automation.MaxSample,
	}
	body.Sample = read(x, func(ctx context.Context) (funnel, error) {
		runs, err := x.runner.SampleRuns(ctx, q)
		f := funnelOf(runs)
		if len(runs) > 0 {
			f.From = x.moment(runs[len(runs)-1].StartedAt)
		}
		return f, err
	})
	return x.show("funnel", page{Title: "Funnel of " + a.Name, Section: "Automations", Body: body})
}

// endedOnly reports whether the query is for runs that have ended.
func (x *exchange) endedOnly() (bool, error) {
	switch x.r.URL.Query().Get("runs") {
	case "":
		return false, nil
	case "ended":
		return true, nil
	default:
		return false, badInput("A funnel is of all runs or of those that ended", "Choose one of the two, and try again.")
	}
}

// newestVersions returns the last versions to choose from, newest first, and the chosen one.
func newestVersions(current, chosen int) []string {
	const most = 20
	var versions []string
	for v := current; v > max(0, current-most); v-- {
		versions = append(versions, strconv.Itoa(v))
	}
	if text := strconv.Itoa(chosen); !slices.Contains(versions, text) {
		versions = append(versions, text)
	}
	return versions
}

// funnelOf computes the funnel of runs of one version.
func funnelOf(runs []automation.Run) funnel {
	f := funnel{Runs: len(runs)}
	var stays [][]time.Duration // by step
	for _, run := range runs {
		if run.Steps == nil {
			f.Unreadable++
			continue
		}
		if f.Rows == nil {
			f.Rows, stays = make([]funnelRow, len(run.Steps)), make([][]time.Duration, len(run.Steps))
		}
		for i, step := range run.Steps[:min(len(run.Steps), len(f.Rows))] {
			f.Rows[i].add(run, step)
			if step.Status == automation.StepCompleted {
				stays[i] = append(stays[i], step.CompletedAt.Sub(step.StartedAt))
			}
		}
	}
	for i := range f.Rows {
		f.Rows[i].summarize(f.Runs-f.Unreadable, stays[i])
	}
	return f
}

// add counts one run at the step.
func (row *funnelRow) add(run automation.Run, step automation.StepRun) {
	row.Key, row.Kind = step.Key, typeName(step.Type)
	if step.StartedAt.IsZero() {
		return
	}
	row.Reached++
	switch step.Status {
	case automation.StepCompleted:
		row.leave(takenWord(step.Branch))
	case automation.StepFailed:
		row.Failed++
	case automation.StepSkipped:
		row.Skipped++
	case automation.StepCancelled:
		row.Ended++
	default: // running or waiting
		row.At++
	}
}

// leave counts a run that left the step by a branch.
func (row *funnelRow) leave(branch string) {
	i := slices.IndexFunc(row.Left, func(b funnelBranch) bool { return b.Name == branch })
	if i < 0 {
		i = len(row.Left)
		row.Left = append(row.Left, funnelBranch{Name: branch})
	}
	row.Left[i].Count++
}

// summarize computes what needs all runs of the sample.
func (row *funnelRow) summarize(runs int, stays []time.Duration) {
	slices.SortFunc(row.Left, func(a, b funnelBranch) int { return cmp.Compare(a.Name, b.Name) })
	row.Percent = (200*row.Reached + runs) / (2 * runs)
	if row.MedianOf = len(stays); row.MedianOf > 0 {
		slices.Sort(stays)
		row.Median = took(stays[len(stays)/2])
	}
}
