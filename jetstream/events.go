package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-b636437c/automation"
)

// sendBatch is how many events one atomic batch has: each may come with its key.
const sendBatch = maxBatch / 2

// keptKey is what the stream keeps for an idempotency key.
type keptKey struct {
	EventID string `json:"event_id"`
	Hash    string `json:"hash"`
}

// AppendEvents implements automation.EventWriter. Up to 500 events are one atomic batch.
func (s *Store) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	a := appending{store: s, receipts: make([]automation.EventReceipt, len(events)), byKey: map[string]int{}}
	if err := a.check(ctx, events); err != nil {
		return nil, err
	}
	for from := 0; from < len(events); from += sendBatch {
		if err := a.appendBatch(ctx, events, from, min(from+sendBatch, len(events))); err != nil {
			return nil, err
		}
	}
	return a.receipts, nil
}

// appending is one call of AppendEvents.
type appending struct {
	store    *Store
	receipts []automation.EventReceipt
	byKey    map[string]int // the first event of this call with a key
}

// check compares the schemas of events with the definitions, and finds their contacts.
func (a *appending) check(ctx context.Context, events []automation.NewEvent) error {
	if err := a.checkSchemas(ctx, events); err != nil {
		return err
	}
	var ids []string
	for i := range events {
		if e := &events[i]; !e.HostContact && e.Event.ContactID != "" {
			ids = append(ids, e.Event.ContactID)
		}
	}
	if err := a.checkContacts(ctx, ids); err != nil {
		return err
	}
	for i := range events {
		if e := &events[i]; !e.HostContact && e.Event.ContactID == "" {
			if err := a.findContact(ctx, &e.Event); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *appending) checkSchemas(ctx context.Context, events []automation.NewEvent) error {
	schemas := map[string]string{}
	for i := range events {
		name := events[i].Event.Name
		schema, known := schemas[name]
		if !known {
			d, err := a.store.FindEventDefinition(ctx, name)
			if err != nil && !errors.Is(err, automation.ErrNotFound) {
				return err
			}
			schema = string(d.Schema)
			schemas[name] = schema
		}
		if schema != events[i].Schema {
			return fmt.Errorf("event %q: %w", name, automation.ErrDefinitionChanged)
		}
	}
	return nil
}

// checkContacts returns an error unless all contacts exist.
func (a *appending) checkContacts(ctx context.Context, ids []string) error {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil
	}
	contacts, err := a.store.FindContacts(ctx, ids)
	if err != nil || len(contacts) == len(ids) {
		return err
	}
	for _, c := range contacts {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == c.ID })
	}
	for _, id := range ids { // the error names the contact
		if _, err := a.store.FindContact(ctx, automation.ContactRef{ID: id}); err != nil {
			return err
		}
	}
	return nil
}

// findContact gives an event the contact of its email. If there is none, the event waits under its
// email.
func (a *appending) findContact(ctx context.Context, e *automation.Event) error {
	c, err := a.store.FindContact(ctx, automation.ContactRef{Email: e.Email})
	if errors.Is(err, automation.ErrNotFound) {
		return nil
	}
	if err == nil {
		e.ContactID, e.Email = c.ID, ""
	}
	return err
}

// appendBatch appends the events from one index up to another, without those whose key the
// stream has. While another process takes a key in the meantime, it begins again.
func (a *appending) appendBatch(ctx context.Context, events []automation.NewEvent, from, to int) error {
	for {
		var msgs []*nats.Msg
		for i := from; i < to; i++ {
			if a.receipts[i].Duplicate {
				continue
			}
			added, err := a.messages(ctx, events, i)
			if err != nil {
				return err
			}
			msgs = append(msgs, added...)
		}
		if len(msgs) == 0 {
			return nil
		}
		_, err := a.store.publishAll(ctx, msgs)
		if errors.Is(err, ErrLeft) {
			return a.appendToCatalog(ctx, events[from:to], a.receipts[from:to])
		}
		if !errors.Is(err, errRefused) {
			return err
		}
	}
}

