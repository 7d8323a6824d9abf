package record

import (
	"cmp"
	"slices"
)

// Place is where a run stands, as far as runs are counted.
type RunGroup struct {
	Automation int64
	Version    int
	Status     int16
	Step       string
}

// Tally gathers what becomes of the counters in one transaction.
type Tally map[RunGroup]int

// Move counts a run that goes from one place to another. Nil is nowhere: a run
// that was started comes from there, one that was removed goes there.
func (t Tally) Move(from, to *RunGroup) {
	if from != nil {
		t[*from]--
	}
	if to != nil {
		t[*to]++
	}
}

// Delta is a change of one counter.
type Delta struct {
	RunGroup
	N int
}

// Changes returns the counters that change, always in the same order: whoever
// locks their rows so cannot lock up with another who does.
func (t Tally) Changes() []Delta {
	var deltas []Delta
	for p, n := range t {
		if n != 0 {
			deltas = append(deltas, Delta{p, n})
		}
	}
	slices.SortFunc(deltas, func(a, b Delta) int {
		return cmp.Or(cmp.Compare(a.Automation, b.Automation), cmp.Compare(a.Version, b.Version),
			cmp.Compare(a.Status, b.Status), cmp.Compare(a.Step, b.Step))
	})
	return deltas
}
