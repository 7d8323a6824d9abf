package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

// Changes of automations and of contacts are written to the catalog, and then to the logs: what
// comes later in a log sees the change.

// InsertAutomation implements automation.AutomationStore.
func (s *Store) InsertAutomation(ctx context.Context, a automation.AutomationRecord) error {
	if err := s.catalog.InsertAutomation(ctx, a); err != nil {
		return err
	}
	return s.announceCatalog(ctx)
}

// UpdateAutomation implements automation.AutomationStore. When it has disabled an automation,
// no event that is sent afterwards starts a run of it.
func (s *Store) UpdateAutomation(ctx context.Context, a automation.AutomationRecord) error {
	if err := s.catalog.UpdateAutomation(ctx, a); err != nil {
		return err
	}
	return s.announceCatalog(ctx)
}

// DeleteAutomation implements automation.AutomationStore. It fails with ErrLeft, before it has
// done anything, while the engine is being left: the copies of runs that are still to come would
// undo their cancellation.
func (s *Store) DeleteAutomation(ctx context.Context, id string, now time.Time) error {
	if s.left.Load() && !s.isFree(ctx) {
		return fmt.Errorf("jetstream: delete automation %q: %w: try again in a moment", id, ErrLeft)
	}
	if err := s.catalog.DeleteAutomation(ctx, id, now); err != nil {
		return err
	}
	if err := s.announceCatalog(ctx); err != nil {
		return err
	}
	_, err := s.CancelRuns(ctx, id, now)
	if errors.Is(err, automation.ErrNotFound) {
		return nil // the engine was left, and the catalog has cancelled the runs
	}
	return err
}

// InsertContact implements automation.ContactStore. Events that wait under the contact's email
// go to the contact.
func (s *Store) InsertContact(ctx context.Context, c automation.Contact) error {
	if err := s.catalog.InsertContact(ctx, c); err != nil {
		return err
	}
	return s.appendChange(ctx, automation.ContactRef{Email: c.Email})
}

// UpdateContact implements automation.ContactStore.
func (s *Store) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	c, err := s.catalog.UpdateContact(ctx, id, change)
	if err == nil && change.Email != nil {
		err = s.appendChange(ctx, automation.ContactRef{Email: c.Email})
	}
	return c, err
}

// DeleteContact implements automation.ContactStore. The runs of the contact end when its
// partition has read the log up to here.
func (s *Store) DeleteContact(ctx context.Context, id string, now time.Time) error {
	if err := s.catalog.DeleteContact(ctx, id, now); err != nil {
		return err
	}
	return s.appendChange(ctx, automation.ContactRef{ID: id})
}
