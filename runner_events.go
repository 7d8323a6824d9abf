package automation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/schema"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// Send accepts events through w, as Runner.Send does, for code that has no Runner. w is a
// store, or the result of a store's Tx method. With Tx, the events take effect if and
// only if the host's transaction commits.
//
// Send uses the system clock, the default limits and an idempotency window of 24 hours.
// It works only if contacts live in the store. With a contact directory, call
// Runner.SendTo.
func Send(ctx context.Context, w EventWriter, events ...Event) ([]EventReceipt, error) {
	s := sender{now: stamp(time.Now()), ids: systemIDs(), limits: Limits{}.withDefaults(), window: 24 * time.Hour, schemas: systemSchemas()}
	s.unannounced = true
	receipts, _, err := s.send(ctx, w, events)
	return receipts, err
}

// systemIDs and systemSchemas are for the function Send, which has no Runner.
var (
	systemIDs     = sync.OnceValue(func() *uuid.Source { return uuid.NewSource(nil) })
	systemSchemas = sync.OnceValue(func() *schemaCache { return &schemaCache{byText: map[string]compiledSchema{}} })
)

// Send accepts events. When Send returns without an error, the store keeps the events,
// and a Runner will start and resume everything that they start and resume. The receipts
// are in the order of events.
//
// Send accepts all events or none. It fails with a *ValidationError if an event is
// invalid, with ErrNotFound if an event is for a contact id that does not exist, and with
// ErrConflict if an event has an idempotency key that was used for another content. The
// ValidationError lists the problems of all events. If there are several events, its
// paths begin with the index of the event, as in events[2].email.
//
// An event needs no definition. An event for an unknown email is accepted too: its
// contact is created when a run starts.
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

// SendTo accepts events as Send does, through w: a writer of the Runner's store that
// writes inside the host's own transaction. The events take effect if and only if the
// transaction commits. The Observer receives EventAccepted only when a Runner handles the
// event, because until then the transaction may be rolled back.
//
// With Options.Contacts, SendTo calls FindContact while the transaction is open. A
// directory in the same database must then read through the transaction, which the
// context of FindContact carries; see ContactDirectory. An event can have the ContactID of
// a contact that the transaction has inserted.
func (r *Runner) SendTo(ctx context.Context, w EventWriter, events ...Event) ([]EventReceipt, error) {
	s := r.sender()
	s.unannounced = true
	receipts, _, err := s.send(ctx, w, events)
	if err != nil {
		return nil, err
	}
	r.wake()
	return receipts, nil
}

func (r *Runner) sender() *sender {
	s := &sender{
		now: r.now(), ids: r.ids, limits: r.opts.Limits, window: r.opts.IdempotencyWindow, schemas: &r.schemas,
	}
	if r.opts.Contacts != nil {
		s.contacts = r.opts.Contacts
	}
	return s
}

// sender accepts the events of one call of Send or SendTo.
type sender struct {
	now      time.Time
	ids      *uuid.Source
	limits   Limits
	window   time.Duration
	schemas  *schemaCache
	contacts contactFinder // nil: contacts live in the store
	// unannounced is set if the Observer cannot receive EventAccepted from the sender.
	unannounced bool
}

// contactFinder finds contacts of the host.
type contactFinder interface {
	FindContact(ctx context.Context, ref ContactRef) (Contact, error)
}

// maxAdmissions is how often one call validates its events at most, if their definitions
// keep changing.
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

// admit validates events and returns them in the form that stores keep. With reread it
// reads all definitions again. The error is ErrDefinitionChanged if an event is invalid
// under a remembered definition, which may have changed.
func (s *sender) admit(ctx context.Context, w EventWriter, events []Event, reread bool) ([]NewEvent, error) {
	schemas := map[string]foundSchema{}
	payloads, err := s.validate(ctx, w, events, schemas, reread)
	if err != nil {
		return nil, err
	}
	accepted := make([]NewEvent, len(events))
	tx, inTx := w.(TxCarrier)
	if inTx {
		ctx = tx.WithTx(ctx)
	}
	for i := range events {
		if accepted[i], err = s.accept(ctx, events[i]); err != nil {
			if inTx {
				err = outsideTx(err)
			}
			return nil, fmt.Errorf("automation: %s: %w", subjectOf(events, i), err)
		}
		if payloads[i] != nil { // after accept: an idempotency key belongs to the payload as it was sent
			accepted[i].Event.Payload = payloads[i]
		}
		accepted[i].Schema = schemas[events[i].Name].text
	}
	return accepted, nil
}

