package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation"
)

// forward is a message for the workflow of a contact.
type forward struct {
	ContactID string `json:"contact_id"`
	Message   []byte `json:"message"`
}

// place finds the contact of an email's events, or makes it, and passes the events on.
func (t *turnOf) place(ctx context.Context) error {
	if to := t.turn.MoveTo; to != "" {
		if t.turn.Create != nil {
			err := t.catalog.InsertContact(ctx, *t.turn.Create)
			if errors.Is(err, automation.ErrConflict) { // the email has a contact by now
				var c automation.Contact
				c, err = t.catalog.FindContact(ctx, automation.ContactRef{Email: t.turn.Create.Email})
				to = c.ID
			}
			if err != nil {
				return fmt.Errorf("create contact: %w", err)
			}
		}
		var entries []entry
		for _, e := range t.work.Events {
			if !slices.ContainsFunc(t.turn.Handled, func(h automation.HandledEvent) bool { return h.ID == e.ID }) {
				event := e.Event
				event.ContactID, event.Email = to, ""
				entries = append(entries, entry{Kind: kindEvent, Event: &event, Unannounced: e.Unannounced})
			}
		}
		if err := t.forward(to, entries); err != nil {
			return err
		}
	}
	for i := range t.sent {
		if err := t.forward(t.sent[i].Event.ContactID, t.sent[i:i+1]); err != nil {
			return err
		}
	}
	return t.forwardSent()
}

// forwardSent passes the events that steps have sent on to the workflow itself. The message is in the
// history with the turn, so that none is lost, and one that comes twice is ignored.
func (t *turnOf) forwardSent() error {
	var entries []entry
	for i := range t.turn.Events {
		entries = append(entries, entry{Kind: kindEvent, Event: &t.turn.Events[i].Event})
	}
	return t.forward(t.in.Key.ID, entries)
}

// forward passes entries on to the workflow of a contact. The activity that does it may be
// repeated, so the workflow ignores those that it has handled.
func (t *turnOf) forward(contactID string, entries []entry) error {
	messages, err := messagesOf(entries)
	for _, m := range messages {
		t.out.Forward = append(t.out.Forward, forward{contactID, m})
	}
	return err
}

// forwardAll is the activity that passes messages on, in their order.
func (w *Worker) forwardAll(ctx context.Context, all []forward) error {
	for _, f := range all {
		if err := w.send(ctx, automation.ContactRef{ID: f.ContactID}, f.Message); err != nil {
			return err
		}
	}
	return nil
}
