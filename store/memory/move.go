package memory

import (
	"github.com/seed-b636437c/automation"
)

// move gives the pending events of an email to a contact, which it may create.
func (s *Store) move(d *desk, t *automation.Transition) {
	to := s.emails[d.id]
	if to == nil && t.Create != nil {
		to = s.insert(*t.Create)
	}
	if to == nil {
		to = s.deskFor(t.MoveTo, "", true)
	}
	s.moveEvents(d, to)
}

// moveEvents gives the pending events of an email to a contact.
func (s *Store) moveEvents(inbox, to *desk) {
	for _, e := range inbox.pending() {
		e.desk = to
		e.forgetEmail()
		to.enqueue(e)
	}
	clear(inbox.pending())
	inbox.events = inbox.events[:inbox.handled]
	s.schedule(inbox)
	s.schedule(to)
	s.tidy(inbox)
}
