package automation

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/seed-b636437c/automation/internal/options"

	"github.com/seed-b636437c/automation/internal/schema"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// Runner runs automations: it accepts events, starts and advances runs, and performs
// their effects. A Runner works only while Run or Drain executes: Run works until a
// context ends, and Drain does what is due now. All methods are safe for concurrent use.
// Any number of Runners, in any number of processes, can share one Store.
type Runner struct {
	store   Store
	mailer  Mailer
	opts    Options
	ids     *uuid.Source
	graphs  graphCache
	schemas schemaCache
	wakeup  chan struct{}
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
	return &Runner{
		store:   store,
		mailer:  mailer,
		opts:    opts,
		ids:     uuid.NewSource(opts.Random),
		graphs:  newGraphCache(),
		schemas: schemaCache{byText: map[string]*schema.Schema{}, byName: map[string]foundSchema{}},
		wakeup:  make(chan struct{}, 1),
	}, nil
}

func (r *Runner) now() time.Time { return stamp(r.opts.Clock.Now()) }

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
	}
}

// findContact finds a contact where contacts live. It returns a panic of the contact
// directory as an error, because the panic must not end the process.
func (r *Runner) findContact(ctx context.Context, ref ContactRef) (c Contact, err error) {
	if r.opts.Contacts == nil {
		ctx, cancel := context.WithTimeout(ctx, r.opts.StoreTimeout)
		defer cancel()
		return r.store.FindContact(ctx, ref)
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.EffectTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = panicError(p)
		}
	}()
	return r.opts.Contacts.FindContact(ctx, ref)
}

// newContact returns the contact for the first event of an email that starts a run.
func (r *Runner) newContact(email string) *Contact {
	now := r.now()
	return &Contact{ID: r.ids.Next(now), Email: email, CreatedAt: now}
}

// panicError returns the error of an attempt that panicked. Its effect may have happened.
func panicError(p any) error {
	return fmt.Errorf("panic: %v: %w\n%s", p, ErrOutcomeUnknown, debug.Stack())
}

// An email address in an error, and the version of a Go module in a stack trace, which
// has the same form.
var (
	addressInText = regexp.MustCompile("[^\\s\"`<>()\\[\\]{},;]+@[^\\s\"'`<>()\\[\\]{},;:/\\\\]+")
	moduleVersion = regexp.MustCompile(`@v\d+\.\d+\.\d+`)
)

// loggable returns err or, if its text contains email addresses, an error with the text
// without them. Stores and contact directories may quote an address in an error, and logs
// must not contain any.
func loggable(err error) error {
	text := fmt.Sprint(err) // unlike Error, it survives a nil pointer in err
	kept := addressInText.ReplaceAllStringFunc(text, func(found string) string {
		if moduleVersion.MatchString(found) {
			return found
		}
		return "[email]"
	})
	if kept == text {
		return err
	}
	return errors.New(kept)
}
