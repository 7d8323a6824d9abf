package record

import (
	"cmp"
	"slices"

	"github.com/seed-b636437c/automation"
)

// Tally adds up how the counters change in one transaction. Its keys are whatever a
// store names a counter by.
type Tally[K comparable] map[K]int

// Move counts a run that leaves one counter's group for another's. From is nil for a
// run that is started, and to is nil for one that is removed.
func (t Tally[K]) Move(from, to *K) {
	if from != nil {
		t[*from]--
	}
	if to != nil {
		t[*to]++
	}
}

// Delta is a change of one counter.
type Delta[K comparable] struct {
	Key K
	N   int
}

// Changes returns the counters that change, always in the same order. Transactions
// that lock the rows of counters in this order cannot end up in a deadlock with one
// another.
func (t Tally[K]) Changes(compare func(a, b K) int) []Delta[K] {
	var deltas []Delta[K]
	for key, n := range t {
		if n != 0 {
			deltas = append(deltas, Delta[K]{key, n})
		}
	}
	slices.SortFunc(deltas, func(a, b Delta[K]) int { return compare(a.Key, b.Key) })
	return deltas
}

// CountsOf returns the counts of automations as CountRuns returns them. rows has at least
// one row for each automation that exists, with a count of zero if it has no runs.
func CountsOf(ids []string, rows []automation.RunCount) ([]automation.RunCount, error) {
	for _, id := range ids {
		if !slices.ContainsFunc(rows, func(c automation.RunCount) bool { return c.AutomationID == id }) {
			return nil, NotFound("automation", id)
		}
	}
	rows = slices.DeleteFunc(rows, func(c automation.RunCount) bool { return c.Count == 0 })
	SortCounts(rows)
	return rows, nil
}

// SortCounts sorts counts as CountRuns returns them.
func SortCounts(counts []automation.RunCount) {
	slices.SortFunc(counts, func(a, b automation.RunCount) int {
		return cmp.Or(cmp.Compare(a.AutomationID, b.AutomationID), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Status, b.Status))
	})
}
