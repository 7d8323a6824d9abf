package automation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Runner runs automations: it accepts events, starts and advances runs, and
// performs their effects. It does nothing by itself: call Run to have it work
// until a context ends, or Drain to have it do what is due now. All its methods
// are safe for concurrent use, and any number of Runners, in any number of
// processes, can share one Store.
type Runner struct {
	store  Store
	mailer Mailer
	opts   Options
	ids    *idSource
	graphs graphCache
	checks schemaCache
	wakeup chan struct{}
}

// New returns a Runner that keeps its state in store and sends with mailer. The
// error is a *ValidationError that lists all invalid options.
func New(store Store, mailer Mailer, opts Options) (*Runner, error) {
	opts, problems := opts.withDefaults()
	check := optionCheck{problems}
	check.required("store", store)
	check.required("mailer", mailer)
	if err := check.problems.Err("options"); err != nil {
		return nil, err
	}
	return &Runner{
		store:  store,
		mailer: mailer,
		opts:   opts,
		ids:    newIDSource(opts.Random),
		graphs: graphCache{byVersion: map[VersionRef]*Graph{}},
		checks: schemaCache{byText: map[string]*payloadSchema{}, byName: map[string]foundSchema{}},
		wakeup: make(chan struct{}, 1),
	}, nil
}

func (r *Runner) now() time.Time { return stamp(r.opts.Clock.Now()) }

// wake lets Run look for work at once. It never blocks.
func (r *Runner) wake() {
	select {
	case r.wakeup <- struct{}{}:
	default:
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

// graphCache holds the compiled graphs of the versions that are in use. A
// version never changes, so that an entry is never stale.
type graphCache struct {
	mu        sync.RWMutex
	byVersion map[VersionRef]*Graph
}

// maxGraphs bounds the cache. Beyond it an arbitrary graph is dropped and
// compiled again when it is needed.
const maxGraphs = 1024

func (c *graphCache) get(v VersionRef) (*Graph, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	g, ok := c.byVersion[v]
	return g, ok
}

func (c *graphCache) put(v VersionRef, g *Graph) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for old := range c.byVersion {
		if len(c.byVersion) < maxGraphs {
			break
		}
		delete(c.byVersion, old)
	}
	c.byVersion[v] = g
}

// errUnreadable wraps what is wrong with a stored definition or state, as
// opposed to a store that does not answer.
var errUnreadable = errors.New("unreadable")

// graph returns the compiled graph of a stored version. The error wraps
// errUnreadable if what is stored cannot be compiled by this process.
func (r *Runner) graph(ctx context.Context, v VersionRef) (*Graph, error) {
	if g, ok := r.graphs.get(v); ok {
		return g, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.StoreTimeout)
	defer cancel()
	text, err := r.store.FindDefinition(ctx, v)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	var a Automation
	if err == nil {
		a, err = decodeDefinition(text, r.opts.Registry)
	}
	if err == nil {
		var g *Graph
		if g, err = compile(a, r.compileOptions()); err == nil {
			r.graphs.put(v, g)
			return g, nil
		}
	}
	return nil, fmt.Errorf("automation %q, version %d: %w: %w", v.AutomationID, v.Version, errUnreadable, err)
}
