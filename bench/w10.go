package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// w10 is a campaign: the run of w1 for each of n contacts, all of them at once.
//
// The clock starts before the first call and stops when the last email has arrived. An engine that
// can start many runs with a call does so: "automation" sends 1,000 events with each call of Send,
// "automation-bulk" makes one call of StartMany, and River inserts 1,000 jobs with each call of
// InsertManyFast. handed-s is when the last call has returned, and first-ms when the first email has
// arrived.
//
// Processor: as in w1, from the same start until the store counts all runs as finished.
//
// In the end each contact must have one email.
func w10(ctx context.Context, b *bench) error {
	n := b.size()
	if err := b.engine.Populate(ctx, n); err != nil {
		return fmt.Errorf("making contacts: %w", err)
	}
	var began, handed time.Time
	_, spent, err := b.clocked(ctx, n, func() error {
		began = time.Now()
		if err := b.campaign(ctx, n); err != nil {
			return fmt.Errorf("starting runs: %w", err)
		}
		handed = time.Now()
		return b.ended(ctx, n)
	})
	if err != nil {
		return err
	}
	arrivals := b.sink.arrivals()
	last := arrivals[n-1].At.Sub(began)
	b.report("W10", nil, n, slices.Concat(
		[]value{{float64(n) / last.Seconds(), "emails/s"}, {last.Seconds(), "last-s"}}, spent,
		[]value{{handed.Sub(began).Seconds(), "handed-s"}, {arrivals[0].At.Sub(began).Seconds() * 1e3, "first-ms"}})...)
	return b.sink.once(numbers(n)...)
}

// campaign starts the runs of n contacts with as few calls as the engine allows.
func (b *bench) campaign(ctx context.Context, n int) error {
	if _, many := b.engine.(batcher); !many {
		if c, ok := b.engine.(campaigner); ok {
			return c.Campaign(ctx, n)
		}
	}
	return b.start(ctx, 0, n)
}
