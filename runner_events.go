package automation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/schema"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// Send keeps events through w, as Runner.Send does, for code that has a writer
// and no Runner: a store, or a store's Tx, which makes the events take effect
// if and only if the host's transaction commits. It uses the system clock and
// the default limits, and is for contacts that live in the store: where the host
// has its own, call Runner.SendTo, which knows them.
func Send(ctx context.Context, w EventWriter, events ...Event) ([]EventReceipt, error) {
	s := sender{now: stamp(time.Now()), ids: systemIDs(), limits: Limits{}.withDefaults(), window: 24 * time.Hour, schemas: systemSchemas()}
	receipts, _, err := s.send(ctx, w, events)
	return receipts, err
}

// systemIDs and systemSchemas serve Send, which has no Runner to keep them.
var (
	systemIDs     = sync.OnceValue(func() *uuid.Source { return uuid.NewSource(nil) })
	systemSchemas = sync.OnceValue(func() *schemaCache { return &schemaCache{byText: map[string]*schema.Schema{}} })
)

// Send accepts events. Once it returns, they are as durable as the Store, and
// everything that they start and resume will happen. The receipts are in the
// order of events.
//
// It is all or nothing: if one event is invalid (*ValidationError), is for a
// contact id that does not exist (ErrNotFound), or uses an idempotency key that
// was used for another content (ErrConflict), none is kept. The ValidationError
// lists what is wrong with all events; where there are several, its paths begin
// with the event, as in events[2].email. Events without definition are fine. An
// unknown email is too: its contact is created when a run starts.
func (r *Runner) Send(ctx context.Context, events ...Event) ([]EventReceipt, error) {
	receipts, kept, err := r.sender().send(ctx, r.store, events)
	if err != nil {
		return nil, err
	}
	if r.opts.Observer != nil {
		for i := range kept {
			if e := kept[i].Event; !receipts[i].Duplicate {
				r.observe(&EventAccepted{At: e.AcceptedAt, Event: e})
			}
		}
	}
	r.wake()
	return receipts, nil
}

// SendTo is Send through a writer of the Runner's store that writes inside the
// host's own transaction: the events take effect if and only if it commits. The
// Observer hears of them when they are handled, not when they are accepted.
func (r *Runner) SendTo(ctx context.Context, w EventWriter, events ...Event) ([]EventReceipt, error) {
	receipts, _, err := r.sender().send(ctx, w, events)
	if err != nil {
		return nil, err
	}
	r.wake()
	return receipts, nil
}

func (r *Runner) sender() *sender {
	return &sender{
		now: r.now(), ids: r.ids, limits: r.opts.Limits, window: r.opts.IdempotencyWindow,
		schemas: &r.schemas, contacts: r.opts.Contacts,
	}
}

// sender is what accepting events needs.
type sender struct {
	now      time.Time
	ids      *uuid.Source
	limits   Limits
	window   time.Duration
	schemas  *schemaCache
	contacts ContactDirectory // nil: they live in the store
}

// maxAdmissions is how often events are checked at most, while their definitions change.
const maxAdmissions = 5

