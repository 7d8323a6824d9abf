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
}

// NewPacedClock returns a clock that shows the beginning of 1970.
func NewPacedClock() *PacedClock { return &PacedClock{clock.NewMock(), make(chan time.Duration, 1024)} }

// After implements automation.Clock.
func (c *PacedClock) After(d time.Duration) <-chan time.Time {
	ch := c.Mock.After(d)
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
