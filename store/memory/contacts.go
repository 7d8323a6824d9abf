package memory

import (
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// contact contains the fields of an automation.Contact that a contactState does not
// have itself.
type contact struct {
	email               string
	firstName, lastName string
	properties          map[string]any
	segments            []string
	created             micros
}

// record returns a copy of the contact.
func (cs *contactState) record() automation.Contact {
	c := cs.current()
	return c.Clone()
}

// current returns the contact with the store's own maps and slices.
func (cs *contactState) current() automation.Contact {
	c := &cs.contact
	return automation.Contact{
		ID: cs.id, Email: c.email, FirstName: c.firstName, LastName: c.lastName, Unsubscribed: cs.unsubscribed,
		Properties: c.properties, Segments: c.segments, CreatedAt: c.created.time(),
	}
}

func (cs *contactState) set(c automation.Contact) {
	cs.known, cs.unsubscribed = true, c.Unsubscribed
	cs.contact = contact{
		email: c.Email, firstName: c.FirstName, lastName: c.LastName,
		properties: c.Properties, segments: c.Segments, created: toMicros(c.CreatedAt),
	}
}

func (cs *contactState) change(change *automation.ContactChange) {
	c := cs.current()
	change.Apply(&c)
	cs.set(c)
}

// FindContact implements automation.ContactStore.
func (s *Store) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if err := s.lock(ctx); err != nil {
		return automation.Contact{}, err
	}
	defer s.mu.Unlock()
	cs := s.contacts[ref.ID]
	if ref.ID == "" {
		cs = s.contactsByEmail[automation.EmailKey(ref.Email)]
	}
	if cs == nil || !cs.known {
		return automation.Contact{}, record.NotFound("contact", ref.String())
	}
	return cs.record(), nil
}

// FindContacts implements automation.ContactStore.
func (s *Store) FindContacts(ctx context.Context, ids []string) ([]automation.Contact, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	found := make([]automation.Contact, 0, len(ids))
	seen := make(map[*contactState]bool, len(ids))
	for _, id := range ids {
		if cs := s.contacts[id]; cs != nil && cs.known && !seen[cs] {
			seen[cs] = true
			found = append(found, cs.record())
		}
	}
	return found, nil
}

// InsertContact implements automation.ContactStore.
func (s *Store) InsertContact(ctx context.Context, c automation.Contact) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if cs := s.contacts[c.ID]; cs != nil && (cs.known || cs.deleted) {
		return record.ContactExists(c.ID)
	}
	if s.contactsByEmail[automation.EmailKey(c.Email)] != nil {
		return record.EmailTaken(c.Email)
	}
	s.insertContact(c)
	return nil
}

func (s *Store) insertContact(c automation.Contact) *contactState {
	cs := s.stateFor(c.ID, "", true)
	cs.set(c.Clone())
	s.listed = append(s.listed, cs)
	s.giveEmail(cs, c.Email)
	return cs
}

// giveEmail gives an email to a contact, with the pending events that were sent for
// the email. They come before the events that are sent from now on.
func (s *Store) giveEmail(cs *contactState, email string) {
	key := automation.EmailKey(email)
	s.contactsByEmail[key] = cs
	if from := s.emails[key]; from != nil {
		s.moveEvents(from, cs)
	}
}

// UpdateContact implements automation.ContactStore.
func (s *Store) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	if err := s.lock(ctx); err != nil {
		return automation.Contact{}, err
	}
	defer s.mu.Unlock()
	cs := s.contacts[id]
	if cs == nil || !cs.known {
		return automation.Contact{}, record.NotFound("contact", id)
	}
	if change.Email != nil {
		key := automation.EmailKey(*change.Email)
		if other := s.contactsByEmail[key]; other != nil && other != cs {
			return automation.Contact{}, record.EmailOfAnother(*change.Email)
		}
		delete(s.contactsByEmail, automation.EmailKey(cs.contact.email))
		s.giveEmail(cs, *change.Email)
	}
	cs.change(&change)
	return cs.record(), nil
}

// DeleteContact implements automation.ContactStore.
func (s *Store) DeleteContact(ctx context.Context, id string, now time.Time) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	cs := s.contacts[id]
	if cs == nil || !cs.known {
		return record.NotFound("contact", id)
	}
	s.deleteContact(cs, toMicros(now))
	s.schedule(cs)
	s.wake()
	return nil
}

// deleteContact deletes a contact and records a cancel for its running runs. The state
// stays, because it has these runs.
func (s *Store) deleteContact(cs *contactState, now micros) {
	delete(s.contactsByEmail, automation.EmailKey(cs.contact.email))
	cs.known, cs.deleted, cs.contact = false, true, contact{}
	cs.cancelRuns(now)
	s.forgetEntries(cs)
	// Deleting from the list one by one would cost its length each time.
	if s.removed++; s.removed > len(s.listed)/2 {
		s.listed = slices.DeleteFunc(s.listed, func(cs *contactState) bool { return !cs.known })
		s.removed = 0
	}
}

// ListContacts implements automation.ContactStore.
func (s *Store) ListContacts(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.Contact]{}, err
	}
	defer s.mu.Unlock()
	if q.EmailPrefix != "" {
		return s.search(q)
	}
	keep := func(cs *contactState) bool { return cs.known && cs.isIn(q.Segment) }
	id := func(cs *contactState) string {
		if !cs.known {
			return "" // no cursor
		}
		return cs.id
	}
	return page(s.listed, q.PageQuery, "contact", id, keep,
		(*contactState).record)
}
