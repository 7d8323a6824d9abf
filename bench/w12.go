package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// busiest is how many runs the traffic of w12 and w13 has at most.
const busiest = 30_000

// The ages of the ended runs of w12. Pruning removes the older half and then the rest.
const (
	older   = 50 * 24 * time.Hour
	younger = 40 * 24 * time.Hour
)

// w12 is the complete runs of w1 while n runs that ended long ago are removed, and without that.
//
// Throughput: as many goroutines as the contestant has senders start runs, each with a call of its own.
// The clock starts before the first run and stops when the last email has arrived. The removal of half
// of the ended runs begins at the same time, and the traffic ends with it if that is earlier. The traffic
// without removal is half before and half after that, because the speed of a machine drifts.
//
// Latency: that of w8, at half of the throughput before, in the same order, while the other half is removed.
//
// slower-% is how much lower the throughput is with the removal, and pruned/s how many runs were
// removed a second during it. The processor time of a run has the removal in it.
//
// Each run of the traffic must have sent one email, and all n ended runs must be removed.
func w12(ctx context.Context, b *bench) error {
	p, n := b.engine.(pruner), b.size()
	owners, most := ownersOf(n), max(least, min(busiest, n/10))
	if err := b.engine.Populate(ctx, owners+quiet+6*most); err != nil {
		return fmt.Errorf("making contacts: %w", err)
	}
	for _, part := range []struct {
		from, to int
		ago      time.Duration
	}{{0, n / 2, older}, {n / 2, n, younger}} {
		if err := p.Grow(ctx, part.from, part.to, owners, part.ago); err != nil {
			return fmt.Errorf("making ended runs: %w", err)
		}
	}
	if err := b.analyze(ctx); err != nil {
		return fmt.Errorf("gathering statistics: %w", err)
	}
	from := owners
	next := func(runs int) (first, last int) {
		from += runs
		return from - runs, from
	}
	first, last := next(quiet)
	if _, err := b.saturate(ctx, first, last, nil); err != nil {
		return fmt.Errorf("before the clock starts: %w", err)
	}
	removal := removal{pruner: p}
	var rate float64
	full, fullBeside, err := removal.beside(ctx, (older+younger)/2, func(stop <-chan struct{}) (t traffic, err error) {
		first, last := next(most)
		t, err = b.saturate(ctx, first, last, stop)
		if rate == 0 {
			rate = t.rate() / 2
		}
		return t, err
	})
	if err != nil {
		return err
	}
	paced, pacedBeside, err := removal.beside(ctx, (younger+forever)/2, func(stop <-chan struct{}) (traffic, error) {
		first, last := next(most)
		return b.pace(ctx, rate, first, last, stop)
	})
	if err != nil {
		return err
	}
	if removal.runs != n {
		return fmt.Errorf("%d of %d ended runs were removed", removal.runs, n)
	}
	if fullBeside.runs < most {
		b.note("the removal of half of the ended runs took as long as %d runs, of the %d that are measured without it", fullBeside.runs, 2*most)
	}
	b.report("W12", labels{"pruned", "0"}, full.runs, full.values(paced)...)
	b.report("W12", labels{"pruned", fmt.Sprint(n)}, fullBeside.runs, append(fullBeside.values(pacedBeside),
		value{float64(removal.runs) / removal.took.Seconds(), "pruned/s"}, value{100 * (1 - fullBeside.rate()/full.rate()), "slower-%"})...)
	return b.sink.once(slices.Concat(full.contacts, paced.contacts, fullBeside.contacts, pacedBeside.contacts)...)
}

// values are the throughput of traffic, and the latency of paced traffic.
func (t traffic) values(paced traffic) []value {
	return slices.Concat([]value{{t.rate(), "runs/s"}}, t.cost(), []value{{paced.late.at(50), "p50-ms"}, {paced.late.at(99), "p99-ms"}})
}

// removal is the removal of ended runs.
type removal struct {
	pruner
	runs int
	took time.Duration
}

// beside calls do without a removal, then while the runs that ended longer ago than age are removed, and
// again without. It closes stop when they are removed.
func (r *removal) beside(ctx context.Context, age time.Duration, do func(stop <-chan struct{}) (traffic, error)) (alone, beside traffic, err error) {
	before, err := do(nil)
	if err != nil {
		return alone, beside, err
	}
	stop, ended := make(chan struct{}), make(chan error, 1)
	began := time.Now()
	go func() {
		defer close(stop)
		n, err := r.Prune(ctx, age)
		r.runs += n
		r.took += time.Since(began)
		ended <- err
	}()
	beside, err = do(stop)
	if pruned := <-ended; pruned != nil {
		err = errors.Join(err, fmt.Errorf("removing ended runs: %w", pruned))
	}
	if err != nil {
		return alone, beside, err
	}
	after, err := do(nil)
	return before.and(after), beside, err
}
