package automation

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/schema"
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
func (r *Runner) readFor(ctx context.Context, v VersionRef, call *graphRead) {
	defer r.graphs.finish(v, call)
	call.err = errUnusable // the result of a panic
	call.graph, call.err = r.readGraph(ctx, v)
}

func (r *Runner) readGraph(ctx context.Context, v VersionRef) (*Graph, error) {
	// Without ctx's end: other goroutines wait for the result too.
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
	return nil, fmt.Errorf("automation %q, version %d: %w: %w", v.AutomationID, v.Version, errUnusable, err)
}

// schemaCache holds compiled schemas by their text, because a compiled schema depends
// only on its text. It also holds the schemas of events by name, as the last read
// returned them. A schema by name may be stale. AppendEvents then returns
// ErrDefinitionChanged.
type schemaCache struct {
	mu     sync.Mutex
	byText map[string]*schema.Schema
	byName map[string]foundSchema // nil: read the definition every time
}

// maxSchemas bounds each part of the cache.
const maxSchemas = 1024

// foundSchema is the schema in the definition of an event. The zero value is for an event
// without a definition, or with a definition without a schema.
type foundSchema struct {
	text       string
	remembered bool // it comes from the cache, and may have changed since
	schema     *schema.Schema
	invalid    Problems // in the definition itself
}

// find returns the schema of the events with a name. It reads the definition from w if
// the cache has none, or if reread is set.
func (c *schemaCache) find(ctx context.Context, w EventWriter, name string, reread bool) (foundSchema, error) {
	c.mu.Lock()
	f, ok := c.byName[name]
	c.mu.Unlock()
	if ok && !reread {
		f.remembered = true
		return f, nil
	}
	f, err := c.read(ctx, w, name)
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

func (c *schemaCache) read(ctx context.Context, w EventWriter, name string) (foundSchema, error) {
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

// validate returns the problems of a payload under the schema, and those of the schema.
func (f foundSchema) validate(payload *jsondoc.Doc) Problems {
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
