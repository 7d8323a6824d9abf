package dashboard

import (
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/awaited"
)

// runWaits are the names of the events that a running run listens to, by what they do.
type runWaits struct {
	For    []string // those that end the wait that the run is at
	Exits  []string // those that end the run
	Either []string // all of them, if the version of the run cannot be read
}

// waitsOf returns what a run listens to, which the version of the run tells apart.
func waitsOf(run automation.Run, version automation.Automation) (waits runWaits) {
	if len(run.Listens) == 0 {
		return waits
	}
	at := slices.IndexFunc(version.Steps, func(s automation.Step) bool { return s.Key == run.Step })
	if at < 0 {
		return runWaits{Either: run.Listens}
	}
	waits.For = awaited.ByStep(version.Steps[at].Config)
	if version.Exit != nil {
		waits.Exits = awaited.Names(version.Exit.Events)
	}
	return waits
}
