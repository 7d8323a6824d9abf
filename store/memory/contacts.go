package memory

import (
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// contact is a contact of the built-in contact store.
type contact struct {
	automation.Contact
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
	if d == nil || d.contact == nil {
		return automation.Contact{}, notFound("contact", ref.String())
	}
	return d.contact.Clone(), nil
}

// InsertContact implements automation.ContactStore.
func (s *Store) InsertContact(ctx context.Context, c automation.Contact) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if d := s.contacts[c.ID]; d != nil {
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
	d.contact = &contact{c.Clone()}
	s.emails[automation.EmailKey(c.Email)] = d
	s.listed = append(s.listed, d)
	return d
}

// ChangeContact implements automation.ContactStore.
func (s *Store) ChangeContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	if err := s.lock(ctx); err != nil {
		return automation.Contact{}, err
	}
	defer s.mu.Unlock()
	d := s.contacts[id]
	if d == nil || d.contact == nil {
		return automation.Contact{}, notFound("contact", id)
	}
	if change.Email != nil {
		key := automation.EmailKey(*change.Email)
		if other := s.emails[key]; other != nil && other != d {
			return automation.Contact{}, conflict("email %q belongs to another contact", *change.Email)
		}
		delete(s.emails, automation.EmailKey(d.contact.Email))
		s.emails[key] = d
	}
	change.Apply(&d.contact.Contact)
	return d.contact.Clone(), nil
}

// DeleteContact implements automation.ContactStore.
func (s *Store) DeleteContact(ctx context.Context, id string, now time.Time) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	d := s.contacts[id]
	if d == nil || d.contact == nil {
		return notFound("contact", id)
	}
	s.remove(d, toMicros(now))
	s.schedule(d)
	s.wake()
	return nil
}

// remove deletes the desk's contact. The desk stays, for its runs, which are
// due at once: they will find that the contact is gone.
func (s *Store) remove(d *desk, now micros) {
	delete(s.emails, automation.EmailKey(d.contact.Email))
	d.contact = nil
	for _, r := range d.running {
		r.hasten(now)
	}
	// Deleting from the list one by one would cost its length each time.
	if s.removed++; s.removed > len(s.listed)/2 {
		s.listed = slices.DeleteFunc(s.listed, func(d *desk) bool { return d.contact == nil })
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
		return d.contact != nil && (q.Segment == "" || slices.Contains(d.contact.Segments, q.Segment))
	}
	return page(s.listed, q.PageQuery, "contact", keep,
		func(d *desk) string { return d.ref.ID },
		func(d *desk) automation.Contact { return d.contact.Clone() })
}
