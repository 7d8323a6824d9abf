package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// w13 is what the library's work costs beside ended runs, for each of the contestant's sizes: runs that
// ended in the course of the last month, ten of each contact.
//
// Throughput, latency and processor: as w1's, with at most 30,000 runs.
//
// wake-p50-ms: as w3's, with one of 1,000 waiting runs, if the engine has waits.
//
// Queries: as w5's: 20 of the runs in progress, the newest 20 that have ended, the runs of one contact,
// and how many runs of the automation have ended. Postgres gathers its statistics before all of this.
//
// Each run of the traffic must have sent one email.
func w13(ctx context.Context, b *bench) error {
	g := b.engine.(grower)
	sizes := b.cell.Sizes["w13"]
	largest := sizes[len(sizes)-1]
	owners, most := ownersOf(largest), max(least, min(busiest, largest/10))
	if err := b.engine.Populate(ctx, owners+len(sizes)*(quiet+most+waiters)); err != nil {
		return fmt.Errorf("making contacts: %w", err)
	}
	next, had := owners, 0
	for _, n := range sizes {
		if err := growMonth(ctx, g, had, n, owners); err != nil {
			return fmt.Errorf("making ended runs: %w", err)
		}
		had = n
		values, err := b.beside(ctx, next, most)
		if err != nil {
			return fmt.Errorf("with %d ended runs: %w", n, err)
		}
		b.report("W13", labels{"ended", fmt.Sprint(n)}, most, values...)
		next += quiet + most + waiters
	}
	return nil
}

// beside measures the works beside ended runs, with contacts from a number on.
func (b *bench) beside(ctx context.Context, from, most int) (values []value, err error) {
	if err := b.analyze(ctx); err != nil {
		return nil, fmt.Errorf("gathering statistics: %w", err)
	}
	idle, err := b.latencies(ctx, numbers(from + quiet)[from:], b.engine.Flow)
	if err != nil {
		return nil, fmt.Errorf("one run after the other: %w", err)
	}
	busy, err := b.saturate(ctx, from+quiet, from+quiet+most, nil)
	if err != nil {
		return nil, err
	}
	if err := b.sink.once(busy.contacts...); err != nil {
		return nil, err
	}
	values = slices.Concat([]value{{busy.rate(), "runs/s"}}, busy.spent, []value{{idle.at(50), "p50-ms"}})
	if w, ok := b.engine.(waiter); ok {
		woken, err := b.wakeOf(ctx, w, from+quiet+most, from+quiet+most+waiters)
		if err != nil {
			return nil, err
		}
		values = append(values, value{woken.at(50), "wake-p50-ms"})
	}
	queries, err := b.queriesBeside(ctx)
	return append(values, queries...), err
}

// waiters is how many runs wait in w13.
const waiters = 1_000

// wakeOf starts runs that wait, and wakes some of them one after the other.
func (b *bench) wakeOf(ctx context.Context, w waiter, from, to int) (latencies, error) {
	had, err := w.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.Wait(ctx, from, to); err != nil {
		return nil, fmt.Errorf("starting runs that wait: %w", err)
	}
	if err := until(ctx, had+to-from, w.Waiting); err != nil {
		return nil, fmt.Errorf("waiting runs: %w", err)
	}
	return b.latencies(ctx, numbers(from + woken)[from:], w.Signal)
}

// queriesBeside measures the queries.
func (b *bench) queriesBeside(ctx context.Context) (values []value, err error) {
	l, ok := b.engine.(lister)
	if !ok {
		return nil, nil
	}
	g := b.engine.(grower)
	for _, q := range []struct {
		unit string
		want int
		ask  func(i int) (int, error)
	}{
		{"page-ms", 0, func(int) (int, error) { return l.ListRunning(ctx) }},
		{"ended-page-ms", 1, func(int) (int, error) { return g.ListEnded(ctx) }},
		{"contact-ms", 1, func(int) (int, error) { return l.ListOfContact(ctx, 0) }},
		{"count-ms", 1, func(int) (int, error) { return b.engine.Finished(ctx) }},
	} {
		took, err := ask(q.want, q.ask)
		if errors.Is(err, errNoCall) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.unit, err)
		}
		values = append(values, value{took.at(50), q.unit})
	}
	return values, nil
}
