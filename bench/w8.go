package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// w8 is the complete runs of w1 at half of the rate that the contestant has in w1.
//
// Latency: runs are started at the moments of a Poisson process, whether or not earlier runs have
// ended, each in a goroutine of its own. The clock of a run starts at its moment, also if the call
// is made later, and stops when its email arrives. So the latency includes the time for which a
// busy engine keeps callers waiting.
//
// Rate: half of the runs a second of w1 in the same round. Without w1, and on engines on which w1
// starts many runs with each call, it is half of what the contestant does right before, with
// a call for each run.
//
// Processor: as in w1, from the first moment until the store counts all runs as finished.
//
// In the end each contact must have one email and its new name.
func w8(ctx context.Context, b *bench) error {
	n := b.size()
	if err := b.engine.Populate(ctx, 2*n); err != nil {
		return fmt.Errorf("making contacts: %w", err)
	}
	began := time.Now()
	if err := together(b.senders(), 0, n, func(i int) error { return b.engine.Flow(ctx, i) }); err != nil {
		return fmt.Errorf("starting runs: %w", err)
	}
	if err := b.ended(ctx, n); err != nil {
		return err
	}
	rate := b.cell.Rate
	if _, many := b.engine.(batcher); many || rate == 0 {
		rate = float64(n) / time.Since(began).Seconds() / 2
	}
	var moments []time.Time
	took, spent, err := b.clocked(ctx, n, func() (err error) {
		if moments, err = b.arrive(ctx, rate, n, 2*n, nil); err != nil {
			return fmt.Errorf("starting runs: %w", err)
		}
		return b.ended(ctx, 2*n)
	})
	if err != nil {
		return err
	}
	late := b.sink.since(n, moments)
	b.report("W8", nil, n, slices.Concat(
		[]value{{rate, "arrivals/s"}, {float64(n) / took.Seconds(), "runs/s"}, {late.at(50), "p50-ms"}, {late.at(99), "p99-ms"}}, spent)...)
	return b.checkFlows(ctx, 2*n)
}

// arrive starts the runs from the first number to the second, which is excluded, at the moments of a
// Poisson process, which it returns, until stop is closed. It does not wait for a call before it makes
// the next.
func (b *bench) arrive(ctx context.Context, rate float64, from, to int, stop <-chan struct{}) ([]time.Time, error) {
	moments := make([]time.Time, 0, to-from)
	calls := make(chan error, to-from)
	for i, moment := from, time.Now(); i < to && (i == from || !closed(stop)); i++ {
		moment = moment.Add(time.Duration(b.random.ExpFloat64() / rate * float64(time.Second)))
		moments = append(moments, moment)
		time.Sleep(time.Until(moment))
		go func() { calls <- b.engine.Flow(ctx, i) }()
	}
	for range moments {
		if err := <-calls; err != nil {
			return nil, err
		}
	}
	return moments, nil
}
