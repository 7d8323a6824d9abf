package temporal

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-b636437c/automation"
)

// AppendEvents implements automation.EventWriter. The events of one contact that fit into one
// signal are accepted together, the others independently of each other.
func (s *Store) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	a := appending{store: s, events: events, receipts: make([]automation.EventReceipt, len(events)), byTarget: map[string]*target{}}
	for i := range events {
		if err := a.check(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := a.takeKeys(ctx); err != nil {
		return nil, err
	}
	return a.receipts, inParallel(a.byTarget, func(_ string, t *target) error { return t.send(ctx, s) })
}

// appending is one call of AppendEvents.
type appending struct {
	store    *Store
	events   []automation.NewEvent
	receipts []automation.EventReceipt
	byTarget map[string]*target // by the id of a workflow
}

// target is a contact, or an email without one, with the events for it.
type target struct {
	key automation.ContactRef
	// email is the email by which the events name the contact. Earlier events may be on
	// their way from it to the contact.
	email   string
	entries []entry
}

// check finds the contact of an event, and compares the schema with the definition.
func (a *appending) check(ctx context.Context, i int) error {
	e := &a.events[i]
	d, err := a.store.FindEventDefinition(ctx, e.Event.Name)
	if err != nil && !errors.Is(err, automation.ErrNotFound) {
		return err
	}
	if string(d.Schema) != e.Schema {
		return fmt.Errorf("event %q: %w", e.Event.Name, automation.ErrDefinitionChanged)
	}
	t := target{key: automation.ContactRef{ID: e.Event.ContactID, Email: e.Event.Email}}
	switch {
	case e.HostContact:
	case e.Event.ContactID != "":
		if _, err := a.store.FindContact(ctx, t.key); err != nil {
			return err
		}
	default:
		c, err := a.store.FindContact(ctx, t.key)
		if err != nil && !errors.Is(err, automation.ErrNotFound) {
			return err
		}
		if err == nil {
			t.email = e.Event.Email
			e.Event.ContactID, e.Event.Email, t.key = c.ID, "", automation.ContactRef{ID: c.ID}
		}
	}
	id := a.store.names.workflow(t.key)
	known := a.byTarget[id]
	if known == nil {
		known = &t
		a.byTarget[id] = known
	}
	if known.email == "" {
		known.email = t.email
	}
	a.receipts[i] = automation.EventReceipt{ID: e.Event.ID}
	known.entries = append(known.entries, entry{Kind: kindEvent, Event: &e.Event, Unannounced: e.Unannounced})
	return nil
}

// send gives the events to the workflow of the contact. While earlier events for its email are
// on their way to the contact, they follow these.
func (t *target) send(ctx context.Context, s *Store) error {
	messages, err := messagesOf(t.entries)
	if err != nil {
		return err
	}
	for _, m := range messages {
		follows := false
		if t.email != "" {
			if follows, err = s.sendIfRunning(ctx, automation.ContactRef{Email: t.email}, m); err != nil {
				return err
			}
		}
		if follows {
			continue
		}
		if err := s.send(ctx, t.key, m); err != nil {
			return err
		}
	}
	return nil
}
