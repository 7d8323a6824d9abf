package postgres

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/seed-b636437c/automation"
)

// parallel is how many commits of one process are written at the same time: while one
// waits for the disk the other can use the processor.
const parallel = 2

// turns admits commits to the database.
type turns struct {
	// slots holds the counters that nobody adds to just now, one for each commit that
	// may be under way. A process begins with any, as others do.
	slots chan int16
	alone chan struct{} // holds a token while somebody gathers all slots
}

func newTurns() turns {
	t := turns{slots: make(chan int16, parallel), alone: make(chan struct{}, 1)}
	first := rand.IntN(slots)
	for i := range parallel {
		t.slots <- int16((first + i) % slots)
	}
	return t
}

// take waits for n turns. They are given back by give.
func (t turns) take(ctx context.Context, n int) (taken []int16, err error) {
	if n > 1 {
		select {
		case t.alone <- struct{}{}:
			defer func() { <-t.alone }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for range n {
		select {
		case slot := <-t.slots:
			taken = append(taken, slot)
		case <-ctx.Done():
			t.give(taken)
			return nil, ctx.Err()
		}
	}
	return taken, nil
}

func (t turns) give(taken []int16) {
	for _, slot := range taken {
		t.slots <- slot
	}
}

// turnsFor returns how many turns a commit needs. The contacts of two commits differ,
// unless one only extends leases: it and a commit that ends some of them would lock
// them in different orders, and so it comes alone.
func turnsFor(ts []automation.Transition) int {
	if slices.ContainsFunc(ts, func(t automation.Transition) bool { return t.Release || len(t.Handled) > 0 || len(t.Runs) > 0 }) {
		return 1
	}
	return parallel
}

// CommitsInParallel implements automation.ParallelCommitter.
func (s *Store) CommitsInParallel() bool { return true }
