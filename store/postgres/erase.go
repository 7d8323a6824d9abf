package postgres

import (
	"github.com/seed-b636437c/automation"
)

// Both rely on events_owner, and eraseKeys on the primary key of idempotency_keys. If an
// open transaction of the host has just sent a key again, the key stays until it
// expires, because a commit must not wait for that transaction.
const (
	eraseKeys = `
DELETE FROM automation.idempotency_keys WHERE (name, key) IN (
	SELECT k.name, k.key FROM automation.events e
	JOIN automation.idempotency_keys k ON k.name = e.name AND k.key = e.key AND k.event_id = e.id
	WHERE e.owner = ANY ($1::bytea[]) AND e.key IS NOT NULL
	FOR UPDATE OF k SKIP LOCKED)`

	// eraseEvents also takes the owner from the events of emails: it is the address. An
	// event that is pending keeps it until the event is handled or goes to a contact. It
	// relies on the primary key of pending.
	eraseEvents = `
UPDATE automation.events e SET payload = NULL, email = NULL, key = NULL, cause = NULL, owner = CASE
	WHEN octet_length(e.owner) <> 16 AND (substr(e.owner, 1, 1) = '@' OR substr(e.owner, 1, 2) = '+@')
		AND (SELECT true FROM automation.pending p WHERE p.owner = e.owner AND p.event_id = e.id) IS NULL THEN '@'
	ELSE e.owner END
WHERE e.owner = ANY ($1::bytea[])`
)

// erase empties the events of contacts, forgets their entries, and empties the events that were sent for their emails.
func (c *committer) erase(sc *script) {
	var of owners
	for _, w := range c.writes {
		if !w.t.Erase {
			continue
		}
		of = append(of, w.owner)
		if w.t.EraseEmail != "" {
			of = append(of, ownerOf(automation.ContactRef{Email: w.t.EraseEmail}))
		}
	}
	if len(of) > 0 {
		sc.exec(eraseKeys, of)
		sc.exec(eraseDecisions, of)
		sc.exec(eraseEvents, of)
		sc.exec(deleteEntries, of)
	}
}
