package dashboard

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// tally counts runs by their status.
type tally struct{ Runs, Running, Completed, Failed, Cancelled int }

func (t *tally) add(c automation.RunCount) {
	t.Runs += c.Count
	switch c.Status {
	case automation.RunRunning:
		t.Running += c.Count
	case automation.RunCompleted:
		t.Completed += c.Count
	case automation.RunFailed:
		t.Failed += c.Count
	case automation.RunCancelled:
		t.Cancelled += c.Count
	}
}

// tallyBy adds counts up, by what key returns for each.
func tallyBy(counts []automation.RunCount, key func(automation.RunCount) string) map[string]tally {
	all := map[string]tally{}
	for _, c := range counts {
		t := all[key(c)]
		t.add(c)
		all[key(c)] = t
	}
	return all
}

// total adds counts up.
func total(counts []automation.RunCount) (t tally) {
	for _, c := range counts {
		t.add(c)
	}
	return t
}

// counts reads the counts of the runs of automations.
func (x *exchange) counts(ids ...string) part[[]automation.RunCount] {
	return read(x, func(ctx context.Context) ([]automation.RunCount, error) { return x.runner.CountRuns(ctx, ids...) })
}

// totalOf reads how many runs an automation has.
func (x *exchange) totalOf(id string) part[tally] {
	counts := x.counts(id)
	return part[tally]{total(counts.Data), counts.Failure}
}
