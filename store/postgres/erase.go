package postgres

import (
	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// eraseEvents relies on events_owner.
const eraseEvents = `UPDATE automation.events SET payload = NULL, email = NULL, key = NULL WHERE owner = ANY ($1::text[])`

// erase empties the events of contacts, and those that were sent for their emails.
func (w *writing) erase(sc *script) {
	var owners []string
	for _, it := range w.items {
		if !it.t.Erase {
			continue
		}
		owners = append(owners, it.owner)
		if it.t.EraseEmail != "" {
			owners = append(owners, record.Owner(automation.ContactRef{Email: it.t.EraseEmail}))
		}
	}
	if len(owners) > 0 {
		sc.exec(eraseEvents, owners)
	}
}
