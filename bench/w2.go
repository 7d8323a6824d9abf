package main

import (
	"context"
	"fmt"
	"time"
)

// w2 is runs that sleep for 30 days.
//
// Rate: the clock starts before the first run is started and stops when the store counts all
// runs as sleeping. An engine that can start many runs in one call does so.
//
// Processor: as in w1, between the same start and stop.
//
// Memory: of the engine's process, when all runs sleep, after garbage collections. A
// database server is another process and does not count. NATS servers have columns of their
// own, with the mean of a server.
//
// Disk: the growth of tables and indexes (Postgres, after a vacuum) or of the file (SQLite,
// after a checkpoint), after the engine is closed, divided by the number of runs. Of NATS
// servers it is the growth of the folder of one of them.
//
// In the end exactly n runs must sleep.
func w2(ctx context.Context, b *bench) error {
	before, err := b.emptySize(ctx)
	if err != nil {
		return fmt.Errorf("size of the empty store: %w", err)
	}
	empty, err := b.serverMemory()
	if err != nil {
		return err
	}
	s, n := b.engine.(sleeper), b.size()
	bare := processMemory()
	took, spent, err := b.clocked(ctx, n, func() error {
		if err := s.Sleep(ctx, 0, n, time.Now().Add(forever)); err != nil {
			return fmt.Errorf("starting runs: %w", err)
		}
		return until(ctx, n, s.Sleeping)
	})
	if err != nil {
		return err
	}
	if err := b.checkSleeping(ctx, n); err != nil {
		return err
	}
	full := processMemory()
	after, err := b.closedSize(ctx)
	if err != nil {
		return fmt.Errorf("size of the store: %w", err)
	}
	served, err := b.serverMemory()
	if err != nil {
		return err
	}
	values := append([]value{{float64(n) / took.Seconds(), "runs/s"}}, spent...)
	values = append(values, value{perRun(full.Heap-bare.Heap, n), "heap-B/run"}, value{full.Heap / 1e6, "heap-MB"}, value{full.Resident / 1e6, "rss-MB"})
	if after > 0 {
		values = append(values, value{perRun(float64(after-before), n), "disk-B/run"})
	}
	if served.Heap > 0 {
		values = append(values, value{perRun(served.Heap-empty.Heap, n), "server-heap-B/run"}, value{served.Resident / 1e6, "server-rss-MB"})
	}
	b.report("W2", nil, n, values...)
	return nil
}

// checkSleeping checks that n runs sleep, and no more: that none was started twice.
func (b *bench) checkSleeping(ctx context.Context, n int) error {
	asleep, err := b.engine.(sleeper).Sleeping(ctx)
	if err == nil && asleep != n {
		err = fmt.Errorf("%d runs sleep instead of %d", asleep, n)
	}
	return err
}

// serverMemory returns the mean memory of the engine's servers, and zero if it has none.
func (b *bench) serverMemory() (usage, error) {
	if s, ok := b.engine.(server); ok {
		return s.ServerMemory()
	}
	return usage{}, nil
}

func perRun(bytes float64, n int) float64 { return max(bytes, 0) / float64(n) }
