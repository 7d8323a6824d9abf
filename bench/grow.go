package main

import (
	"context"
	"time"
)

// grower is an engine that keeps ended runs.
type grower interface {
	// Grow adds the ended runs of Flow from the first number to the second, which is excluded. They
	// ended about that time ago, and belong to the first contacts in turn.
	Grow(ctx context.Context, from, to, contacts int, ago time.Duration) error
	// ListEnded lists the newest 20 runs that have ended, and returns how many the list has.
	ListEnded(ctx context.Context) (int, error)
}

// pruner is an engine with a call that removes ended runs.
type pruner interface {
	grower
	// Prune removes the runs that ended longer ago than age, and returns how many.
	Prune(ctx context.Context, age time.Duration) (int, error)
}

// ownersOf returns how many contacts n ended runs belong to: each has ten.
func ownersOf(n int) int { return max(1, n/10) }

// growing is how many runs are added with one clock.
const growing = 250_000

// growMonth adds ended runs from the first number to the second, which is excluded, so that they ended
// in the course of the last 30 days, the first numbers first.
func growMonth(ctx context.Context, g grower, from, to, contacts int) error {
	for at := from; at < to; at += growing {
		ago := time.Duration(float64(forever) * float64(to-at) / float64(to-from))
		if err := g.Grow(ctx, at, min(at+growing, to), contacts, ago); err != nil {
			return err
		}
	}
	return nil
}
