package automation

import (
	"io"
	"log/slog"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/nilness"
)

// Options tune a Runner. The zero value works.
type Options struct {
	// Clock says what time it is: the system's by default.
	Clock Clock
	// Contacts is the host's own contact table. Nil keeps contacts in the Store.
	Contacts ContactDirectory
	// Registry knows the custom step types.
	Registry *Registry
	// Limits bound automations and events; zero fields are the defaults.
	Limits Limits
	// Retry is the policy for effects that fail.
	Retry RetryPolicy
	// Delivery is used by steps that choose none: AtLeastOnce by default.
	Delivery Delivery
	// MaxLateness skips emails that are due since longer than this, after all
	// nodes were down, say. Zero sends them however late.
	MaxLateness time.Duration
	// IdempotencyWindow is how long the idempotency keys of events are
	// remembered: 24 hours by default.
	IdempotencyWindow time.Duration
	// Concurrency is how many effects are performed at once: 64 by default.
	Concurrency int
	// InFlight is how many contacts are worked on at once: 1024 by default.
	InFlight int
	// Lease is how long a contact stays with a Runner that is not heard of
	// anymore: 1 minute by default, at least 1 second. A Runner renews the
	// leases it needs longer.
	Lease time.Duration
	// EffectTimeout bounds one call of the Mailer, of a custom step or of
	// Contacts, in real time: 30 seconds by default.
	EffectTimeout time.Duration
	// StoreTimeout bounds one call of the Store that the Runner makes on its
	// own, in real time: 30 seconds by default.
	StoreTimeout time.Duration
	// PollInterval is how often Run looks for work that nobody has told it
	// about: 1 second by default.
	PollInterval time.Duration
	// ShutdownTimeout is how long Run waits, after its context has ended, for
	// effects in flight: 10 seconds by default.
	ShutdownTimeout time.Duration
	// Logger is told about failures that no caller hears of. Nil discards.
	Logger *slog.Logger
	// Observer is told what the Runner does. Nil tells nobody.
	Observer Observer
	// Random is the source of randomness for ids: crypto/rand by default. With
	// a deterministic source and a fake clock, all ids are reproducible.
	Random io.Reader
}

// withDefaults returns o with its zero fields filled in, and what is wrong
// with the others.
func (o Options) withDefaults() (Options, Problems) {
	c := &optionCheck{}
	c.duration("MaxLateness", &o.MaxLateness, 0)
	c.duration("IdempotencyWindow", &o.IdempotencyWindow, 24*time.Hour)
	c.duration("Lease", &o.Lease, time.Minute)
	c.duration("EffectTimeout", &o.EffectTimeout, 30*time.Second)
	c.duration("StoreTimeout", &o.StoreTimeout, 30*time.Second)
	c.duration("PollInterval", &o.PollInterval, time.Second)
	c.duration("ShutdownTimeout", &o.ShutdownTimeout, 10*time.Second)
	c.count("Concurrency", &o.Concurrency, 64)
	c.count("InFlight", &o.InFlight, 1024)
	if 0 < o.Lease && o.Lease < minLease {
		c.add("Lease", "%s is too short to be renewed in time: give at least %s", o.Lease, minLease)
	}
	o.Limits.check(c)
	o.Retry.check(c)
	switch o.Delivery {
	case "":
		o.Delivery = AtLeastOnce
	case AtLeastOnce, AtMostOnce:
	default:
		c.add("Delivery", "%s is unknown: use %q or %q", jsondoc.Quote(o.Delivery), AtLeastOnce, AtMostOnce)
	}
	c.notNilPointer("Clock", o.Clock)
	c.notNilPointer("Contacts", o.Contacts)
	c.notNilPointer("Observer", o.Observer)
	c.notNilPointer("Random", o.Random)
	if o.Clock == nil {
		o.Clock = SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Limits = o.Limits.withDefaults()
	return o, c.problems
}

// minLease is the shortest Lease: a slow call or a pause of the garbage
// collector must not lose it.
const minLease = time.Second

// optionCheck collects what is wrong with the arguments of New.
type optionCheck struct{ problems Problems }

func (c *optionCheck) add(path, format string, args ...any) {
	c.problems.Add(CodeInvalidOption, path, format, args...)
}

func (c *optionCheck) notNegative(path string, n int) {
	if n < 0 {
		c.add(path, "%d is negative: give zero for the default, or more", n)
	}
}

func (c *optionCheck) durationNotNegative(path string, d time.Duration) {
	if d < 0 {
		c.add(path, "%s is negative: give zero for the default, or more", d)
	}
}

func (c *optionCheck) count(path string, n *int, def int) {
	c.notNegative(path, *n)
	if *n == 0 {
		*n = def
	}
}

func (c *optionCheck) duration(path string, d *time.Duration, def time.Duration) {
	c.durationNotNegative(path, *d)
	if *d == 0 {
		*d = def
	}
}

// required refuses nil and what notNilPointer refuses.
func (c *optionCheck) required(path string, dependency any) {
	if dependency == nil {
		c.add(path, "is required")
		return
	}
	c.notNilPointer(path, dependency)
}

// notNilPointer refuses an interface that holds a nil pointer, map or function.
// It is not nil itself, so that the first call through it would panic.
func (c *optionCheck) notNilPointer(path string, dependency any) {
	if nilness.Hidden(dependency) {
		c.add(path, "is a nil %T: give one that works", dependency)
	}
}

// check reports the limits that are negative.
func (l Limits) check(o *optionCheck) {
	o.notNegative("Limits.Steps", l.Steps)
	o.durationNotNegative("Limits.Duration", l.Duration)
	o.notNegative("Limits.RuleDepth", l.RuleDepth)
	o.notNegative("Limits.Rules", l.Rules)
	o.notNegative("Limits.PayloadBytes", l.PayloadBytes)
	o.notNegative("Limits.StepKeyBytes", l.StepKeyBytes)
}

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

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
