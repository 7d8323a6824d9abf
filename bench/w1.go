package main

import (
	"context"
	"fmt"
	"slices"
)

// quiet is the largest number of runs for the latency.
const quiet = 200

// w1 is complete runs: a condition, a change of the contact, an email. Each step is durable
// before the next step begins or as soon as the step is done.
//
// Latency: one run after the other on an engine without other work. The clock starts before
// the run is started and stops when its email arrives. The latency is not measured on
// several nodes, which have sinks of their own.
//
// Throughput: as many goroutines as the contestant has senders start n runs, each with a
// call of its own; on NATS, where each call waits for the disk, 8 goroutines start 100 with each
// call. The clock starts before the first run is started. It stops when the store
// counts all runs as finished. The store is queried after all emails have arrived, and on
// several nodes all the time.
//
// Processor: the time for which processors worked between start and stop, divided by the number of
// runs: for this process, and for all processes, such as Postgres and further nodes.
//
// In the end each contact must have one email and its new name.
func w1(ctx context.Context, b *bench) error {
	n := b.size()
	if err := b.engine.Populate(ctx, quiet+n); err != nil {
		return fmt.Errorf("making contacts: %w", err)
	}
	warm, idle, err := b.idle(ctx, min(quiet, n))
	if err != nil {
		return fmt.Errorf("one run after the other: %w", err)
	}
	took, spent, err := b.clocked(ctx, n, func() error { return b.flows(ctx, warm, warm+n) })
	if err != nil {
		return err
	}
	values := slices.Concat([]value{{float64(n) / took.Seconds(), "runs/s"}}, spent, idle)
	b.report("W1", labels{"nodes", fmt.Sprint(b.cell.Nodes)}, n, values...)
	return b.checkFlows(ctx, warm+n)
}

// idle performs up to n runs, one after the other if their emails arrive in this process, and
// returns how many it performed.
func (b *bench) idle(ctx context.Context, n int) (int, []value, error) {
	if b.cell.Nodes > 1 {
		return n, nil, b.flows(ctx, 0, n)
	}
	took, err := b.latencies(ctx, numbers(n), b.engine.Flow)
	if err != nil {
		return 0, nil, err
	}
	return len(took), []value{{took.at(50), "p50-ms"}, {took.at(99), "p99-ms"}}, nil
}

// flows performs the runs from the first number to the second, which is excluded, after all
// earlier runs have finished, and returns when all have finished.
func (b *bench) flows(ctx context.Context, from, to int) error {
	if err := b.start(ctx, from, to); err != nil {
		return fmt.Errorf("starting runs: %w", err)
	}
	return b.ended(ctx, to)
}

// ended returns when the first n runs have sent their emails and are recorded as finished.
func (b *bench) ended(ctx context.Context, n int) error {
	if b.cell.Nodes == 1 {
		if err := b.sink.wait(ctx, n); err != nil {
			return err
		}
	}
	if err := until(ctx, n, b.engine.Finished); err != nil {
		return fmt.Errorf("finished runs: %w", err)
	}
	return nil
}

// start starts runs, with a call for each, or with a call for many if the engine is a batcher.
func (b *bench) start(ctx context.Context, from, to int) error {
	many, ok := b.engine.(batcher)
	if !ok {
		return together(b.senders(), from, to, func(i int) error { return b.engine.Flow(ctx, i) })
	}
	return together(batchSenders, 0, (to-from+flowBatch-1)/flowBatch, func(i int) error {
		return many.Flows(ctx, from+i*flowBatch, min(from+(i+1)*flowBatch, to))
	})
}

// checkFlows checks that the work of each run was done once.
func (b *bench) checkFlows(ctx context.Context, n int) error {
	if err := b.collect(); err != nil {
		return err
	}
	if err := b.sink.once(numbers(n)...); err != nil {
		return err
	}
	changed, err := b.engine.Changed(ctx)
	if err == nil && changed != n {
		err = fmt.Errorf("%d of %d contacts were changed", changed, n)
	}
	return err
}