// outsideTx adds the way out to an error of FindContact that may have read outside the
// transaction: it waits for a second connection, or does not find what the transaction has
// inserted.
func outsideTx(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: FindContact must read through the transaction if its table is in the same database: see ContactDirectory", err)
	}
	return err
}

// subjectOf returns how an error refers to an event.
func subjectOf(events []Event, i int) string {
	if len(events) == 1 {
		return "event " + jsondoc.Quote(events[0].Name)
	}
	return fmt.Sprintf("event %d of %d", i+1, len(events))
}

// validate reports the problems of all events, and adds the schemas of the events to
// found. It stops after maxProblems. It returns the payloads that were coerced to their
// schemas; the others are nil.
func (s *sender) validate(ctx context.Context, w EventWriter, events []Event, found map[string]foundSchema, reread bool) ([]json.RawMessage, error) {
	payloads := make([]json.RawMessage, len(events))
	var all Problems
	for i := 0; i < len(events) && len(all) < maxProblems; i++ {
		coerced, problems, err := s.validateOne(ctx, w, &events[i], found, reread)
		if err != nil {
			return nil, fmt.Errorf("automation: %s: %w", subjectOf(events, i), err)
		}
		if len(events) == 1 && len(problems) > 0 {
			return nil, problems.Err(subjectOf(events, 0))
		}
		payloads[i] = coerced
		for _, p := range problems {
			p.Path = jsondoc.Join(fmt.Sprintf("events[%d]", i), p.Path)
			all = append(all, p)
		}
	}
	return payloads, all.Err(fmt.Sprintf("batch of %d events", len(events)))
}

// validateOne reports the problems of one event, and returns its payload if it was
// coerced. It finds the definition once for all
// events of a call that have the same name. The error is an error of the store, or
// ErrDefinitionChanged.
func (s *sender) validateOne(ctx context.Context, w EventWriter, e *Event, found map[string]foundSchema, reread bool) (json.RawMessage, Problems, error) {
	payload, problems := scanPayload(e.Payload, s.limits.PayloadBytes)
	if problems = append(eventProblems(*e), problems...); len(problems) > 0 {
		return nil, problems, nil
	}
	schema, ok := found[e.Name]
	if !ok {
		var err error
		if schema, err = s.schemas.find(ctx, w, e.Name, reread); err != nil {
			return nil, nil, err
		}
		found[e.Name] = schema
	}
	coerced, problems := schema.validate(payload)
	if len(problems) > 0 && schema.remembered {
		return nil, nil, ErrDefinitionChanged
	}
	return coerced, problems, nil
}

// accept returns a valid event in the form that stores keep.
func (s *sender) accept(ctx context.Context, e Event) (NewEvent, error) {
	e.ID, e.AcceptedAt = s.ids.Next(s.now), s.now
	if e.OccurredAt.IsZero() {
		e.OccurredAt = s.now
	}
	e.OccurredAt = stamp(e.OccurredAt)
	n := NewEvent{Event: e, HostContact: s.contacts != nil, Unannounced: s.unannounced}
	if e.IdempotencyKey != "" {
		n.ContentHash, n.KeyExpiresAt = contentHash(&e), s.now.Add(s.window)
	}
	if s.contacts == nil {
		return n, nil
	}
	return n, s.findContact(ctx, &n.Event)
}

