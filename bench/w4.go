package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The time that the runs of w4 get to be started, besides twice the time that they need on an idle
// machine. On servers another worker has to take the partitions over, twice.
const (
	spare          = 5 * time.Second
	spareOnServers = 30 * time.Second
)

// w4 is timers: n runs sleep until the same due time, and then send an email each.
//
// The clock starts at the due time, which is in the future until all runs sleep, and stops
// when the last email has arrived. The figure is both the time for all timers and the
// lateness of the last timer. The median lateness is that of the timer in the middle. The
// processor time, as in w1, is that between start and stop.
//
// Each run must have sent one email, and none before its due time.
func w4(ctx context.Context, b *bench) error {
	s, n := b.engine.(sleeper), b.size()
	wait := spare
	if _, ok := b.engine.(server); ok {
		wait = spareOnServers
	}
	due := time.Now().Add(wait + time.Duration(2*float64(n)/float64(b.contestant.Made)*float64(time.Second)))
	due = due.Truncate(time.Millisecond) // which all engines can store
	if err := s.Sleep(ctx, 0, n, due); err != nil {
		return fmt.Errorf("starting runs: %w", err)
	}
	if late := time.Since(due); late > 0 {
		return fmt.Errorf("the runs took %s longer to make than this machine was given", late)
	}
	select {
	case <-time.After(time.Until(due)):
	case <-ctx.Done():
		return ctx.Err()
	}
	earlier := spentSoFar()
	if err := b.sink.wait(ctx, n); err != nil {
		return err
	}
	spent := spentSoFar().perRun(earlier, n)
	var late latencies
	early := 0
	for _, sent := range b.sink.arrivals() {
		late = append(late, sent.At.Sub(due))
		if sent.At.Before(due) {
			early++
		}
	}
	last := late.at(100)
	b.report("W4", nil, n, slices.Concat([]value{{float64(n) / (last / 1000), "timers/s"}}, spent,
		[]value{{late.at(50), "late-p50-ms"}, {late.at(99), "late-p99-ms"}, {last, "late-last-ms"}, {float64(early), "early"}})...)
	if early > 0 {
		return fmt.Errorf("%d timers fired before their time, the first by %.1f ms", early, -late.at(0))
	}
	return b.sink.once(numbers(n)...)
}
