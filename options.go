package automation

import (
	"io"
	"log/slog"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/options"
)

// Options configure a Runner. The zero value works. A zero field means its default, and
// New refuses a negative number or duration.
type Options struct {
	// Clock is the source of the current time. The default is the system clock.
	Clock Clock
	// Contacts is the application's own contact table. Without it, contacts live in
	// the Store.
	Contacts ContactDirectory
	// Registry holds the custom step types. Nil means that there are none.
	Registry *Registry
	// Limits bound automations and events. A zero field means its default.
	Limits Limits
	// Retry is the policy for failed effects of automations and steps without a policy
	// of their own. By default a failing effect is tried again for at least 24 hours.
	Retry RetryPolicy
	// Delivery applies to steps that choose no delivery. The default is AtLeastOnce.
	Delivery Delivery
	// MaxLateness is how late an email may be, such as after an outage of all nodes.
	// An email that is later is skipped. If the email has to wait for its window, its
	// lateness counts from when the window opens. Zero means that an email is sent however
	// late it is.
	MaxLateness time.Duration
	// Zone is how steps find the time zone of a contact.
	Zone ZoneOptions
	// Window is when emails may be sent: each attempt outside of it waits until it opens.
	// SendEmail.Window overrides it. The zero Window means that emails are sent at any time.
	Window Window
	// IdempotencyWindow is how long the Store remembers the idempotency key of an
	// event. The default is 24 hours.
	IdempotencyWindow time.Duration
	// Retention is how long the Store keeps runs that have ended and events that were
	// handled. Run removes older ones in the background, as Prune does, and takes at most
	// a tenth of the time for that. Zero means that they stay until Prune is called. The
	// minimum is 1 hour. A lookback does not find events that were removed, so keep them
	// for longer than the runs with a lookback last.
	Retention time.Duration
	// Concurrency is how many effects Run performs at once. The default is 64.
	Concurrency int
	// InFlight is how many contacts Run works on at once. The default is 4096. When a process
	// dies, other processes wait for the leases of these contacts to expire.
	InFlight int
	// Lease is how long a lease lasts. When a process dies, its contacts wait for at
	// most this time until another process works on them. A Runner renews the leases
	// that it needs for longer. The default is 1 minute, the minimum is 1 second.
	Lease time.Duration
	// EffectTimeout bounds one call of the Mailer, of a custom step or of Contacts,
	// in real time. The default is 30 seconds.
	EffectTimeout time.Duration
	// StoreTimeout bounds, in real time, one call of the Store that the context of a
	// caller does not bound, such as a claim or a commit. The default is 30 seconds.
	StoreTimeout time.Duration
	// PollInterval is how often Run looks for work that no wake-up announced, such
	// as an event that another process sent. The default is 1 second.
	PollInterval time.Duration
	// MaxLag is how long work may be due before Health reports a problem. The default is
	// 5 minutes.
	MaxLag time.Duration
	// ShutdownTimeout is how long Run waits for effects in flight after its context
	// has ended. The default is 10 seconds.
	ShutdownTimeout time.Duration
	// Logger receives the failures that no method returns to its caller, once they
	// are recorded in the Store. Each run that fails is a WARN, each panic of the
	// application's code an ERROR with its stack, and each attempt that is repeated
	// an INFO. Of records that differ only in their run, the first 10 per minute are
	// written, and then a count. Run logs when it starts, with the type of the Store
	// (its String, if it is a fmt.Stringer) and the number of enabled automations,
	// and when it stops. The records contain no payloads, and the Runner removes
	// email addresses from the errors in them. Nil discards the records.
	Logger *slog.Logger
	// Observer receives a Notice of everything that the Runner does. Nil means that
	// there is no Observer.
	Observer Observer
	// Random is the source of randomness for ids. The default is crypto/rand. With a
	// deterministic source and a fake clock, all ids are reproducible.
	Random io.Reader
}

// withDefaults returns o with defaults in its zero fields, and the problems of the other
// fields.
func (o Options) withDefaults() (Options, Problems) {
	var problems Problems
	c := options.New(&problems, CodeInvalidOption)
	c.Duration("MaxLateness", &o.MaxLateness, 0)
	c.Duration("IdempotencyWindow", &o.IdempotencyWindow, 24*time.Hour)
	c.Duration("Retention", &o.Retention, 0)
	c.Duration("MaxLag", &o.MaxLag, 5*time.Minute)
	c.Duration("Lease", &o.Lease, time.Minute)
	c.Duration("EffectTimeout", &o.EffectTimeout, 30*time.Second)
	c.Duration("StoreTimeout", &o.StoreTimeout, 30*time.Second)
	c.Duration("PollInterval", &o.PollInterval, time.Second)
	c.Duration("ShutdownTimeout", &o.ShutdownTimeout, 10*time.Second)
	c.Count("Concurrency", &o.Concurrency, 64)
	c.Count("InFlight", &o.InFlight, 4096)
	if 0 < o.Lease && o.Lease < minLease {
		c.Add("Lease", "%s is too short to be renewed in time: give at least %s", o.Lease, minLease)
	}
	if 0 < o.Retention && o.Retention < minRetention {
		c.Add("Retention", "%s is less than %s: most likely the unit is missing, as in 90*24*time.Hour", o.Retention, minRetention)
	}
	o.Limits.validate(c)
	o.Retry.validate(c, retryOptionNames)
	problems = append(problems, o.momentProblems()...)
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
	o.Window = o.Window.clone()
	return o, problems
}

// minLease is the shortest Lease. A slow call or a pause of the garbage collector must
// not lose a lease.
const minLease = time.Second

// minRetention is the shortest Retention. A duration without its unit, such as 90, must not
// remove all history.
const minRetention = time.Hour

// validate reports the limits that are negative.
func (l Limits) validate(c *options.Check) {
	c.NotNegative("Limits.Steps", l.Steps)
	c.DurationNotNegative("Limits.Duration", l.Duration)
	c.NotNegative("Limits.RuleDepth", l.RuleDepth)
	c.NotNegative("Limits.Rules", l.Rules)
	c.NotNegative("Limits.PayloadBytes", l.PayloadBytes)
	c.NotNegative("Limits.StepKeyBytes", l.StepKeyBytes)
	c.NotNegative("Limits.Branches", l.Branches)
	c.NotNegative("Limits.Variants", l.Variants)
	c.NotNegative("Limits.Listeners", l.Listeners)
	c.DurationNotNegative("Limits.Until", l.Until)
	c.NotNegative("Limits.Chain", l.Chain)
}

// Clock is a source of time. clock.New() and clock.NewMock() of
// github.com/benbjohnson/clock implement it. A Clock must be safe for concurrent use.
type Clock interface {
	// Now returns the current time.
	Now() time.Time
	// After returns a channel that receives the time after d has passed. A Runner
	// waits on a few channels at most, however many runs sleep. It uses them only to
	// wake up, and computes from Now what is due.
	After(d time.Duration) <-chan time.Time
}

// SystemClock returns the clock of the operating system.
func SystemClock() Clock { return systemClock{} }

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
