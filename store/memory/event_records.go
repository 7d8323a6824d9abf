package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// record returns a copy of the event with what became of it.
func (e *event) record() automation.EventRecord {
	rec := automation.EventRecord{Event: e.event(), Status: automation.EventStatusPending}
	if e.handled == 0 {
		return rec
	}
	rec.Status, rec.HandledAt = automation.EventStatusHandled, e.handled.time()
	if e.outcome != nil {
		rec.Resumed, rec.Ended, rec.Reason = slices.Clone(e.outcome.resumed), slices.Clone(e.outcome.ended), e.outcome.reason
	}
	if e.references == 0 {
		return rec
	}
	for _, r := range e.contact.runs() {
		if r.event == e {
			rec.Started = append(rec.Started, r.id)
		}
	}
	return rec
}

// FindEvent implements automation.EventReader.
func (s *Store) FindEvent(ctx context.Context, id string) (automation.EventRecord, error) {
	if err := s.lock(ctx); err != nil {
		return automation.EventRecord{}, err
	}
	defer s.mu.Unlock()
	e, ok := s.events[id]
	if !ok {
		return automation.EventRecord{}, record.NotFound("event", id)
	}
	return e.record(), nil
}

// ListEvents implements automation.EventReader. It reads all events: this store has no
// index of them.
func (s *Store) ListEvents(ctx context.Context, q automation.EventQuery) (automation.Page[automation.EventRecord], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.EventRecord]{}, err
	}
	defer s.mu.Unlock()
	cursor := q.After + q.Before
	if cursor != "" && s.events[cursor] == nil {
		return automation.Page[automation.EventRecord]{}, record.NotFound("event", cursor)
	}
	var found []*event
	for _, e := range s.events {
		if e.matches(&q) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *event) int { return cmp.Compare(a.id, b.id) })
	at := position(found, q.PageQuery, func(e *event) int { return cmp.Compare(e.id, cursor) })
	keepAll := func(*event) bool { return true }
	return pageFrom(found, q.PageQuery, at, keepAll, (*event).record), nil
}

func (e *event) matches(q *automation.EventQuery) bool {
	return (q.Contact == automation.ContactRef{} || e.contact.is(q.Contact)) &&
		(q.Name == "" || e.name == q.Name) &&
		(q.AcceptedFrom.IsZero() || e.accepted >= toMicros(q.AcceptedFrom)) &&
		(q.AcceptedUntil.IsZero() || e.accepted < toMicros(q.AcceptedUntil))
}

// is reports whether the state belongs to the id or to the email of ref.
func (cs *contactState) is(ref automation.ContactRef) bool {
	if cs.isEmail {
		return ref.Email != "" && cs.id == automation.EmailKey(ref.Email)
	}
	return cs.id == ref.ID
}