func (s *sender) send(ctx context.Context, w EventWriter, events []Event) (receipts []EventReceipt, kept []NewEvent, err error) {
	if len(events) == 0 {
		return nil, nil, nil
	}
	for n := range maxAdmissions {
		if kept, err = s.admit(ctx, w, events, n > 0); err == nil {
			if receipts, err = w.AppendEvents(ctx, kept); err != nil {
				err = fmt.Errorf("automation: send: %w", err)
			}
		}
		if !errors.Is(err, ErrDefinitionChanged) {
			break
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return receipts, kept, nil
}

// admit returns events as stores keep them, or what is wrong with them. The error is
// ErrDefinitionChanged if something may be wrong with them by definitions that were
// remembered, and that have to be asked for anew.
func (s *sender) admit(ctx context.Context, w EventWriter, events []Event, anew bool) ([]NewEvent, error) {
	schemas := map[string]foundSchema{}
	if err := s.check(ctx, w, events, schemas, anew); err != nil {
		return nil, err
	}
	accepted := make([]NewEvent, len(events))
	for i := range events {
		var err error
		if accepted[i], err = s.accept(ctx, events[i]); err != nil {
			return nil, fmt.Errorf("automation: %s: %w", subjectOf(events, i), err)
		}
		accepted[i].Schema = schemas[events[i].Name].text
	}
	return accepted, nil
}

// subjectOf names an event in an error.
func subjectOf(events []Event, i int) string {
	if len(events) == 1 {
		return "event " + jsondoc.Quote(events[0].Name)
	}
	return fmt.Sprintf("event %d of %d", i+1, len(events))
}

// check reports what is wrong with all of the events, and adds their schemas to found.
// After maxProblems it looks no further.
func (s *sender) check(ctx context.Context, w EventWriter, events []Event, found map[string]foundSchema, anew bool) error {
	var all Problems
	for i := 0; i < len(events) && len(all) < maxProblems; i++ {
		problems, err := s.checkOne(ctx, w, &events[i], found, anew)
		if err != nil {
			return fmt.Errorf("automation: %s: %w", subjectOf(events, i), err)
		}
		if len(events) == 1 && len(problems) > 0 {
			return problems.Err(subjectOf(events, 0))
		}
		for _, p := range problems {
			p.Path = jsondoc.Join(fmt.Sprintf("events[%d]", i), p.Path)
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all.Err(fmt.Sprintf("batch of %d events", len(events)))
}

// checkOne reports what is wrong with an event. The error is about asking for its
// definition, which is done once for all events of a call that have the same name.
func (s *sender) checkOne(ctx context.Context, w EventWriter, e *Event, found map[string]foundSchema, anew bool) (Problems, error) {
	payload, problems := scanPayload(e.Payload, s.limits.PayloadBytes)
	if problems = append(eventProblems(*e), problems...); len(problems) > 0 {
		return problems, nil
	}
	schema, ok := found[e.Name]
	if !ok {
		var err error
		if schema, err = s.schemas.find(ctx, w, e.Name, anew); err != nil {
			return nil, err
		}
		found[e.Name] = schema
	}
	if problems = schema.check(payload); len(problems) > 0 && schema.old {
		return nil, ErrDefinitionChanged
	}
	return problems, nil
}

// accept returns an event that was checked as stores keep it.
func (s *sender) accept(ctx context.Context, e Event) (NewEvent, error) {
	e.ID, e.AcceptedAt = s.ids.Next(s.now), s.now
	if e.OccurredAt.IsZero() {
		e.OccurredAt = s.now
	}
	e.OccurredAt = stamp(e.OccurredAt)
	n := NewEvent{Event: e, HostContact: s.contacts != nil}
	if e.IdempotencyKey != "" {
		n.ContentHash, n.KeyExpiresAt = contentHash(&e), s.now.Add(s.window)
	}
	if s.contacts == nil {
		return n, nil
	}
	return n, s.findContact(ctx, &n.Event)
}

// findContact resolves the event's contact in the host's table. An email that
// is unknown there stays an email.
func (s *sender) findContact(ctx context.Context, e *Event) error {
	c, err := s.contacts.FindContact(ctx, ContactRef{ID: e.ContactID, Email: e.Email})
	if errors.Is(err, ErrNotFound) && e.Email != "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("contact %q: %w", e.ContactID+e.Email, err)
	}
	e.ContactID, e.Email = c.ID, ""
	return nil
}

// CreateEventDefinition keeps a new event definition. Payloads of events with its name
// are checked against its schema from now on. A name that is taken fails with
// ErrConflict, an invalid name or schema with a *ValidationError.
func (r *Runner) CreateEventDefinition(ctx context.Context, d EventDefinition) (EventDefinition, error) {
	if message := eventNameFlaw(d.Name); message != "" {
		var ps Problems
		ps.Add(CodeInvalidEventName, "name", "%s", message)
		return EventDefinition{}, ps.Err("event definition")
	}
	if err := schemaError(d.Schema); err != nil {
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
	if err := schemaError(schema); err != nil {
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

// schemaError returns a *ValidationError for a schema that cannot be used.
func schemaError(raw []byte) error {
	_, violations := schema.Compile(raw)
	return problemsOf(CodeInvalidSchema, violations).Err("event definition")
}
