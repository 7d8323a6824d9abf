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
	ahead map[string]plannedTurn // those that no workflow has adopted yet
}

// maxPlanned bounds how many turns wait. Those that another process goes on with stay behind.
const maxPlanned = 10_000

type plannedTurn struct {
	sequence int64
	turn     automation.Turn
}

// planned keeps a turn. It replaces one that did not get into the history.
func (a *announcer) planned(workflow string, sequence int64, t automation.Turn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	put(a.turns, workflow, plannedTurn{sequence, t})
}

// plannedAhead keeps a turn that a workflow may adopt.
func (a *announcer) plannedAhead(workflow string, sequence int64, t automation.Turn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	put(a.ahead, workflow, plannedTurn{sequence, t})
}

// adopt takes in that a workflow has adopted a turn, and reports whether this process has planned
// it.
func (a *announcer) adopt(workflow string, sequence int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.ahead[workflow]
	if !ok || p.sequence != sequence {
		return false
	}
	delete(a.ahead, workflow)
	put(a.turns, workflow, p)
	return true
}

// put keeps a turn in place of any other one if there are too many.
func put(turns map[string]plannedTurn, workflow string, p plannedTurn) {
	for other := range turns {
		if len(turns) < maxPlanned {
			break
		}
		delete(turns, other)
	}
	turns[workflow] = p
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
