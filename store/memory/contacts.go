package memory

import (
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// contact is the part of an automation.Contact that a desk does not hold itself.
type contact struct {
	email               string
	firstName, lastName string
	properties          map[string]any
	segments            []string
	created             micros
}

// record returns a copy of the desk's contact.
func (d *desk) record() automation.Contact {
	c := d.current()
	return c.Clone()
}

// current returns the desk's contact, with the maps and slices that it has.
func (d *desk) current() automation.Contact {
	c := &d.contact
	return automation.Contact{
		ID: d.id, Email: c.email, FirstName: c.firstName, LastName: c.lastName, Unsubscribed: d.unsubscribed,
		Properties: c.properties, Segments: c.segments, CreatedAt: c.created.time(),
	}
}

func (d *desk) set(c automation.Contact) {
	d.known, d.unsubscribed = true, c.Unsubscribed
	d.contact = contact{
		email: c.Email, firstName: c.FirstName, lastName: c.LastName,
		properties: c.Properties, segments: c.Segments, created: toMicros(c.CreatedAt),
	}
}

func (d *desk) change(change *automation.ContactChange) {
	c := d.current()
	change.Apply(&c)
	d.set(c)
}

// FindContact implements automation.ContactStore.
func (s *Store) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if err := s.lock(ctx); err != nil {
		return automation.Contact{}, err
	}
	defer s.mu.Unlock()
	d := s.contacts[ref.ID]
	if ref.ID == "" {
		d = s.emails[automation.EmailKey(ref.Email)]
	}
	if d == nil || !d.known {
		return automation.Contact{}, notFound("contact", ref.String())
	}
	return d.record(), nil
}

// InsertContact implements automation.ContactStore.
func (s *Store) InsertContact(ctx context.Context, c automation.Contact) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if d := s.contacts[c.ID]; d != nil && (d.known || d.deleted) {
		return conflict("contact %q exists already, or has existed", c.ID)
	}
	if s.emails[automation.EmailKey(c.Email)] != nil {
		return conflict("email %q belongs to a contact already", c.Email)
	}
	s.insert(c)
	return nil
}

func (s *Store) insert(c automation.Contact) *desk {
	d := s.deskFor(c.ID, "", true)
	d.set(c.Clone())
	s.listed = append(s.listed, d)
	s.address(d, c.Email)
	return d
}

// address gives an email to a contact, and the events that were sent for it
// before: they come before those that are sent from now on.
func (s *Store) address(d *desk, email string) {
	key := automation.EmailKey(email)
	s.emails[key] = d
	if inbox := s.inboxes[key]; inbox != nil {
		s.moveEvents(inbox, d)
	}
}

// UpdateContact implements automation.ContactStore.
func (s *Store) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	if err := s.lock(ctx); err != nil {
		return automation.Contact{}, err
	}
	defer s.mu.Unlock()
	d := s.contacts[id]
	if d == nil || !d.known {
		return automation.Contact{}, notFound("contact", id)
	}
	if change.Email != nil {
		key := automation.EmailKey(*change.Email)
		if other := s.emails[key]; other != nil && other != d {
			return automation.Contact{}, conflict("email %q belongs to another contact", *change.Email)
		}
		delete(s.emails, automation.EmailKey(d.contact.email))
		s.address(d, *change.Email)
	}
	d.change(&change)
	return d.record(), nil
}

// DeleteContact implements automation.ContactStore.
func (s *Store) DeleteContact(ctx context.Context, id string, now time.Time) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	d := s.contacts[id]
	if d == nil || !d.known {
		return notFound("contact", id)
	}
	s.remove(d, toMicros(now))
	s.schedule(d)
	s.wake()
	return nil
}

// remove deletes the desk's contact. The desk stays, for its runs, which are
// asked to cancel.
func (s *Store) remove(d *desk, now micros) {
	delete(s.emails, automation.EmailKey(d.contact.email))
	d.known, d.deleted, d.contact = false, true, contact{}
	d.cancelRuns(now)
	// Deleting from the list one by one would cost its length each time.
	if s.removed++; s.removed > len(s.listed)/2 {
		s.listed = slices.DeleteFunc(s.listed, func(d *desk) bool { return !d.known })
		s.removed = 0
	}
}

// ListContacts implements automation.ContactStore.
func (s *Store) ListContacts(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.Contact]{}, err
	}
	defer s.mu.Unlock()
	keep := func(d *desk) bool {
		return d.known && (q.Segment == "" || slices.Contains(d.contact.segments, q.Segment))
	}
	id := func(d *desk) string {
		if !d.known {
			return "" // no cursor
		}
		return d.id
	}
	return page(s.listed, q.PageQuery, "contact", id, keep,
		(*desk).record)
}
