package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// woken is how many runs w3 wakes one after the other, and burst how many at once.
const (
	woken = 200
	burst = 2000
)

// w3 is runs that wait for an event, for each of the contestant's sizes.
//
// Latency: n runs wait, the engine has no other work, and random runs are woken one after
// the other. The clock starts before the event is sent and stops when the run's email
// arrives.
//
// Burst: many events are sent, each with a call of its own. The clock starts before the
// first event is sent and stops when the last email has arrived. The processor time, as in w1, is
// that of the burst.
//
// Rate and memory: how fast the runs that were added since the last size were started, until
// the store counted them as waiting; and the memory of the process while they wait.
//
// Each woken run must have sent one email.
func w3(ctx context.Context, b *bench) error {
	for _, n := range b.cell.Sizes["w3"] {
		began, had := time.Now(), b.made
		if err := b.fillWaiting(ctx, n); err != nil {
			return err
		}
		rate := float64(n-had) / time.Since(began).Seconds()
		memory := processMemory()
		if err := b.wake(ctx, n, value{rate, "made/s"}, value{memory.Heap / 1e6, "heap-MB"}, value{memory.Resident / 1e6, "rss-MB"}); err != nil {
			return fmt.Errorf("with %d runs: %w", n, err)
		}
	}
	return nil
}

// fillWaiting starts runs until there are n in all. All of them wait, except for the woken
// ones.
func (b *bench) fillWaiting(ctx context.Context, n int) error {
	w := b.engine.(waiter)
	if n <= b.made {
		return nil
	}
	if err := w.Wait(ctx, b.made, n); err != nil {
		return fmt.Errorf("starting runs: %w", err)
	}
	b.made = n
	if err := until(ctx, n-b.sink.count(), w.Waiting); err != nil {
		return fmt.Errorf("waiting runs: %w", err)
	}
	return nil
}

// wake wakes some of n runs, none of them twice.
func (b *bench) wake(ctx context.Context, n int, values ...value) error {
	w := b.engine.(waiter)
	single := b.choose(n, min(woken, n/4))
	took, err := b.latencies(ctx, single, w.Signal)
	if err != nil {
		return fmt.Errorf("one event after the other: %w", err)
	}
	many := b.choose(n, min(burst, n/4))
	before, earlier, began := b.sink.count(), spentSoFar(), time.Now()
	if err := together(senders, 0, len(many), func(i int) error { return w.Signal(ctx, many[i]) }); err != nil {
		return fmt.Errorf("sending events: %w", err)
	}
	if err := b.sink.wait(ctx, before+len(many)); err != nil {
		return err
	}
	rate := value{float64(len(many)) / time.Since(began).Seconds(), "woken/s"}
	b.report("W3", labels{"waiting", fmt.Sprint(n)}, len(took), slices.Concat(
		[]value{{took.at(50), "p50-ms"}, {took.at(99), "p99-ms"}, rate}, spentSoFar().perRun(earlier, len(many)), values)...)
	return b.sink.once(append(many, single[:len(took)]...)...)
}

// choose returns waiting runs of the first n, and marks them as woken. A run that is not woken
// after all is not chosen again.
func (b *bench) choose(n, count int) []int {
	var chosen []int
	for len(chosen) < count {
		if i := b.random.IntN(n); !b.chosen[i] {
			b.chosen[i] = true
			chosen = append(chosen, i)
		}
	}
	return chosen
}
