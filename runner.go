package automation

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/internal/sampling"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// Runner runs automations: it accepts events, starts and advances runs, and performs
// their effects. A Runner works only while Run or Drain executes: Run works until a
// context ends, and Drain does what is due now. All methods are safe for concurrent use.
// Any number of Runners, in any number of processes, can share one Store.
type Runner struct {
	store      Store
	mailer     Mailer
	opts       Options
	contacts   contactReader // where contacts live
	ids        *uuid.Source
	graphs     graphCache
	shown      graphCache // graphs for StepRuns only
	schemas    schemaCache
	properties propertyCache
	wakeup     chan struct{}
	sampler    *sampling.Sampler[logKind]
	latest     atomic.Int64 // what now returned last, in microseconds since 1970
	working    activity
}

// contactReader reads contacts: in the Store, or in the contact directory.
type contactReader interface {
	FindContact(ctx context.Context, ref ContactRef) (Contact, error)
	FindContacts(ctx context.Context, ids []string) ([]Contact, error)
	ListContacts(ctx context.Context, q ContactQuery) (Page[Contact], error)
}

// New returns a Runner that keeps its state in store and sends emails with mailer. It
// starts no goroutine. If an argument is invalid, the error is a *ValidationError that
// lists all invalid options.
func New(store Store, mailer Mailer, opts Options) (*Runner, error) {
	opts, problems := opts.withDefaults()
	check := options.New(&problems, CodeInvalidOption)
	check.Required("store", store)
	check.Required("mailer", mailer)
	if err := problems.Err("options"); err != nil {
		return nil, err
	}
	var contacts contactReader = store
	if opts.Contacts != nil {
		directory := newGuardedDirectory(opts.Contacts)
		opts.Contacts, contacts = directory, directory
	}
	if opts.Observer != nil {
		opts.Observer = &guardedObserver{next: opts.Observer, logger: opts.Logger, logged: map[reflect.Type]bool{}}
	}
	return &Runner{
		store:    store,
		mailer:   mailer,
		opts:     opts,
		contacts: contacts,
		ids:      uuid.NewSource(opts.Random),
		graphs:   newGraphCache(),
		shown:    newGraphCache(),
		schemas:  schemaCache{byText: map[string]compiledSchema{}, byName: map[string]foundSchema{}},
		wakeup:   make(chan struct{}, 1),
		sampler:  sampling.New[logKind](logFirst, logInterval),
	}, nil
}

// maxClockStep is how far a clock may be set back without an effect on the Runner's
// time. A clock that is set back further was wrong before, and the Runner follows it.
const maxClockStep = time.Minute

// now returns the time. It does not go back when the clock is corrected a little: an
// event that is sent after a wait began must not seem to come before the wait.
func (r *Runner) now() time.Time {
	now := stamp(r.opts.Clock.Now()).UnixMicro()
	for {
		latest := r.latest.Load()
		if now < latest && latest-now <= maxClockStep.Microseconds() {
			return time.UnixMicro(latest).UTC()
		}
		if r.latest.CompareAndSwap(latest, now) {
			return time.UnixMicro(now).UTC()
		}
	}
}

// wake makes Run look for work at once. It never blocks.
func (r *Runner) wake() {
	select {
	case r.wakeup <- struct{}{}:
	default:
	}
}

// pause waits for d, or until ctx ends.
func (r *Runner) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-r.opts.Clock.After(d):
	}
}

// activity is what the calls of Run do, for Health.
type activity struct {
	mu      sync.Mutex
	runs    int       // calls in progress that look for work
	turned  time.Time // when one of them began, or last looked for work with success
	claimed time.Time // when one of them last claimed work or found none; zero: never
}

// begin records that a Run begins to look for work, and end that it does so no more.
func (a *activity) begin(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.runs++
	a.turned = now
}

func (a *activity) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.runs--
}

// turn records that a Run is alive: it looked for work, or is busy with what it has.
func (a *activity) turn(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turned = now
}

// claim records a claim that the Store answered.
func (a *activity) claim(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.claimed = now
}

func (a *activity) now() (running bool, turned, claimed time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.runs > 0, a.turned, a.claimed
}

func (r *Runner) observe(notices ...Notice) {
	if r.opts.Observer == nil {
		return
	}
	for _, n := range notices {
		r.opts.Observer.Observe(n)
	}
}

func (r *Runner) compileOptions() CompileOptions {
	return CompileOptions{
		Registry:    r.opts.Registry,
		Limits:      r.opts.Limits,
		Retry:       r.opts.Retry,
		Delivery:    r.opts.Delivery,
		MaxLateness: r.opts.MaxLateness,
		Zone:        r.opts.Zone,
		Window:      r.opts.Window,
	}
}

// findContact looks a contact up where contacts live.
func (r *Runner) findContact(ctx context.Context, ref ContactRef) (Contact, error) {
	timeout := r.opts.StoreTimeout
	if r.opts.Contacts != nil {
		timeout = r.opts.EffectTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return r.contacts.FindContact(ctx, ref)
}

// newContact returns the contact for the first event of an email that starts a run.
func (r *Runner) newContact(email string) *Contact {
	now := r.now()
	return &Contact{ID: r.ids.Next(now), Email: email, CreatedAt: now}
}
