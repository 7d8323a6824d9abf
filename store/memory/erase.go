package memory

import (
	"slices"

	"github.com/seed-b636437c/automation"
)

// erase empties the events of a contact, and the events for an email that belong to no
// contact. It scans all events for the latter: erasing is too rare for an index.
func (s *Store) erase(cs *contactState, email string) {
	for _, e := range cs.events {
		s.empty(e)
	}
	s.forgetEntries(cs)
	if cs.isEmail {
		s.eraseEmail(cs.id)
	}
	if key := automation.EmailKey(email); key != "" && !(cs.isEmail && cs.id == key) {
		s.eraseEmail(key)
	}
}

// eraseEmail empties the events for an email, and takes the state with the email from
// those that are not pending.
func (s *Store) eraseEmail(key string) {
	nameless := &contactState{isEmail: true}
	for _, e := range s.events {
		if !e.contact.isEmail || e.contact.id != key {
			continue
		}
		s.empty(e)
		if e.handled != 0 {
			e.contact = nameless
		}
	}
	if cs := s.emails[key]; cs != nil {
		cs.events = slices.Clone(cs.pending())
		cs.handled = 0
	}
}

// empty removes the personal data and the idempotency key of an event.
func (s *Store) empty(e *event) {
	if e.asSent != nil {
		if k := (idempotencyKey{e.name, e.asSent.key}); s.keys[k].EventID == e.id {
			delete(s.keys, k)
		}
	}
	s.eraseDecisions(e.id)
	// An event that is pending still, under its email, starts the automation only that it is for.
	if e.payload = nil; e.asSent != nil && e.asSent.automationID != "" {
		e.asSent = &asSent{automationID: e.asSent.automationID}
		return
	}
	e.asSent = nil
}
