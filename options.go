package automation

import (
	"io"
	"log/slog"
	"time"
)

// Options tune a Runner. The zero value works.
type Options struct {
	// Clock says what time it is: the system's by default.
	Clock Clock
	// Contacts is the host's own contact table. Nil keeps contacts in the Store.
	Contacts Contacts
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
	// anymore: 1 minute by default. A Runner renews the leases it needs longer.
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
	var ps Problems
	negative := func(name string, bad bool) {
		if bad {
			ps = append(ps, Problem{Severity: SeverityError, Code: CodeInvalidOption, Path: name, Message: "must not be negative"})
		}
	}
	duration := func(name string, d *time.Duration, def time.Duration) {
		negative(name, *d < 0)
		if *d == 0 {
			*d = def
		}
	}
	count := func(name string, n *int, def int) {
		negative(name, *n < 0)
		if *n == 0 {
			*n = def
		}
	}
	duration("MaxLateness", &o.MaxLateness, 0)
	duration("IdempotencyWindow", &o.IdempotencyWindow, 24*time.Hour)
	duration("Lease", &o.Lease, time.Minute)
	duration("EffectTimeout", &o.EffectTimeout, 30*time.Second)
	duration("StoreTimeout", &o.StoreTimeout, 30*time.Second)
	duration("PollInterval", &o.PollInterval, time.Second)
	duration("ShutdownTimeout", &o.ShutdownTimeout, 10*time.Second)
	count("Concurrency", &o.Concurrency, 64)
	count("InFlight", &o.InFlight, 1024)
	switch o.Delivery {
	case "":
		o.Delivery = AtLeastOnce
	case AtLeastOnce, AtMostOnce:
	default:
		ps = append(ps, Problem{Severity: SeverityError, Code: CodeInvalidOption, Path: "Delivery", Message: "must be at_least_once or at_most_once"})
	}
	if o.Clock == nil {
		o.Clock = SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Limits = o.Limits.withDefaults()
	return o, ps
}
