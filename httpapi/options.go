package httpapi

import (
	"cmp"
	"log/slog"
	"math"
	"time"

	"github.com/seed-b636437c/automation"
)

// Options tune a Handler. Keys are needed, unless AuthenticatedByHost is set;
// every other zero value works.
type Options struct {
	// Keys are the API keys that are accepted.
	Keys []Key
	// AuthenticatedByHost says that the host has checked who is calling before
	// the Handler is reached, which then checks nothing. It excludes Keys.
	AuthenticatedByHost bool
	// Contacts also serves the calls that create, read, change, list and delete
	// contacts, and those about segments.
	Contacts bool
	// Templates also serves the calls about templates, from here. Nil serves none.
	Templates Templates
	// MaxBody is how many bytes the body of a request may have: 1 MiB by default.
	MaxBody int64
	// Timeout bounds the work on one request: 30 seconds by default. How long a
	// client may take to send its body is for the ReadTimeout of the
	// http.Server to say.
	Timeout time.Duration
	// Rate limits the requests of each key; of all requests together with
	// AuthenticatedByHost. Requests without a valid key are not counted. The
	// zero Rate sets no limit.
	Rate Rate
	// Clock tells the time to Rate: the system's by default.
	Clock automation.Clock
	// Logger is told about requests that are answered with 500. Nil discards.
	Logger *slog.Logger
}

// Rate is a limit with room for bursts.
type Rate struct {
	// PerSecond is how many requests a second are accepted in the long run.
	// Zero means no limit.
	PerSecond float64
	// Burst is how many requests are accepted at once. Zero means one second's
	// worth, and at least one.
	Burst int
}

// check reports what is wrong with the options that stand for themselves.
func (o Options) check(c *optionCheck) {
	if o.MaxBody < 0 {
		c.add("MaxBody", "%d is negative: give zero for the default, or more", o.MaxBody)
	}
	if o.Timeout < 0 {
		c.add("Timeout", "%s is negative: give zero for the default, or more", o.Timeout)
	}
	o.Rate.check(c)
}

func (r Rate) check(c *optionCheck) {
	if !(r.PerSecond >= 0) || math.IsInf(r.PerSecond, 1) {
		c.add("Rate.PerSecond", "%v is not a rate: give zero for no limit, or more", r.PerSecond)
	}
	if r.Burst < 0 {
		c.add("Rate.Burst", "%d is negative: give zero for the default, or more", r.Burst)
	}
	if r.Burst > 0 && r.PerSecond == 0 {
		c.add("Rate.Burst", "limits nothing without PerSecond: set both, or none")
	}
}

// withDefaults returns o with its zero fields filled in.
func (o Options) withDefaults() Options {
	o.MaxBody = cmp.Or(o.MaxBody, 1<<20)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.Rate.Burst = cmp.Or(o.Rate.Burst, max(1, int(math.Ceil(o.Rate.PerSecond))))
	if o.Clock == nil {
		o.Clock = automation.SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// optionCheck collects what is wrong with the arguments of New.
type optionCheck struct{ problems automation.Problems }

func (c *optionCheck) add(path, format string, args ...any) {
	c.problems.Add(automation.CodeInvalidOption, path, format, args...)
}
