package memory

import (
	"github.com/seed-b636437c/automation"
)

// desk is where all work of one contact lies: what the lease is on. It also
// holds the contact, unless the host does. Its fields are ordered for size: a
// million contacts that sleep have one each.
type desk struct {
	id           string // of the contact; in an inbox, the email
	inbox        bool   // it is for an email that belonged to no contact
	known        bool   // the contact is in this store, and was not deleted
	deleted      bool   // the contact was in this store
	unsubscribed bool
	place        int32   // index in the heap plus one, 0: not in it
	handled      int32   // how many of events, from the front, have been handled
	token        uint32  // of the last lease
	contact      contact // if known
	leased       micros  // end of the lease, 0: free
	due          micros  // when it can be claimed, 0: never; its place in the heap
	events       []*event
	running      []*run  // runs that have not ended, or are asked to go on
	ended        *[]*run // nil until the first run has ended
}

func (d *desk) ref() automation.ContactRef {
	if d.inbox {
		return automation.ContactRef{Email: d.id}
	}
	return automation.ContactRef{ID: d.id}
}

// find returns the desk of a contact that the store has heard of.
func (s *Store) find(ref automation.ContactRef) *desk {
	if ref.ID != "" {
		return s.contacts[ref.ID]
	}
	return s.inboxes[automation.EmailKey(ref.Email)]
}

// deskFor returns the desk of a contact, making it if there is none.
func (s *Store) deskFor(id, email string, host bool) *desk {
	if id == "" && !host {
		if d := s.emails[automation.EmailKey(email)]; d != nil {
			return d
		}
	}
	desks, inbox := s.contacts, id == ""
	if inbox {
		desks, id = s.inboxes, automation.EmailKey(email)
	}
	d := desks[id]
	if d == nil {
		d = &desk{id: id, inbox: inbox}
		if inbox {
			d.token = s.token
		}
		desks[id] = d
	}
	return d
}

func (d *desk) pending() []*event { return d.events[d.handled:] }

// work returns when the desk's work is due, leases aside. 0 means never.
func (d *desk) work() micros {
	var at micros
	earlier := func(t micros) {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	if p := d.pending(); len(p) > 0 {
		earlier(p[0].accepted)
	}
	for _, r := range d.running {
		earlier(r.due)
	}
	return at
}

// schedule puts the desk where it belongs in the heap.
func (s *Store) schedule(d *desk) {
	at := d.work()
	if at != 0 && d.leased > at {
		at = d.leased
	}
	s.due.set(d, at)
}

// hasten is schedule for a desk that got work for at and lost none.
func (s *Store) hasten(d *desk, at micros) {
	at = max(at, d.leased)
	if d.due == 0 || at < d.due {
		s.due.set(d, at)
	}
}

// tidy forgets the desk of an email that nothing is left of. Its next one goes
// on from its token: a lease that was lost must not become valid again.
func (s *Store) tidy(d *desk) {
	if d.inbox && d.leased == 0 && len(d.pending()) == 0 {
		s.token = max(s.token, d.token)
		delete(s.inboxes, d.id)
	}
}
