package automation

import "time"

// Clock says what time it is. clock.New() and clock.NewMock() of
// github.com/benbjohnson/clock satisfy it, as does any clock with these two
// methods. It must be safe for concurrent use.
type Clock interface {
	// Now returns the current time.
	Now() time.Time
	// After returns a channel that receives once d has passed. The Runner keeps
	// at most a few of these open, however many runs are asleep: what is due is
	// always computed from Now.
	After(d time.Duration) <-chan time.Time
}

// SystemClock returns the clock of the operating system.
func SystemClock() Clock { return systemClock{} }

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// stamp cuts t to what every store can keep: UTC with microseconds.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
