package main

import (
	"context"
	"io"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/timeline"
)

// playReal plays a scene in real time, with a Runner that runs as in an application. An
// interrupt ends the scene.
func playReal(ctx context.Context, s scene, st *state, o options, stdout io.Writer) error {
	clock := &realTime{start: o.start, began: st.began, speed: o.speed}
	show := timeline.New(stdout, timeline.Options{Start: o.start, Within: clock.scaled(moment)})
	p, err := newPlayer(ctx, s.automations, st, show, automation.Options{
		Clock: clock,
		// The Runner measures these on the same clock.
		Lease:        clock.scaled(lease),
		PollInterval: clock.scaled(time.Second),
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- p.runner.Run(ctx) }()
	err = p.perform(ctx, s.lines, clock)
	stop()
	<-served // its error is only that ctx has ended
	if err != nil {
		return err
	}
	return show.Err()
}

// lease is how long, in real time, a killed process keeps the contact that it worked on.
const lease = 5 * time.Second

// moment is how long, in real time, the work on one event may take.
const moment = 50 * time.Millisecond

// perform plays the lines at their times and waits until no work is due any more, or until
// ctx ends.
func (p *player) perform(ctx context.Context, lines []line, clock *realTime) error {
	for _, l := range p.rest(lines) {
		if !clock.sleepUntil(ctx, clock.start.Add(l.at)) {
			return nil
		}
		if err := p.next(ctx, l); err != nil {
			return err
		}
	}
	for clock.sleepUntil(ctx, clock.Now().Add(clock.scaled(moment))) {
		due, err := p.state.NextDue(context.WithoutCancel(ctx))
		if err != nil || due.IsZero() {
			return err
		}
	}
	return nil
}

// realTime is a clock that starts at a given time and goes speed times as fast
// as the system's.
type realTime struct {
	start time.Time
	began time.Time // the time of the system's clock at start
	speed float64
}

func (c *realTime) Now() time.Time { return c.start.Add(c.scaled(time.Since(c.began))) }

func (c *realTime) After(d time.Duration) <-chan time.Time {
	return time.After(time.Duration(float64(d) / c.speed))
}

// scaled returns how much time passes here in d of real time.
func (c *realTime) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * c.speed)
}

// sleepUntil waits until t. It returns false if ctx ends before.
func (c *realTime) sleepUntil(ctx context.Context, t time.Time) bool {
	select {
	case <-c.After(t.Sub(c.Now())):
		return true
	case <-ctx.Done():
		return false
	}
}
