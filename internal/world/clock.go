package world

import (
	"time"

	"github.com/benbjohnson/clock"
)

// PacedClock is a clock that stands still until a test moves it. It records the duration of
// each wait of the Runner.
type PacedClock struct {
	*clock.Mock
	asleep chan time.Duration
	// moving serializes After, Add and Set. If After and Add run at the same time, the
	// mock may fire a timer twice, and Add blocks for ever. A channel, because a goroutine
	// that waits for a mutex would stop the time of a Bubble.
	moving chan struct{}
}

// NewPacedClock returns a clock that shows the beginning of 1970.
func NewPacedClock() *PacedClock {
	return &PacedClock{Mock: clock.NewMock(), asleep: make(chan time.Duration, 1024), moving: make(chan struct{}, 1)}
}

// After implements automation.Clock.
func (c *PacedClock) After(d time.Duration) <-chan time.Time {
	c.moving <- struct{}{}
	ch := c.Mock.After(d)
	<-c.moving
	select {
	case c.asleep <- d:
	default: // the test does not call Pace
	}
	return ch
}

// Pace moves the clock forward whenever the Runner sleeps, until done returns true.
func (c *PacedClock) Pace(done func() bool) {
	for !done() {
		c.Add(<-c.asleep)
	}
}

// Add moves the clock forward by d.
func (c *PacedClock) Add(d time.Duration) {
	c.moving <- struct{}{}
	defer func() { <-c.moving }()
	c.Mock.Add(d)
}

// Set moves the clock to t.
func (c *PacedClock) Set(t time.Time) {
	c.moving <- struct{}{}
	defer func() { <-c.moving }()
	c.Mock.Set(t)
}
