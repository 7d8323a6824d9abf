package automation

import (
	"io"
	"log/slog"
	"time"

	"github.com/seed-b636437c/automation/internal/options"

	"github.com/seed-b636437c/automation/internal/jsondoc"
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
	var problems Problems
	c := options.New(&problems, CodeInvalidOption)
	c.Duration("MaxLateness", &o.MaxLateness, 0)
	c.Duration("IdempotencyWindow", &o.IdempotencyWindow, 24*time.Hour)
	c.Duration("Lease", &o.Lease, time.Minute)
	c.Duration("EffectTimeout", &o.EffectTimeout, 30*time.Second)
	c.Duration("StoreTimeout", &o.StoreTimeout, 30*time.Second)
	c.Duration("PollInterval", &o.PollInterval, time.Second)
	c.Duration("ShutdownTimeout", &o.ShutdownTimeout, 10*time.Second)
	c.Count("Concurrency", &o.Concurrency, 64)
	c.Count("InFlight", &o.InFlight, 1024)
	if 0 < o.Lease && o.Lease < minLease {
		c.Add("Lease", "%s is too short to be renewed in time: give at least %s", o.Lease, minLease)
	}
	o.Limits.check(c)
	o.Retry.check(c)
	switch o.Delivery {
	case "":
		o.Delivery = AtLeastOnce
	case AtLeastOnce, AtMostOnce:
	default:
		c.Add("Delivery", "%s is unknown: use %q or %q", jsondoc.Quote(o.Delivery), AtLeastOnce, AtMostOnce)
	}
	c.NotNilPointer("Clock", o.Clock)
	c.NotNilPointer("Contacts", o.Contacts)
	c.NotNilPointer("Observer", o.Observer)
	c.NotNilPointer("Random", o.Random)
	if o.Clock == nil {
		o.Clock = SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Limits = o.Limits.withDefaults()
	return o, problems
}

// minLease is the shortest Lease: a slow call or a pause of the garbage
// collector must not lose it.
const minLease = time.Second

// check reports the limits that are negative.
func (l Limits) check(c *options.Check) {
	c.NotNegative("Limits.Steps", l.Steps)
	c.DurationNotNegative("Limits.Duration", l.Duration)
	c.NotNegative("Limits.RuleDepth", l.RuleDepth)
	c.NotNegative("Limits.Rules", l.Rules)
	c.NotNegative("Limits.PayloadBytes", l.PayloadBytes)
	c.NotNegative("Limits.StepKeyBytes", l.StepKeyBytes)
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
