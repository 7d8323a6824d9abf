package postgres

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/seed-b636437c/automation"
)

// parallel is how many commits of one process are written at the same time. While one
// waits for the disk the other can use the processor.
const parallel = 2

// turns admits commits to the database.
type turns struct {
	// slots contains the slots of counters that no commit of this process uses, out of
	// one slot for each commit that may be in progress. Each process chooses them at
	// random, so that processes rarely use the same ones.
	slots chan int16
	alone chan struct{} // contains a value while a commit gathers all slots
}

func newTurns() turns {
	t := turns{slots: make(chan int16, parallel), alone: make(chan struct{}, 1)}
	first := rand.IntN(slots)
	for i := range parallel {
		t.slots <- int16((first + i) % slots)
	}
	return t
}

// take waits for n turns. The caller must return them with give.
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

// turnsFor returns how many turns a commit needs. Two concurrent commits are about
// different contacts, unless one of them only extends leases. That one and a commit that
// ends some of these leases would lock them in different orders. A commit that only
// extends leases therefore needs all turns.
func turnsFor(ts []automation.Transition) int {
	if slices.ContainsFunc(ts, func(t automation.Transition) bool { return t.Release || len(t.Handled) > 0 || len(t.Runs) > 0 }) {
		return 1
	}
	return parallel
}

// CommitsInParallel implements automation.ParallelCommitter.
func (s *Store) CommitsInParallel() bool { return true }
