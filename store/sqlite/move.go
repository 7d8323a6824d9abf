package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// movePending relies on the primary key.
const movePending = `UPDATE automation_pending SET owner = ?, email = NULL WHERE owner = ?`

// moveEvents gives the pending events of an email to a contact.
func (tx *transaction) moveEvents(ctx context.Context, from, to automation.ContactRef) error {
	old, new := ownerKey(from).column(), ownerKey(to).column()
	_, err := tx.exec(ctx, movePending, new, old)
	return failed("move events", err)
}

// findTarget returns the contact that gets the events of t's email, and whether it has
// to be created.
func (c *committer) findTarget(ctx context.Context, t *automation.Transition) (to automation.ContactRef, create bool, err error) {
	owner, found, err := findStoredContact(ctx, c.tx, automation.ContactRef{Email: t.Key.Email})
	switch {
	case err != nil:
		return to, false, failed("find contact", err)
	case found:
		return automation.ContactRef{ID: owner.ID}, false, nil
	case t.Create == nil:
		return automation.ContactRef{ID: t.MoveTo}, false, nil
	}
	_, taken, err := findStoredContact(ctx, c.tx, automation.ContactRef{ID: t.Create.ID})
	if err != nil || taken {
		return to, false, orConflict(err, record.ContactExists(t.Create.ID))
	}
	if _, _, err := encodeContact(t.Create); err != nil {
		return to, false, err
	}
	return automation.ContactRef{ID: t.Create.ID}, true, nil
}

// move gives the pending events of t's email to a contact, which it creates first if
// create is set.
func (c *committer) move(ctx context.Context, t *automation.Transition, to automation.ContactRef, create bool) error {
	c.pendingMoved = true
	if create {
		if err := c.tx.insertContact(ctx, *t.Create); err != nil {
			return err
		}
	}
	return c.tx.moveEvents(ctx, t.Key, to)
}
