package temporal

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-b636437c/automation"
)

// endForErasure deletes the contact of an erasure, and waits until its workflow has ended: then
// its events and runs are in the catalog, and nothing follows.
func (s *Store) endForErasure(ctx context.Context, t *automation.Transition) error {
	if !t.Erase {
		return nil
	}
	if t.EraseEmail != "" {
		if err := s.awaitEnd(ctx, automation.ContactRef{Email: t.EraseEmail}); err != nil {
			return err
		}
	}
	if t.Key.ID == "" {
		return s.awaitEnd(ctx, t.Key)
	}
	if err := s.catalog.DeleteContact(ctx, t.Key.ID, t.Now); err != nil && !errors.Is(err, automation.ErrNotFound) {
		return err
	}
	return s.awaitEnd(ctx, automation.ContactRef{ID: t.Key.ID})
}

// awaitEnd waits until the workflow of a contact that does not exist any more, or of an email,
// has ended.
func (s *Store) awaitEnd(ctx context.Context, key automation.ContactRef) error {
	if key == (automation.ContactRef{}) {
		return nil
	}
	if err := s.notify(ctx, key); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	id := s.names.workflow(key)
	err := s.client.GetWorkflow(ctx, id, "").Get(ctx, nil)
	if err == nil || isNotFound(err) {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("temporal: the workflow %q has not ended within %s: run a worker, and erase again: %w", id, s.config.Timeout, ctx.Err())
	}
	return fmt.Errorf("temporal: workflow %q: %w", id, err)
}
