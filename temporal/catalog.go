package temporal

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
)

// Changes of automations and of contacts are written to the catalog. Workers read the
// automations again for events that were accepted later, and the contact in each turn.

// DeleteAutomation implements automation.AutomationStore.
func (s *Store) DeleteAutomation(ctx context.Context, id string, now time.Time) error {
	if err := s.catalog.DeleteAutomation(ctx, id, now); err != nil {
		return err
	}
	_, err := s.CancelRuns(ctx, id, now)
	return err
}

// InsertContact implements automation.ContactStore. Events that wait under the contact's email
// go to the contact.
func (s *Store) InsertContact(ctx context.Context, c automation.Contact) error {
	if err := s.catalog.InsertContact(ctx, c); err != nil {
		return err
	}
	return s.notify(ctx, automation.ContactRef{Email: c.Email})
}

// UpdateContact implements automation.ContactStore.
func (s *Store) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	c, err := s.catalog.UpdateContact(ctx, id, change)
	if err == nil && change.Email != nil {
		err = s.notify(ctx, automation.ContactRef{Email: c.Email})
	}
	return c, err
}

// DeleteContact implements automation.ContactStore. The contact's workflow then ends its runs.
func (s *Store) DeleteContact(ctx context.Context, id string, now time.Time) error {
	if err := s.catalog.DeleteContact(ctx, id, now); err != nil {
		return err
	}
	return s.notify(ctx, automation.ContactRef{ID: id})
}
