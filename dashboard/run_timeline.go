package dashboard

import (
	"html/template"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// barWidth is the width of the timeline in the units of its drawing, and leastBar the width
// of what took no time.
const (
	barWidth = 1000
	leastBar = 8
)

// bar is a step in the timeline of a run.
type bar struct {
	Key, Status, Branch, Took string
	Started                   moment
	Link                      template.URL
	X, Width                  int
}

// bars returns the timeline: the steps that the run reached, in the order of time.
func (x *exchange) bars(run automation.Run) (bars []bar) {
	steps := slices.DeleteFunc(slices.Clone(run.Steps), func(s automation.StepRun) bool { return s.StartedAt.IsZero() })
	slices.SortStableFunc(steps, func(a, b automation.StepRun) int { return a.StartedAt.Compare(b.StartedAt) })
	if len(steps) == 0 {
		return nil
	}
	begin, end := steps[0].StartedAt, run.CompletedAt
	if end.IsZero() {
		end = x.opts.Clock.Now()
	}
	for _, s := range steps {
		until := x.endOf(s)
		b := bar{
			Key: s.Key, Status: string(s.Status), Branch: takenWord(s.Branch), Took: took(until.Sub(s.StartedAt)),
			Started: x.moment(s.StartedAt), Link: x.stepLink(run, s.Key),
		}
		b.X, b.Width = place(s.StartedAt.Sub(begin), until.Sub(s.StartedAt), end.Sub(begin))
		bars = append(bars, b)
	}
	return bars
}

// place returns where a bar begins and how wide it is, for a step that started so long
// after the run and took so long.
func place(after, length, whole time.Duration) (x, width int) {
	if whole <= 0 {
		return 0, leastBar
	}
	scale := func(d time.Duration) int {
		return int(min(1, max(0, float64(d)/float64(whole))) * barWidth)
	}
	width = max(leastBar, scale(length))
	return min(scale(after), barWidth-width), width
}
