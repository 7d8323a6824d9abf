package main

import (
	"context"
	"io"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/timeline"
)

// simulate plays a scene on a clock that jumps from one time at which something
// is due to the next.
func simulate(ctx context.Context, s scene, start time.Time, stdout io.Writer) error {
	mock := clock.NewMock()
	mock.Set(start)
	show := timeline.New(stdout, timeline.Options{Start: start})
	p, err := newPlayer(ctx, s.automations, show, automation.Options{Clock: mock})
	if err != nil {
		return err
	}
	for _, l := range s.lines {
		at := start.Add(l.at)
		if err := p.drainUntil(ctx, mock, at); err != nil {
			return err
		}
		mock.Set(at)
		if err := p.do(ctx, l); err != nil {
			return err
		}
		if _, err := p.runner.Drain(ctx); err != nil {
			return err
		}
	}
	if err := p.drainUntil(ctx, mock, time.Time{}); err != nil {
		return err
	}
	return show.Err()
}

// drainUntil does what is due before end, each thing at its time. The zero end
// is never.
func (p *player) drainUntil(ctx context.Context, mock *clock.Mock, end time.Time) error {
	for {
		due, err := p.store.NextDue(ctx)
		if err != nil || due.IsZero() || !end.IsZero() && !due.Before(end) {
			return err
		}
		if due.After(mock.Now()) {
			mock.Set(due)
		}
		if _, err := p.runner.Drain(ctx); err != nil {
			return err
		}
	}
}
