package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// glances is how often w5 makes each query.
const glances = 50

// w5 is the queries of an operator's page about a store in which runs wait, or sleep if the
// engine has no waits: 20 of the runs in progress, the runs of one contact, and the number of
// runs by status. The clock of a query starts before the call and stops when the call
// returns. The figures are medians.
//
// Postgres gathers its statistics first. The server would do so itself within a minute, but
// the runs are made in less time.
//
// The page must be full, the contact must have its run, and the count must be right.
func w5(ctx context.Context, b *bench) error {
	n, err := b.fill(ctx)
	if err != nil {
		return err
	}
	if err := b.analyze(ctx); err != nil {
		return fmt.Errorf("gathering statistics: %w", err)
	}
	l := b.engine.(lister)
	var values []value
	for _, q := range []struct {
		unit string
		want int
		ask  func(i int) (int, error)
	}{
		{"page-ms", min(page, n-b.sink.count()), func(int) (int, error) { return l.ListRunning(ctx) }},
		{"contact-ms", 1, func(i int) (int, error) { return l.ListOfContact(ctx, i*n/glances) }},
		{"count-ms", n, func(int) (int, error) { return l.CountRuns(ctx) }},
	} {
		took, err := ask(q.want, q.ask)
		switch {
		case errors.Is(err, errNoCall):
			b.note("%s: %s", q.unit, err)
		case err != nil:
			return fmt.Errorf("%s: %w", q.unit, err)
		default:
			values = append(values, value{took.at(50), q.unit})
		}
	}
	b.report("W5", labels{"runs", fmt.Sprint(n)}, glances, values...)
	return nil
}

// fill starts as many runs as w5 needs and returns how many there are.
func (b *bench) fill(ctx context.Context) (int, error) {
	n := b.cell.Sizes["w5"][0]
	if _, ok := b.engine.(waiter); ok {
		return n, b.fillWaiting(ctx, n)
	}
	s := b.engine.(sleeper)
	if err := s.Sleep(ctx, 0, n, time.Now().Add(forever)); err != nil {
		return 0, fmt.Errorf("starting runs: %w", err)
	}
	return n, until(ctx, n, s.Sleeping)
}

// ask makes a query repeatedly and measures its time.
func ask(want int, question func(i int) (int, error)) (latencies, error) {
	var took latencies
	for i := range glances {
		began := time.Now()
		got, err := question(i)
		if err != nil {
			return nil, err
		}
		if got < want {
			return nil, fmt.Errorf("it tells of %d runs instead of %d", got, want)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}
