package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// These rely on automation_events_owner and the primary key of the keys.
const (
	eraseKeys = `
DELETE FROM automation_idempotency_keys WHERE (name, key, event_id) IN (
	SELECT e.name, e.key, e.id FROM automation_events e WHERE e.owner = ? AND e.key IS NOT NULL)`
	eraseEvents = `UPDATE automation_events SET payload = NULL, email = NULL, key = NULL WHERE owner = ?`
)

// erase empties the events of t's contact, and those that were sent for t's EraseEmail.
func (c *committer) erase(ctx context.Context, t *automation.Transition) error {
	owners := []key{ownerKey(t.Key)}
	if t.EraseEmail != "" {
		owners = append(owners, ownerKey(automation.ContactRef{Email: t.EraseEmail}))
	}
	for _, owner := range owners {
		for _, query := range []string{eraseKeys, eraseEvents} {
			if _, err := c.tx.exec(ctx, query, owner.column()); err != nil {
				return failed("erase", err)
			}
		}
	}
	return nil
}
