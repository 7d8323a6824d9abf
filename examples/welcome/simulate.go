package main

import (
	"context"
	"io"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/timeline"
)

// simulate plays a scene on a clock that jumps from one due time to the next.
func simulate(ctx context.Context, s scene, st *state, start time.Time, stdout io.Writer) error {
	mock := clock.NewMock()
	mock.Set(s.reached(start, st.done))
	show := timeline.New(stdout, timeline.Options{Start: start})
	p, err := newPlayer(ctx, s.automations, st, show, automation.Options{Clock: mock})
	if err != nil {
		return err
	}
	for _, l := range p.rest(s.lines) {
		at := start.Add(l.at)
		if err := p.drainUntil(ctx, mock, at); err != nil {
			return err
		}
		mock.Set(at)
		if err := p.next(ctx, l); err != nil {
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

// reached returns the time of the last line that was played.
func (s scene) reached(start time.Time, done int) time.Time {
	if done == 0 || len(s.lines) == 0 {
		return start
	}
	return start.Add(s.lines[min(done, len(s.lines))-1].at)
}

// drainUntil performs the work that is due before end, each at its own time. A zero end
// means no end.
func (p *player) drainUntil(ctx context.Context, mock *clock.Mock, end time.Time) error {
	for {
		due, err := p.state.NextDue(ctx)
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
