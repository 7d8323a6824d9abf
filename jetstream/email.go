package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-b636437c/automation"
)

// newContactID returns an id whose contact lives in this partition, so that the events of its
// email go on in the same batch.
func (p *partition) newContactID() string {
	for {
		id := p.ids.Next(now())
		if p.names.partitionOf(tokenOf(automation.ContactRef{ID: id})) == p.number {
			return id
		}
	}
}

// place finds the contact of an email's events, or makes it, and passes the events on.
func (p *partition) place(ctx context.Context, w *work) error {
	t := &w.turn
	if t.MoveTo == "" {
		return nil
	}
	to := t.MoveTo
	if len(w.taken) > 0 {
		var err error
		if to, err = p.moveTaken(ctx, w); err != nil {
			return err
		}
	} else if t.Create != nil {
		err := p.catalog.InsertContact(ctx, *t.Create)
		if errors.Is(err, automation.ErrConflict) { // the email has a contact by now
			var c automation.Contact
			c, err = p.Store.FindContact(ctx, automation.ContactRef{Email: t.Create.Email})
			to = c.ID
		}
		if err != nil {
			return fmt.Errorf("create contact: %w", err)
		}
	}
	return p.forward(ctx, w, to)
}

// forward passes the events of an email that are not handled to a contact: within the batch, or
// through the log of the partition in which the contact lives. There, the message id makes the
// server ignore those that were forwarded before.
func (p *partition) forward(ctx context.Context, w *work, contactID string) error {
	here := p.names.partitionOf(tokenOf(automation.ContactRef{ID: contactID})) == p.number
	for _, e := range w.entries {
		if e.Kind != kindEvent || e.taken || w.handles(e.Event.ID) {
			continue
		}
		event := *e.Event
		event.ContactID, event.Email = contactID, ""
		e.Key, e.Event = automation.ContactRef{ID: contactID}, &event
		if here {
			w.moved = append(w.moved, e)
			continue
		}
		msg, err := p.entryMessage(e.Key, e)
		if err != nil {
			return err
		}
		if _, err := p.js.PublishMsg(ctx, msg, jetstream.WithMsgID("forward-"+event.ID)); err != nil {
			return fmt.Errorf("jetstream: forward event %q: %w", event.ID, err)
		}
	}
	return nil
}
