package automation

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// graphCache holds the compiled graphs of the versions in use. A version never changes,
// so an entry never becomes stale.
type graphCache struct {
	mu        sync.RWMutex
	byVersion map[VersionRef]*Graph
	reading   map[VersionRef]*graphRead
}

// graphRead is a read of a graph in progress. Many runs of a version may need the graph
// at the same time, and share one read.
type graphRead struct {
	done  chan struct{}
	graph *Graph
	err   error
}

func newGraphCache() graphCache {
	return graphCache{byVersion: map[VersionRef]*Graph{}, reading: map[VersionRef]*graphRead{}}
}

// maxGraphs bounds the cache. A full cache drops an arbitrary graph for each new one. A
// dropped graph is read again when it is needed.
const maxGraphs = 1024

func (c *graphCache) get(v VersionRef) (*Graph, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	g, ok := c.byVersion[v]
	return g, ok
}

// errUnusable marks the error of a stored definition that this process cannot decode or
// compile. Errors of the store do not have this mark.
var errUnusable = errors.New("unusable in this process")

// graph returns the compiled graph of a stored version. The error wraps errUnusable if
// this process cannot decode or compile the stored definition.
func (r *Runner) graph(ctx context.Context, v VersionRef) (*Graph, error) {
	return r.graphIn(ctx, &r.graphs, v, r.compileStored)
}

// displayGraph returns a graph of a stored version for StepRuns. This process may lack
// step types of the version.
func (r *Runner) displayGraph(ctx context.Context, v VersionRef) (*Graph, error) {
	if g, ok := r.graphs.get(v); ok {
		return g, nil
	}
	return r.graphIn(ctx, &r.shown, v, compileShown)
}

// compileFunc makes a graph of a stored definition of the automation with this id.
type compileFunc func(id string, definition []byte) (*Graph, error)

// graphIn returns a graph of the cache c, or adds it.
func (r *Runner) graphIn(ctx context.Context, c *graphCache, v VersionRef, compile compileFunc) (*Graph, error) {
	if g, ok := c.get(v); ok {
		return g, nil
	}
	g, call, first := c.read(v)
	switch {
	case g != nil:
		return g, nil
	case first:
		r.readFor(ctx, c, v, call, compile)
	}
	select {
	case <-call.done:
		return call.graph, call.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read returns the graph of a version or, if the cache has none, a read of it. It also
// reports whether the caller has to carry out the read.
func (c *graphCache) read(v VersionRef) (g *Graph, call *graphRead, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g = c.byVersion[v]; g != nil {
		return g, nil, false // another goroutine has just added it
	}
	if call = c.reading[v]; call != nil {
		return nil, call, false
	}
	call = &graphRead{done: make(chan struct{})}
	c.reading[v] = call
	return nil, call, true
}

func (c *graphCache) finish(v VersionRef, call *graphRead) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.reading, v)
	close(call.done)
	if call.err != nil {
		return
	}
	for old := range c.byVersion {
		if len(c.byVersion) < maxGraphs {
			break
		}
		delete(c.byVersion, old)
	}
	c.byVersion[v] = call.graph
}

// readFor carries out a read, and releases the goroutines that wait for it, even if it
// panics.
func (r *Runner) readFor(ctx context.Context, c *graphCache, v VersionRef, call *graphRead, compile compileFunc) {
	defer c.finish(v, call)
	call.err = errUnusable // the result of a panic
	call.graph, call.err = r.readGraph(ctx, v, compile)
}

func (r *Runner) readGraph(ctx context.Context, v VersionRef, compile compileFunc) (*Graph, error) {
	// Without ctx's end: other goroutines wait for the result too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.StoreTimeout)
	defer cancel()
	rec, err := r.store.FindAutomationVersion(ctx, v)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	var g *Graph
	if err == nil {
		g, err = compile(v.AutomationID, rec.Definition)
	}
	if err != nil {
		return nil, fmt.Errorf("automation %q, version %d: %w: %w", v.AutomationID, v.Version, errUnusable, err)
	}
	return g, nil
}

// compileShown compiles a stored definition for StepRuns.
func compileShown(_ string, text []byte) (*Graph, error) {
	a, err := decodeDefinition(text, nil)
	if err != nil {
		return nil, err
	}
	return compileDisplay(a)
}

// compileStored compiles a stored definition. The UnmarshalJSON and Validate methods of
// custom configs are the host's code. If one panics, its next version may be better.
func (r *Runner) compileStored(id string, text []byte) (g *Graph, err error) {
	err = guard(func() error {
		a, err := decodeDefinition(text, r.opts.Registry)
		a.ID = id
		if err == nil {
			g, err = compile(a, r.compileOptions())
		}
		return err
	})
	if panicIn(err) != nil {
		err = fmt.Errorf("%w: %w", err, ErrNewerVersion)
	}
	return g, err
}
