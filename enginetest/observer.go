package enginetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

func observerChecks() []Check {
	return []Check{check("observers/get a notice of each run and each event once", observed)}
}

// notices counts what an observer of all processes gets.
type notices struct {
	mu     sync.Mutex
	counts map[string]int
}

// Observe implements automation.Observer.
func (n *notices) Observe(notice automation.Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch v := notice.(type) {
	case *automation.EventHandled:
		n.counts["handled "+v.Event.ID]++
	case *automation.RunStarted:
		n.counts["started "+v.Run.ID]++
	case *automation.RunEnded:
		n.counts["ended "+v.Run.ID]++
	}
}

func (n *notices) count(what, id string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts[what+" "+id]
}

func observed(f *fixture) {
	n := &notices{counts: map[string]int{}}
	f.opts.Observer = n
	f.start(flow("welcome", "signup", email("hello"), pause("rest", time.Second), email("tips")))
	for i, id := range f.sendAll(events("signup", 20)...) {
		run := f.started(id)
		f.ended(run, automation.RunCompleted)
		f.caughtUp(address(i))
		f.untilEqual("notices", func() any {
			return fmt.Sprint(n.count("handled", id), n.count("started", run), n.count("ended", run))
		}, fmt.Sprint(1, 1, 1))
	}
}
