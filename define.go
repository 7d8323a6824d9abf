package automation

import (
	"context"
	"fmt"

	"github.com/seed-b636437c/automation/internal/schema"
)

// CreateEventDefinition keeps a new event definition. Payloads of events with its name
// are checked against its schema from now on. A name that is taken fails with
// ErrConflict, an invalid name or schema with a *ValidationError.
func (r *Runner) CreateEventDefinition(ctx context.Context, d EventDefinition) (EventDefinition, error) {
	if message := checkEventName(d.Name); message != "" {
		return EventDefinition{}, Problems{{Severity: SeverityError, Code: CodeInvalidEventName, Path: "name", Message: message}}.Err("event definition")
	}
	if err := checkSchema(d.Schema); err != nil {
		return EventDefinition{}, err
	}
	now := r.now()
	d.ID, d.CreatedAt, d.UpdatedAt = r.ids.Next(now), now, now
	if err := r.store.InsertEventDefinition(ctx, d); err != nil {
		return EventDefinition{}, fmt.Errorf("automation: define event: %w", err)
	}
	return d, nil
}

// UpdateEventDefinition replaces the schema of the definition with this id or name.
// A nil schema accepts every payload.
func (r *Runner) UpdateEventDefinition(ctx context.Context, idOrName string, schema []byte) (EventDefinition, error) {
	if err := checkSchema(schema); err != nil {
		return EventDefinition{}, err
	}
	d, err := r.GetEventDefinition(ctx, idOrName)
	if err != nil {
		return EventDefinition{}, err
	}
	d.Schema, d.UpdatedAt = schema, r.now()
	if err := r.store.UpdateEventDefinition(ctx, d); err != nil {
		return EventDefinition{}, fmt.Errorf("automation: redefine event: %w", err)
	}
	return d, nil
}

// GetEventDefinition returns the definition with this id or name, or an error
// that wraps ErrNotFound.
func (r *Runner) GetEventDefinition(ctx context.Context, idOrName string) (EventDefinition, error) {
	d, err := r.store.FindEventDefinition(ctx, idOrName)
	if err != nil {
		return EventDefinition{}, fmt.Errorf("automation: %w", err)
	}
	return d, nil
}

// ListEventDefinitions lists definitions, newest first.
func (r *Runner) ListEventDefinitions(ctx context.Context, q PageQuery) (Page[EventDefinition], error) {
	if err := q.Check(); err != nil {
		return Page[EventDefinition]{}, err
	}
	page, err := r.store.ListEventDefinitions(ctx, q)
	if err != nil {
		return page, fmt.Errorf("automation: list event definitions: %w", err)
	}
	return page, nil
}

// DeleteEventDefinition deletes the definition with this id or name. Events
// with its name are accepted with any payload from now on.
func (r *Runner) DeleteEventDefinition(ctx context.Context, idOrName string) error {
	d, err := r.GetEventDefinition(ctx, idOrName)
	if err != nil {
		return err
	}
	if err := r.store.DeleteEventDefinition(ctx, d.ID); err != nil {
		return fmt.Errorf("automation: delete event definition: %w", err)
	}
	return nil
}

// GetEvent returns an event that was accepted, or an error that wraps
// ErrNotFound.
func (r *Runner) GetEvent(ctx context.Context, id string) (Event, error) {
	e, err := r.store.FindEvent(ctx, id)
	if err != nil {
		return Event{}, fmt.Errorf("automation: %w", err)
	}
	return e, nil
}

// checkSchema returns a *ValidationError for a schema that cannot be used.
func checkSchema(raw []byte) error {
	_, violations := schema.Compile(raw)
	return problemsOf(CodeInvalidSchema, violations).Err("event definition")
}
