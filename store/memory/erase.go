package memory

import (
	"github.com/seed-b636437c/automation"
)

// erase empties the events of a contact, and the events for an email that belong to no
// contact. It scans all events for the latter: erasing is too rare for an index.
func (s *Store) erase(cs *contactState, email string) {
	for _, e := range cs.events {
		s.empty(e)
	}
	if email == "" {
		return
	}
	for _, e := range s.events {
		if e.contact.isEmail && e.contact.id == automation.EmailKey(email) {
			s.empty(e)
		}
	}
}

// empty removes the personal data and the idempotency key of an event.
func (s *Store) empty(e *event) {
	if e.asSent != nil {
		if k := (idempotencyKey{e.name, e.asSent.key}); s.keys[k].EventID == e.id {
			delete(s.keys, k)
		}
	}
	e.payload, e.asSent = nil, nil
}