// findContact finds the event's contact in the contact directory, and replaces an email
// by the contact's id. An email that has no contact stays.
func (s *sender) findContact(ctx context.Context, e *Event) error {
	c, err := s.contacts.FindContact(ctx, ContactRef{ID: e.ContactID, Email: e.Email})
	if errors.Is(err, ErrNotFound) && e.Email != "" {
		return nil
	}
	if err != nil && e.ContactID == "" {
		return fmt.Errorf("contact: %w", err) // a log may get the error: no address in it
	}
	if err != nil {
		return fmt.Errorf("contact %q: %w", e.ContactID, err)
	}
	e.ContactID, e.Email = c.ID, ""
	return nil
}

// CreateEventDefinition keeps a new event definition and returns it as stored. From then
// on Send validates the payloads of events with this name against the schema. It fails
// with a *ValidationError if the name or the schema is invalid, and with ErrConflict if
// the name is taken.
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
		return EventDefinition{}, fmt.Errorf("automation: create event definition: %w", err)
	}
	return d, nil
}

// UpdateEventDefinition replaces the schema of the definition with this id or name, and
// returns the changed definition. A nil schema accepts every payload. It fails with a
// *ValidationError if the schema is invalid, and with ErrNotFound.
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
		return EventDefinition{}, fmt.Errorf("automation: update event definition: %w", err)
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

// ListEventDefinitions lists definitions, newest first. It fails with a *ValidationError
// if the page is invalid, and with ErrNotFound if the cursor is not the id of a
// definition.
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

// DeleteEventDefinition deletes the definition with this id or name, or fails with
// ErrNotFound. From then on Send accepts events with this name with any payload.
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

// GetEvent returns an accepted event and what became of it, or an error that wraps
// ErrNotFound.
func (r *Runner) GetEvent(ctx context.Context, id string) (EventRecord, error) {
	e, err := r.store.FindEvent(ctx, id)
	if err != nil {
		return EventRecord{}, fmt.Errorf("automation: %w", err)
	}
	return e, nil
}

// ListEvents lists accepted events and what became of them, newest first. An event that
// was sent inside a transaction of the host is in the list once the transaction has
// committed. The events of a contact include those that were sent for its email before
// the contact existed. A query with a name and without a contact must have an AcceptedFrom:
// it reads the events that were accepted from then on, until the page is full.
//
// ListEvents fails with a *ValidationError if the query is invalid, and with ErrNotFound
// if the cursor is not the id of an event. For a contact that does not exist the list is
// empty.
func (r *Runner) ListEvents(ctx context.Context, q EventQuery) (Page[EventRecord], error) {
	if err := q.Check(); err != nil {
		return Page[EventRecord]{}, err
	}
	if q.Contact != (ContactRef{}) {
		c, err := r.findContact(ctx, q.Contact)
		switch {
		case err == nil:
			q.Contact = ContactRef{ID: c.ID, Email: c.Email}
		case !errors.Is(err, ErrNotFound):
			return Page[EventRecord]{}, fmt.Errorf("automation: list events: contact %q: %w", q.Contact, err)
		}
	}
	page, err := r.store.ListEvents(ctx, q)
	if err != nil {
		return page, fmt.Errorf("automation: list events: %w", err)
	}
	return page, nil
}

// ListDecisions returns why a handled event did not start runs of enabled automations whose
// triggers name it, and which exits could not be evaluated for it, sorted by the id of the
// automation. The list is empty for an event that is pending, and for one about which there is
// nothing to decide: EventRecord.Reason has the reason then. It is also empty for an event that
// does not exist.
func (r *Runner) ListDecisions(ctx context.Context, eventID string) ([]Decision, error) {
	decisions, err := r.store.ListDecisions(ctx, eventID)
	if err != nil {
		return nil, fmt.Errorf("automation: list decisions: %w", err)
	}
	return decisions, nil
}

// schemaError returns a *ValidationError for an invalid schema, or nil.
func schemaError(raw []byte) error {
	_, violations := schema.Compile(raw)
	return problemsOf(CodeInvalidSchema, violations).Err("event definition")
}
