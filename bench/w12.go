package main

import (
	"context"
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
// of the ended runs begins at the same time, and the traffic ends with it if that is earlier.
//
// Latency: that of w8, at half of the throughput without removal, while the other half is removed.
//
// slower-% is how much lower the throughput is with the removal, and pruned/s how many runs were
// removed a second during it. The processor time of a run has the removal in it.
//
// Each run of the traffic must have sent one email, and all n ended runs must be removed.
func w12(ctx context.Context, b *bench) error {
	p, n := b.engine.(pruner), b.size()
	owners, most := ownersOf(n), max(least, min(busiest, n/10))
	if err := b.engine.Populate(ctx, owners+4*most); err != nil {
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
	alone, err := b.saturate(ctx, owners, owners+most, nil)
	if err != nil {
		return err
	}
	paced, err := b.pace(ctx, alone.rate()/2, owners+most, owners+2*most, nil)
	if err != nil {
		return err
	}
	b.report("W12", labels{"pruned", "0"}, alone.runs, alone.values(paced)...)

	var beside, pacedBeside traffic
	removal := removal{pruner: p}
	if err := removal.during(ctx, (older+younger)/2, func(stop <-chan struct{}) (err error) {
		beside, err = b.saturate(ctx, owners+2*most, owners+3*most, stop)
		return err
	}); err != nil {
		return err
	}
	if err := removal.during(ctx, (younger+forever)/2, func(stop <-chan struct{}) (err error) {
		pacedBeside, err = b.pace(ctx, alone.rate()/2, owners+3*most, owners+4*most, stop)
		return err
	}); err != nil {
		return err
	}
	if removal.runs != n {
		return fmt.Errorf("%d of %d ended runs were removed", removal.runs, n)
	}
	b.report("W12", labels{"pruned", fmt.Sprint(n)}, beside.runs, slices.Concat(beside.values(pacedBeside), []value{
		{float64(removal.runs) / removal.took.Seconds(), "pruned/s"}, {100 * (1 - beside.rate()/alone.rate()), "slower-%"},
	})...)
	return b.sink.once(slices.Concat(alone.contacts, paced.contacts, beside.contacts, pacedBeside.contacts)...)
}

// values are the throughput of traffic, and the latency of paced traffic.
func (t traffic) values(paced traffic) []value {
	return slices.Concat([]value{{t.rate(), "runs/s"}}, t.spent, []value{{paced.late.at(50), "p50-ms"}, {paced.late.at(99), "p99-ms"}})
}

// removal is the removal of ended runs.
type removal struct {
	pruner
	runs int
	took time.Duration
}

// during removes the runs that ended longer ago than age while it calls do. It closes stop when they
// are removed.
func (r *removal) during(ctx context.Context, age time.Duration, do func(stop <-chan struct{}) error) error {
	stop, ended := make(chan struct{}), make(chan error, 1)
	began := time.Now()
	go func() {
		defer close(stop)
		n, err := r.Prune(ctx, age)
		r.runs += n
		r.took += time.Since(began)
		ended <- err
	}()
	err := do(stop)
	if pruned := <-ended; pruned != nil {
		return fmt.Errorf("removing ended runs: %w", pruned)
	}
	return err
}
