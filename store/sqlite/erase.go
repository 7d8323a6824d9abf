package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// These rely on automation_events_owner and the primary keys of the keys and of pending.
const (
	eraseKeys = `
DELETE FROM automation_idempotency_keys WHERE (name, key, event_id) IN (
	SELECT e.name, e.key, e.id FROM automation_events e WHERE e.owner = ? AND e.key IS NOT NULL)`
	eraseEvents = `UPDATE automation_events SET payload = NULL, email = NULL, key = NULL, cause = NULL WHERE owner = ?`
	// eraseAddress takes the owner from the events of an email: it is the address. An
	// event that is pending keeps it until the event is handled or goes to a contact.
	eraseAddress = `
UPDATE automation_events AS e SET owner = '@' WHERE owner = ?
	AND NOT EXISTS (SELECT 1 FROM automation_pending p WHERE p.owner = e.owner AND p.accepted_at = e.accepted_at AND p.event_no = e.no)`
)

// erase empties the events of t's contact, and forgets its entries. It also empties the
// events that were sent for t's EraseEmail.
func (c *committer) erase(ctx context.Context, t *automation.Transition) error {
	refs := []automation.ContactRef{t.Key}
	if t.EraseEmail != "" {
		refs = append(refs, automation.ContactRef{Email: t.EraseEmail})
	}
	for _, ref := range refs {
		queries := []string{eraseKeys, eraseDecisions, eraseEvents, deleteEntries}
		if ref.ID == "" {
			queries = append(queries, eraseAddress)
		}
		for _, query := range queries {
			if _, err := c.tx.exec(ctx, query, ownerKey(ref).column()); err != nil {
				return failed("erase", err)
			}
		}
	}
	return nil
}
