package memory

import (
	"github.com/seed-b636437c/automation"
)

// erase empties the events of a desk, and those for an email that belong to no
// contact. Erasing is rare: it is not worth an index of such events.
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

// empty forgets what an event says about somebody, and its idempotency key.
func (s *Store) empty(e *event) {
	if e.asSent != nil {
		if k := (idempotencyKey{e.name, e.asSent.key}); s.keys[k].event == e.id {
			delete(s.keys, k)
		}
	}
	e.payload, e.asSent = nil, nil
}
