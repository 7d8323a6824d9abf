package memory

import (
	"slices"

	"github.com/seed-b636437c/automation"
)

// contactState is what the store has about one contact: its lease, its events, its
// runs, and the contact itself unless the host keeps it. Events for an email that
// belongs to no contact have a state of their own. The fields are ordered for size,
// because a million sleeping contacts have a state each.
type contactState struct {
	id           string // of the contact, or the email if isEmail
	isEmail      bool   // the state of an email that belongs to no contact
	known        bool   // the contact is in this store
	deleted      bool   // the contact was in this store and was deleted
	unsubscribed bool
	heapIndex    int32   // index in the heap plus one, 0 outside of it
	handled      int32   // how many of events, from the front, have been handled
	token        uint32  // of the last lease
	contact      contact // if known
	leasedUntil  micros  // end of the lease, 0 if there is none
	due          micros  // when it can be claimed, 0 for never; the key of the heap
	events       []*event
	running      runQueue // runs that have not ended, and ended runs with a request
	ended        *[]*run  // nil until the first run has ended
}

func (cs *contactState) ref() automation.ContactRef {
	if cs.isEmail {
		return automation.ContactRef{Email: cs.id}
	}
	return automation.ContactRef{ID: cs.id}
}

// findState returns the state that a lease key names, nil if there is none.
func (s *Store) findState(ref automation.ContactRef) *contactState {
	if ref.ID != "" {
		return s.contacts[ref.ID]
	}
	return s.emails[automation.EmailKey(ref.Email)]
}

// stateFor returns the state for an event's contact id or email, and makes it if there
// is none. With host set, an email is not resolved to a contact.
func (s *Store) stateFor(id, email string, host bool) *contactState {
	if id == "" && !host {
		if cs := s.contactsByEmail[automation.EmailKey(email)]; cs != nil {
			return cs
		}
	}
	states, isEmail := s.contacts, id == ""
	if isEmail {
		states, id = s.emails, automation.EmailKey(email)
	}
	cs := states[id]
	if cs == nil {
		cs = &contactState{id: id, isEmail: isEmail}
		if isEmail {
			cs.token = s.token
		}
		states[id] = cs
	}
	return cs
}

// runs returns all runs of the contact, in order of creation.
func (cs *contactState) runs() []*run {
	all := slices.Clone([]*run(cs.running))
	if cs.ended != nil {
		all = append(all, *cs.ended...)
	}
	slices.SortFunc(all, byCreation)
	return all
}

func (cs *contactState) pending() []*event { return cs.events[cs.handled:] }

// work returns when the state's events and runs are due, regardless of its lease. 0
// means never.
func (cs *contactState) work() micros {
	var at micros
	if p := cs.pending(); len(p) > 0 {
		at = p[0].accepted
	}
	return earlier(at, cs.running.first())
}

// earlier returns the earlier of two times. 0 means never.
func earlier(a, b micros) micros {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// setLease makes the lease of a contact last until a time, 0 for no lease.
func (s *Store) setLease(cs *contactState, until micros) {
	cs.leasedUntil = until
	if until == 0 {
		delete(s.leased, cs)
		return
	}
	s.leased[cs] = struct{}{}
}

// schedule updates the state in the heap.
func (s *Store) schedule(cs *contactState) {
	at := cs.work()
	if at != 0 && cs.leasedUntil > at {
		at = cs.leasedUntil
	}
	s.due.set(cs, at)
}

// scheduleBy is schedule for a state that got work due at a time and lost none.
func (s *Store) scheduleBy(cs *contactState, at micros) {
	at = max(at, cs.leasedUntil)
	if cs.due == 0 || at < cs.due {
		s.due.set(cs, at)
	}
}

// forgetEmpty forgets the state of an email that has no lease and no pending event.
// The next state of the email goes on from its token, because a lease that was lost
// must not become valid again.
func (s *Store) forgetEmpty(cs *contactState) {
	if cs.isEmail && cs.leasedUntil == 0 && len(cs.pending()) == 0 {
		s.token = max(s.token, cs.token)
		delete(s.emails, cs.id)
	}
}
