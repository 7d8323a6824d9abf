// Package relay is for authors of engines. It finds the work that only an engine's catalog has:
// events that hosts send in their own transactions, and runs from before the engine took over.
//
// An engine gives functions that make it look at contacts. When its worker looks at a contact, it
// takes the work of the contact from the catalog with automation.Catalog.TakeWork. To look twice
// does no harm, so the relay needs no memory that outlives a crash, and may run in several
// processes.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed-b636437c/automation"
)

// Look makes the engine look at contacts, and at emails without a contact. When it has returned
// nil, the engine does so even after a crash.
type Look func(ctx context.Context, refs []automation.ContactRef) error

// Options tune Run. The zero value works.
type Options struct {
	// PollInterval is how often the catalog is read at least. A catalog that is an
	// automation.Watcher is read at once when events come. The default is 1 second.
	PollInterval time.Duration
	// Again is when the engine is made to look again at a contact whose events are pending
	// still. The default is 1 minute.
	Again time.Duration
	// Batch is how many contacts are passed on at a time at most. The default is 500.
	Batch int
	// Logger receives errors, after which Run goes on. Nil discards them.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.PollInterval <= 0 {
		o.PollInterval = time.Second
	}
	if o.Again <= 0 {
		o.Again = time.Minute
	}
	if o.Batch <= 0 {
		o.Batch = 500
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Run makes the engine look at the contacts that have pending events in the catalog, as soon as
// the events are there, until ctx ends. It returns the error of ctx, or one that wraps
// automation.ErrClosed.
func Run(ctx context.Context, catalog automation.Catalog, opts Options, look Look) error {
	opts = opts.withDefaults()
	r := &relay{catalog: catalog, opts: opts, look: look, seen: map[automation.ContactRef]seen{}, wakeup: make(chan struct{}, 1)}
	if watcher, ok := catalog.(automation.Watcher); ok {
		watching := make(chan struct{})
		ctx, stop := context.WithCancel(ctx)
		go func() { defer close(watching); r.watch(ctx, watcher) }()
		defer func() { stop(); <-watching }()
	}
	return r.run(ctx)
}

// relay is one call of Run.
type relay struct {
	catalog automation.Catalog
	opts    Options
	look    Look
	wakeup  chan struct{}
	// seen has the contacts that were passed on and were waiting still in the last pass.
	seen map[automation.ContactRef]seen
}

// seen is when a contact was passed on, and its newest event then.
type seen struct {
	newest int64
	at     time.Time
}

func (r *relay) run(ctx context.Context) error {
	for {
		began := time.Now()
		err := r.pass(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, automation.ErrClosed):
			return fmt.Errorf("relay: %w", err)
		case err != nil:
			r.opts.Logger.Error("relay: cannot pass on what waits in the catalog", "error", err)
			r.sleep(ctx, r.opts.PollInterval)
			continue
		}
		r.sleep(ctx, time.Since(began)) // a long list does not keep the catalog busy
		r.wait(ctx)
	}
}

// sleep waits for some time.
func (r *relay) sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// wait waits for a wake-up, or for the next poll.
func (r *relay) wait(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-r.wakeup:
	case <-time.After(r.opts.PollInterval):
	}
}

// watch wakes run when events come.
func (r *relay) watch(ctx context.Context, watcher automation.Watcher) {
	wake := func() {
		select {
		case r.wakeup <- struct{}{}:
		default:
		}
	}
	for ctx.Err() == nil {
		err := watcher.Watch(ctx, wake)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, automation.ErrClosed) {
			return
		}
		if ctx.Err() == nil {
			r.opts.Logger.Warn("relay: cannot watch the catalog, polling", "error", err)
			r.sleep(ctx, 5*r.opts.PollInterval)
		}
	}
}

// pass passes on the contacts that wait and were not passed on as they are now.
func (r *relay) pass(ctx context.Context) error {
	waiting := make(map[automation.ContactRef]seen, len(r.seen))
	now := time.Now()
	err := pages(ctx, r.catalog, automation.WaitingQuery{Limit: r.opts.Batch}, func(page []automation.WaitingContact) error {
		var refs []automation.ContactRef
		for _, w := range page {
			known, ok := r.seen[w.ContactRef]
			if !ok || known.newest != w.Newest || now.Sub(known.at) >= r.opts.Again {
				refs, known = append(refs, w.ContactRef), seen{w.Newest, now}
			}
			waiting[w.ContactRef] = known
		}
		if len(refs) == 0 {
			return nil
		}
		return r.look(ctx, refs)
	})
	if err == nil {
		r.seen = waiting
	}
	return err
}

// All makes the engine look, once, at every contact that has pending events, a run in progress, or
// a lease in the catalog, and calls progress after each batch with how many contacts there were so
// far. Call it after Catalog.Engage, when no other work can begin in the catalog. batch is how many
// contacts are passed on at a time at most.
func All(ctx context.Context, catalog automation.Catalog, batch int, look Look, progress func(contacts int)) error {
	n := 0
	return pages(ctx, catalog, automation.WaitingQuery{Limit: batch, Working: true}, func(page []automation.WaitingContact) error {
		refs := make([]automation.ContactRef, len(page))
		for i, w := range page {
			refs[i] = w.ContactRef
		}
		if err := look(ctx, refs); err != nil {
			return err
		}
		n += len(refs)
		progress(n)
		return nil
	})
}

// pages calls use with each page that has contacts.
func pages(ctx context.Context, catalog automation.Catalog, q automation.WaitingQuery, use func(page []automation.WaitingContact) error) error {
	for {
		page, err := catalog.ListWaiting(ctx, q)
		if err != nil {
			return fmt.Errorf("relay: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		if err := use(page); err != nil {
			return err
		}
		if len(page) < q.Limit {
			return nil
		}
		q.After = page[len(page)-1].ContactRef
	}
}
