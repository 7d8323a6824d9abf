package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// event is an accepted event.
type event struct {
	id, name   string
	contact    *contactState
	payload    []byte
	asSent     *asSent
	occurred   micros
	accepted   micros
	handled    micros // 0 while it is pending
	references int    // how many runs that it has started are kept
	seq        uint64 // numbers events in the order in which they were sent
	outcome    *outcome

	unannounced bool
}

// outcome is what became of an event besides the runs that it started.
type outcome struct {
	resumed []string
	ended   []string
	reason  automation.EventReason
}

// asSent contains fields that most events do not have.
type asSent struct {
	key          string // idempotency key
	email        string // while the email belongs to no contact
	automationID string
	cause        *automation.Cause
}

// asSentOf returns the rare fields of an event, nil if it has none.
func asSentOf(cs *contactState, e *automation.Event) *asSent {
	if e.IdempotencyKey == "" && e.AutomationID == "" && e.Cause == nil && !cs.isEmail {
		return nil
	}
	return &asSent{e.IdempotencyKey, e.Email, e.AutomationID, cloneCause(e.Cause)}
}

// cloneCause returns a copy of a cause, which may be nil.
func cloneCause(c *automation.Cause) *automation.Cause {
	if c == nil {
		return nil
	}
	return &automation.Cause{RunID: c.RunID, Automations: slices.Clone(c.Automations)}
}

// forgetEmail drops the email, unless the event has another rare field. The event has a
// contact now, whose email counts.
func (e *event) forgetEmail() {
	if a := e.asSent; a != nil && a.key == "" && a.automationID == "" && a.cause == nil {
		e.asSent = nil
	}
}

// AppendEvents implements automation.EventWriter.
func (s *Store) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	receipts := make([]automation.EventReceipt, len(events))
	// Every event is admitted before one is written: all events are kept, or none.
	used := map[idempotencyKey]keyUse{}
	for i := range events {
		var err error
		if receipts[i], err = s.admit(&events[i], used); err != nil {
			return nil, err
		}
	}
	for k, u := range used {
		s.keys[k] = u
	}
	for i := range events {
		if !receipts[i].Duplicate {
			s.append(&events[i])
		}
	}
	s.wake()
	return receipts, nil
}

// admit returns the receipt of a new event, or why it is refused. used contains the
// keys of the events before it in the same call, to which admit adds the event's.
func (s *Store) admit(n *automation.NewEvent, used map[idempotencyKey]keyUse) (automation.EventReceipt, error) {
	e := &n.Event
	if !record.MatchesDefinition(n, s.eventDefinition(e.Name)) {
		return automation.EventReceipt{}, fmt.Errorf("memory store: event %q: %w", e.Name, automation.ErrDefinitionChanged)
	}
	if e.ContactID != "" && !n.HostContact {
		if cs := s.contacts[e.ContactID]; cs == nil || !cs.known {
			return automation.EventReceipt{}, record.NotFound("contact", e.ContactID)
		}
	}
	accepted := automation.EventReceipt{ID: e.ID}
	if e.IdempotencyKey == "" {
		return accepted, nil
	}
	k := idempotencyKey{e.Name, e.IdempotencyKey}
	u, ok := used[k]
	if !ok {
		u, ok = s.keys[k]
		ok = ok && u.expires > toMicros(e.AcceptedAt)
	}
	if ok {
		return u.Receipt(n)
	}
	used[k] = keyUse{record.KeyUse{Hash: n.ContentHash, EventID: e.ID}, toMicros(n.KeyExpiresAt)}
	return accepted, nil
}

func (s *Store) append(n *automation.NewEvent) {
	e := &n.Event
	cs := s.stateFor(e.ContactID, e.Email, n.HostContact)
	s.scheduleBy(cs, s.keep(cs, n).accepted)
}

// enqueue adds a pending event. Pending events are in the order in which they were
// accepted and, among those of one moment, sent.
func (cs *contactState) enqueue(e *event) {
	i := len(cs.events)
	for i > int(cs.handled) && e.before(cs.events[i-1]) {
		i--
	}
	if i == len(cs.events) {
		cs.events = append(cs.events, e)
		return
	}
	cs.events = slices.Insert(cs.events, i, e)
}

func (e *event) before(other *event) bool {
	return e.accepted < other.accepted || e.accepted == other.accepted && e.seq < other.seq
}

// event returns a copy of the event.
func (e *event) event() automation.Event {
	ev := e.shared()
	ev.Payload = bytes.Clone(ev.Payload)
	return ev
}

// shared returns the event with the store's own payload, which the caller must not
// change.
func (e *event) shared() automation.Event {
	ev := automation.Event{
		ID: e.id, Name: e.name, Payload: e.payload,
		OccurredAt: e.occurred.time(), AcceptedAt: e.accepted.time(),
	}
	if e.asSent != nil {
		ev.IdempotencyKey, ev.AutomationID, ev.Cause = e.asSent.key, e.asSent.automationID, cloneCause(e.asSent.cause)
	}
	switch {
	case !e.contact.isEmail:
		ev.ContactID = e.contact.id
	case e.asSent != nil:
		ev.Email = e.asSent.email
	}
	return ev
}

// ListContactEvents implements automation.EventReader.
func (s *Store) ListContactEvents(ctx context.Context, contactID, name string, since time.Time) ([]automation.Event, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	cs, ok := s.contacts[contactID]
	if !ok {
		return nil, nil
	}
	var events []automation.Event
	for _, e := range cs.events {
		if e.name == name && e.accepted >= toMicros(since) {
			events = append(events, e.event())
		}
	}
	// An event that arrived late was handled after younger ones.
	slices.SortStableFunc(events, func(a, b automation.Event) int { return a.AcceptedAt.Compare(b.AcceptedAt) })
	return events, nil
}
