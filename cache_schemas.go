package automation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/schema"
)

// schemaCache holds compiled schemas by their text, because a compiled schema depends
// only on its text. It also holds the schemas of events by name, as the last read
// returned them. A schema by name may be stale. AppendEvents then returns
// ErrDefinitionChanged.
type schemaCache struct {
	mu     sync.Mutex
	byText map[string]compiledSchema
	byName map[string]foundSchema // nil: read the definition every time
}

// compiledSchema is a schema, or why it cannot be used. Both are worth remembering: to
// find out that a schema is too expensive costs as much as to compile it.
type compiledSchema struct {
	schema  *schema.Schema
	invalid Problems
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
	readAt     time.Time
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

// schemasFresh is how long a schema is remembered for events that steps send. So long may such
// an event be checked against a schema that another process has changed.
const schemasFresh = time.Second

// recent is find for an event that a step sends. No store compares the schema of such an event
// with its definition, so the definition is read again when it was read some time ago.
func (c *schemaCache) recent(ctx context.Context, w EventWriter, name string, now time.Time) (foundSchema, error) {
	c.mu.Lock()
	f, ok := c.byName[name]
	c.mu.Unlock()
	if age := now.Sub(f.readAt); ok && age >= 0 && age < schemasFresh {
		return f, nil
	}
	f, err := c.read(ctx, w, name)
	if err == nil {
		f.readAt = now
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
	compiled := c.compile(string(d.Schema))
	return foundSchema{text: string(d.Schema), schema: compiled.schema, invalid: compiled.invalid}, nil
}

// validate returns the problems of a payload under the schema, and those of the schema.
// Without problems it returns the payload with its values in the types of the schema, or
// nil if they have these types already.
func (f foundSchema) validate(payload *jsondoc.Doc) (coerced json.RawMessage, problems Problems) {
	if f.schema == nil || payload == nil {
		return nil, append(slices.Clone(f.invalid), problemsOf(CodeSchemaMismatch, f.schema.Check(nil))...)
	}
	object := payload.Object(0)
	if violations := f.schema.Check(object); len(violations) > 0 {
		return nil, problemsOf(CodeSchemaMismatch, violations)
	}
	typed := f.schema.Coerce(object)
	if len(typed) == 0 {
		return nil, nil
	}
	coerced, err := payload.Replace(0, typed)
	if err != nil {
		problems.Add(CodeInvalidPayload, "payload", "cannot be encoded: %s", err)
	}
	return coerced, problems
}

func (c *schemaCache) compile(text string) compiledSchema {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.byText[text]; ok {
		return s
	}
	compiled, violations := schema.Compile([]byte(text))
	s := compiledSchema{schema: compiled, invalid: problemsOf(CodeInvalidSchema, violations)}
	if len(c.byText) >= maxSchemas {
		clear(c.byText)
	}
	c.byText[text] = s
	return s
}
