package main

import (
	"context"
	"time"
)

// traffic is the complete runs of w1 beside something else.
type traffic struct {
	contacts []int // of the runs
	runs     int
	took     time.Duration // until the last email had arrived
	late     latencies     // from the call, or from the moment of the process, to the email
	spent    []value       // until then
}

// rate returns the runs a second.
func (t traffic) rate() float64 { return float64(t.runs) / t.took.Seconds() }

// saturate starts runs as fast as the contestant's senders can, from the first number to the second,
// which is excluded, or until stop is closed.
func (b *bench) saturate(ctx context.Context, from, to int, stop <-chan struct{}) (traffic, error) {
	moments := make([]time.Time, to-from)
	return b.drive(ctx, from, func() ([]time.Time, error) {
		return moments, together(b.senders(), from, to, func(i int) error {
			if i > from && closed(stop) {
				return nil
			}
			moments[i-from] = time.Now()
			return b.engine.Flow(ctx, i)
		})
	})
}

// pace starts runs at the moments of a Poisson process, as w8 does.
func (b *bench) pace(ctx context.Context, rate float64, from, to int, stop <-chan struct{}) (traffic, error) {
	return b.drive(ctx, from, func() ([]time.Time, error) { return b.arrive(ctx, rate, from, to, stop) })
}

// drive calls start, which starts runs from a number on and returns their moments, or none for a run
// that was not started, and waits for their emails.
func (b *bench) drive(ctx context.Context, from int, start func() ([]time.Time, error)) (t traffic, err error) {
	sent, before, began := b.sink.count(), spentSoFar(), time.Now()
	moments, err := start()
	if err != nil {
		return t, err
	}
	for k, m := range moments {
		if !m.IsZero() {
			t.contacts = append(t.contacts, from+k)
		}
	}
	t.runs = len(t.contacts)
	if err := b.sink.wait(ctx, sent+t.runs); err != nil {
		return t, err
	}
	t.took, t.late = time.Since(began), b.sink.since(from, moments)
	t.spent = spentSoFar().perRun(before, t.runs)
	return t, nil
}

// closed reports whether a channel is closed.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
