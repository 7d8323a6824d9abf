package automation

import (
	"context"
	"errors"
	"sync"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/schema"
)

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
