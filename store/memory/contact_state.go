package memory

import (
	"github.com/seed-b636437c/automation"
)

// desk is where all work of one contact lies: what the lease is on. It also
// holds the contact, unless the host does. Its fields are ordered for size: a
// million contacts that sleep have one each.
type contactState struct {
	id           string // of the contact; in an inbox, the email
	isEmail      bool   // it is for an email that belonged to no contact
	known        bool   // the contact is in this store, and was not deleted
	deleted      bool   // the contact was in this store
	unsubscribed bool
	heapIndex    int32   // index in the heap plus one, 0: not in it
	handled      int32   // how many of events, from the front, have been handled
	token        uint32  // of the last lease
	contact      contact // if known
	leasedUntil  micros  // end of the lease, 0: free
	due          micros  // when it can be claimed, 0: never; its place in the heap
	events       []*event
	running      []*run  // runs that have not ended, or are asked to go on
	ended        *[]*run // nil until the first run has ended
}

func (cs *contactState) ref() automation.ContactRef {
	if cs.isEmail {
		return automation.ContactRef{Email: cs.id}
	}
	return automation.ContactRef{ID: cs.id}
}

// find returns the desk of a contact that the store has heard of.
func (s *Store) findState(ref automation.ContactRef) *contactState {
	if ref.ID != "" {
		return s.contacts[ref.ID]
	}
	return s.emails[automation.EmailKey(ref.Email)]
}

// deskFor returns the desk of a contact, making it if there is none.
func (s *Store) stateFor(id, email string, host bool) *contactState {
	if id == "" && !host {
		if cs := s.contactsByEmail[automation.EmailKey(email)]; cs != nil {
			return cs
		}
	}
	desks, inbox := s.contacts, id == ""
	if inbox {
		desks, id = s.emails, automation.EmailKey(email)
	}
	cs := desks[id]
	if cs == nil {
		cs = &contactState{id: id, isEmail: inbox}
		if inbox {
			cs.token = s.token
		}
		desks[id] = cs
	}
	return cs
}

func (cs *contactState) pending() []*event { return cs.events[cs.handled:] }

// work returns when the desk's work is due, leases aside. 0 means never.
func (cs *contactState) work() micros {
	var at micros
	earlier := func(t micros) {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	if p := cs.pending(); len(p) > 0 {
		earlier(p[0].accepted)
	}
	for _, r := range cs.running {
		earlier(r.due)
	}
	return at
}

// schedule puts the desk where it belongs in the heap.
func (s *Store) schedule(cs *contactState) {
	at := cs.work()
	if at != 0 && cs.leasedUntil > at {
		at = cs.leasedUntil
	}
	s.due.set(cs, at)
}

// hasten is schedule for a desk that got work for at and lost none.
func (s *Store) scheduleBy(cs *contactState, at micros) {
	at = max(at, cs.leasedUntil)
	if cs.due == 0 || at < cs.due {
		s.due.set(cs, at)
	}
}

// tidy forgets the desk of an email that nothing is left of. Its next one goes
// on from its token: a lease that was lost must not become valid again.
func (s *Store) forgetEmpty(cs *contactState) {
	if cs.isEmail && cs.leasedUntil == 0 && len(cs.pending()) == 0 {
		s.token = max(s.token, cs.token)
		delete(s.emails, cs.id)
	}
}