// appendToCatalog appends the events that are no duplicates to the catalog, once the engine was
// left.
func (a *appending) appendToCatalog(ctx context.Context, events []automation.NewEvent, receipts []automation.EventReceipt) error {
	var rest []automation.NewEvent
	var at []int
	for i := range events {
		if !receipts[i].Duplicate {
			rest, at = append(rest, events[i]), append(at, i)
		}
	}
	appended, err := a.store.catalog.AppendEvents(ctx, rest)
	for i := range appended {
		receipts[at[i]] = appended[i]
	}
	return err
}

// messages returns the messages of an event, none if it is a duplicate.
func (a *appending) messages(ctx context.Context, events []automation.NewEvent, i int) ([]*nats.Msg, error) {
	e := &events[i]
	a.receipts[i] = automation.EventReceipt{ID: e.Event.ID}
	entryMsg, err := a.store.entryMessage(automation.ContactRef{ID: e.Event.ContactID, Email: e.Event.Email}, entry{
		Kind: kindEvent, Event: &e.Event, Unannounced: e.Unannounced, ContentHash: e.ContentHash, KeyExpiresAt: e.KeyExpiresAt,
	})
	if err != nil || e.Event.IdempotencyKey == "" {
		return []*nats.Msg{entryMsg}, err
	}
	subject := a.store.names.key(e.Event.Name, e.Event.IdempotencyKey)
	kept, err := a.kept(ctx, subject, events, i)
	switch {
	case err != nil:
		return nil, err
	case kept != nil && kept.Hash != e.ContentHash:
		return nil, fmt.Errorf("event %q with the idempotency key %q has another content than the first one: %w", e.Event.Name, e.Event.IdempotencyKey, automation.ErrConflict)
	case kept != nil:
		a.receipts[i] = automation.EventReceipt{ID: kept.EventID, Duplicate: true}
		return nil, nil
	}
	a.byKey[subject] = i
	keyMsg, err := message(subject, keptKey{e.Event.ID, e.ContentHash})
	if err != nil {
		return nil, err
	}
	keyMsg.Header.Set("Nats-TTL", lifetime(e))
	return []*nats.Msg{expect(keyMsg, 0), entryMsg}, nil
}

// lifetime is how long the key of an event is kept, for a header.
func lifetime(e *automation.NewEvent) string {
	d := e.KeyExpiresAt.Sub(e.Event.AcceptedAt).Round(time.Second)
	return max(d, time.Second).String()
}

// kept returns what is kept for a key: by an earlier event of the same call, or in the stream.
func (a *appending) kept(ctx context.Context, subject string, events []automation.NewEvent, i int) (*keptKey, error) {
	if first, ok := a.byKey[subject]; ok && first != i {
		return &keptKey{a.receipts[first].ID, events[first].ContentHash}, nil
	}
	var msg *jetstream.RawStreamMsg
	err := a.store.patiently(ctx, "idempotency key", func(ctx context.Context) (err error) {
		msg, err = a.store.log.GetLastMsgForSubject(ctx, subject)
		return err
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return a.keptByCatalog(ctx, &events[i].Event)
	}
	if err != nil {
		return nil, err
	}
	var k keptKey
	if err := json.Unmarshal(msg.Data, &k); err != nil {
		return nil, fmt.Errorf("jetstream: idempotency key: %w", err)
	}
	return &k, nil
}

// keptByCatalog returns what the catalog keeps for the key of an event: one that was sent in a
// transaction, or before the engine took over.
func (a *appending) keptByCatalog(ctx context.Context, e *automation.Event) (*keptKey, error) {
	use, err := a.store.projector.FindEventKey(ctx, e.Name, e.IdempotencyKey, e.AcceptedAt)
	if errors.Is(err, automation.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("jetstream: idempotency key: %w", err)
	}
	return &keptKey{use.EventID, use.ContentHash}, nil
}
