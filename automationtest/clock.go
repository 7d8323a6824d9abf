package automationtest

import (
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

// Clock is a clock that the test moves. *clock.Mock of github.com/benbjohnson/clock
// implements it.
type Clock interface {
	automation.Clock
	// Set moves the clock to t and fires the timers that are due by then.
	Set(t time.Time)
}

func startClock(opts Options) Clock {
	c := opts.Clock
	if c == nil {
		c = &fakeClock{now: defaultStart}
	}
	if !opts.Start.IsZero() {
		c.Set(opts.Start)
	}
	return c
}

// fakeClock stands still between calls of Set. It is safe for concurrent use.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	alarms []alarm
}

type alarm struct {
	at time.Time
	c  chan<- time.Time // with a buffer of one
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	fired := make(chan time.Time, 1)
	c.alarms = append(c.alarms, alarm{c.now.Add(d), fired})
	c.fire()
	return fired
}

func (c *fakeClock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
	c.fire()
}

func (c *fakeClock) fire() {
	c.alarms = slices.DeleteFunc(c.alarms, func(a alarm) bool {
		if a.at.After(c.now) {
			return false
		}
		a.c <- c.now
		return true
	})
}
