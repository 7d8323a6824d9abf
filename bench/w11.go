package main

import (
	"context"
	"fmt"
	"time"
)

// overdue is how many runs of w11 are due when the process starts again.
const overdue = 100

// spareToRestart is the time that a process of w11 gets to start and to be killed, before the runs
// are due.
const spareToRestart = 15 * time.Second

// w11 is a restart: n runs sleep for 30 days, and a few more are due soon. A process that works on
// them is killed with SIGKILL. Once the runs are due, another process starts.
//
// First step: the clock starts before the second process is started, and stops when it sends the
// first email. The last of the runs that are due has a figure too.
//
// Each run that is due must have sent one email, and no other run any.
func w11(ctx context.Context, b *bench) error {
	s, n := b.engine.(sleeper), b.size()
	if err := s.Sleep(ctx, 0, n, time.Now().Add(forever)); err != nil {
		return fmt.Errorf("starting runs: %w", err)
	}
	if err := until(ctx, n, s.Sleeping); err != nil {
		return err
	}
	due := time.Now().Add(spareToRestart).Truncate(time.Millisecond)
	if err := s.Sleep(ctx, n, n+overdue, due); err != nil {
		return fmt.Errorf("starting runs that are due soon: %w", err)
	}
	if err := until(ctx, n+overdue, s.Sleeping); err != nil {
		return err
	}
	err := b.engine.Close()
	b.engine = nil
	if err != nil {
		return err
	}
	if err := b.killOne(); err != nil {
		return err
	}
	if late := time.Since(due); late > 0 {
		return fmt.Errorf("the first process took %s longer than it was given", late)
	}
	time.Sleep(time.Until(due))
	return b.restart(ctx, n)
}

// killOne starts a process that works on the runs, and kills it.
func (b *bench) killOne() error {
	first, err := startNode(b.cell)
	if err != nil {
		return fmt.Errorf("the first process: %w", err)
	}
	err = first.cmd.Process.Kill()
	_ = first.cmd.Wait() // an error, because it was killed
	return err
}

// restart starts a process that works on runs that are due, and measures when they send their emails.
func (b *bench) restart(ctx context.Context, n int) error {
	c := b.cell
	c.Await = overdue
	began := time.Now()
	second, err := startNode(c)
	if err != nil {
		return fmt.Errorf("the second process: %w", err)
	}
	ready := time.Since(began)
	defer context.AfterFunc(ctx, func() { _ = second.cmd.Process.Kill() })()
	arrivals, err := second.end()
	if err != nil {
		return fmt.Errorf("the second process: %w", err)
	}
	if len(arrivals) != overdue {
		return fmt.Errorf("%d emails were sent instead of %d", len(arrivals), overdue)
	}
	milliseconds := func(t time.Time) float64 { return t.Sub(began).Seconds() * 1e3 }
	b.report("W11", labels{"sleeping", fmt.Sprint(n)}, overdue,
		value{milliseconds(arrivals[0].At), "first-step-ms"}, value{milliseconds(arrivals[overdue-1].At), "last-due-ms"}, value{ready.Seconds() * 1e3, "open-ms"})
	b.sink.add(arrivals)
	return b.sink.once(numbers(n + overdue)[n:]...)
}
