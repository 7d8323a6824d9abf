package temporal

import (
	"sync"

	"github.com/seed-b636437c/automation"
)

// announcer keeps the turns that this process has planned until they are in the history, and then
// gives them to the Observer and to the log of the Runner.
type announcer struct {
	runner *automation.Runner

	mu    sync.Mutex
	turns map[string]plannedTurn // by the id of the workflow
}

type plannedTurn struct {
	sequence int64
	turn     automation.Turn
}

// planned keeps a turn. It replaces one that did not get into the history.
func (a *announcer) planned(workflow string, sequence int64, t automation.Turn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turns[workflow] = plannedTurn{sequence, t}
}

// announce announces the turn of a workflow with a sequence, once, if this process has planned
// it.
func (a *announcer) announce(workflow string, sequence int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, ok := a.turns[workflow]; ok && p.sequence == sequence {
		delete(a.turns, workflow)
		a.runner.Announce(p.turn) // under the lock, so that notices of a contact keep their order
	}
}
