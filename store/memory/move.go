package memory

import (
	"github.com/seed-b636437c/automation"
)

// move gives the pending events of an email to a contact, and creates that contact if
// the transition contains it.
func (s *Store) move(cs *contactState, t *automation.Transition) {
	to := s.contactsByEmail[cs.id]
	if to == nil && t.Create != nil {
		to = s.insertContact(*t.Create)
	}
	if to == nil {
		to = s.stateFor(t.MoveTo, "", true)
	}
	// A contact in the store got the events for its email together with the email. But
	// the host's contacts get them here.
	s.moveEvents(cs, to)
}

// moveEvents gives the pending events of an email's state to that of a contact.
func (s *Store) moveEvents(from, to *contactState) {
	for _, e := range from.pending() {
		e.contact = to
		e.forgetEmail()
		to.enqueue(e)
	}
	clear(from.pending())
	from.events = from.events[:from.handled]
	s.schedule(from)
	s.schedule(to)
	s.forgetEmpty(from)
}
