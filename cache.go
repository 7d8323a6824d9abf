package automation

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/schema"
)

// graphCache holds the compiled graphs of the versions that are in use. A
// version never changes, so that an entry is never stale.
type graphCache struct {
	mu        sync.RWMutex
	byVersion map[VersionRef]*Graph
	reading   map[VersionRef]*graphRead
}

// graphRead is a graph that is just being read and compiled: many runs of a version
// need it at once, and one question is enough.
type graphRead struct {
	done  chan struct{}
	graph *Graph
	err   error
}

func newGraphCache() graphCache {
	return graphCache{byVersion: map[VersionRef]*Graph{}, reading: map[VersionRef]*graphRead{}}
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

// errUnreadable wraps what is wrong with a stored definition or state, as
// opposed to a store that does not answer.
var errUnreadable = errors.New("unreadable")

// graph returns the compiled graph of a stored version. The error wraps
// errUnreadable if what is stored cannot be compiled by this process.
func (r *Runner) graph(ctx context.Context, v VersionRef) (*Graph, error) {
	if g, ok := r.graphs.get(v); ok {
		return g, nil
	}
	g, call, first := r.graphs.read(v)
	switch {
	case g != nil:
		return g, nil
	case first:
		r.readFor(ctx, v, call)
	}
	select {
	case <-call.done:
		return call.graph, call.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read returns a graph, or the reading of it, and whether the caller has to do it.
func (c *graphCache) read(v VersionRef) (g *Graph, call *graphRead, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g = c.byVersion[v]; g != nil {
		return g, nil, false // it was put there just now
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

// readFor reads a graph for all that wait for it, who go on also if that panics.
func (r *Runner) readFor(ctx context.Context, v VersionRef, call *graphRead) {
	defer r.graphs.finish(v, call)
	call.err = errUnreadable
	call.graph, call.err = r.readGraph(ctx, v)
}

func (r *Runner) readGraph(ctx context.Context, v VersionRef) (*Graph, error) {
	// Others wait for it, whose contexts go on.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.StoreTimeout)
	defer cancel()
	text, err := r.store.FindAutomationVersion(ctx, v)
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
			return g, nil
		}
	}
	return nil, fmt.Errorf("automation %q, version %d: %w: %w", v.AutomationID, v.Version, errUnreadable, err)
}

// schemaCache holds compiled schemas by their text, which is all that a compiled
// schema depends on, and those of events by name, as they were when they were asked
// for last: stores tell when one has changed since.
type schemaCache struct {
	mu     sync.Mutex
	byText map[string]*schema.Schema
	byName map[string]foundSchema // nil: they are asked for every time
}

// maxSchemas bounds each part of the cache.
const maxSchemas = 1024

// foundSchema is what the definition of an event asks of payloads. The zero value is
// that of an event without one.
type foundSchema struct {
	text    string
	old     bool // it was remembered, and may have changed
	schema  *schema.Schema
	invalid Problems // in the definition itself
}

// find returns the schema of the events with a name, as it is remembered unless it is
// to be asked for anew.
func (c *schemaCache) find(ctx context.Context, w EventWriter, name string, anew bool) (foundSchema, error) {
	c.mu.Lock()
	f, ok := c.byName[name]
	c.mu.Unlock()
	if ok && !anew {
		f.old = true
		return f, nil
	}
	f, err := c.ask(ctx, w, name)
	if err == nil {
		c.remember(name, f)
	}
	return f, err
}

func (c *schemaCache) remember(name string, f foundSchema) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byName == nil {
		return
	}
	if len(c.byName) >= maxSchemas {
		clear(c.byName)
	}
	c.byName[name] = f
}

func (c *schemaCache) ask(ctx context.Context, w EventWriter, name string) (foundSchema, error) {
	d, err := w.FindEventDefinition(ctx, name)
	if errors.Is(err, ErrNotFound) || err == nil && (d.Name != name || len(d.Schema) == 0) {
		return foundSchema{}, nil
	}
	if err != nil {
		return foundSchema{}, err
	}
	compiled, invalid := c.compile(string(d.Schema))
	return foundSchema{text: string(d.Schema), schema: compiled, invalid: invalid}, nil
}

// check returns the problems of a payload.
func (f foundSchema) check(payload *jsondoc.Doc) Problems {
	if f.schema == nil {
		return f.invalid
	}
	var object map[string]any
	if payload != nil {
		object = payload.Object(0)
	}
	return problemsOf(CodeSchemaMismatch, f.schema.Check(object))
}

func (c *schemaCache) compile(text string) (*schema.Schema, Problems) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.byText[text]; ok {
		return s, nil
	}
	s, violations := schema.Compile([]byte(text))
	if violations != nil {
		return nil, problemsOf(CodeInvalidSchema, violations)
	}
	if len(c.byText) >= maxSchemas {
		clear(c.byText)
	}
	c.byText[text] = s
	return s, nil
}
