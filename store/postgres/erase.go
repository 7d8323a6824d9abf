package postgres

import (
	"github.com/seed-b636437c/automation"
)

// All of these rely on the indexes of ownersEvents, and eraseKeys on the primary key of
// idempotency_keys. If an open transaction of the host has just sent a key again, the key stays until it
// expires, because a commit must not wait for that transaction.
const (
	eraseKeys = `
DELETE FROM automation.idempotency_keys WHERE (name, key) IN (
	SELECT k.name, k.key FROM (` + ownersEvents + `) e
	JOIN automation.idempotency_keys k ON k.name = e.name AND k.key = e.key AND k.event_id = e.id
	WHERE e.key IS NOT NULL
	FOR UPDATE OF k SKIP LOCKED)`

	// eraseEvents also takes the owner from the events of emails: it is the address. An
	// event that is pending keeps it until the event is handled or goes to a contact.
	eraseEvents = `
UPDATE automation.events e SET payload = NULL, email = NULL, key = NULL, cause = NULL, owner = CASE
	WHEN octet_length(e.owner) <> 16 AND (substr(e.owner, 1, 1) = '@' OR substr(e.owner, 1, 2) = '+@') THEN '@'
	ELSE e.owner END
WHERE e.owner = ANY ($1::bytea[])`

	erasePending = `UPDATE automation.pending SET payload = NULL, email = NULL, key = NULL, cause = NULL WHERE owner = ANY ($1::bytea[])`

	eraseActive = `UPDATE automation.active_runs SET event_payload = NULL, event_key = NULL, event_cause = NULL WHERE owner = ANY ($1::bytea[]) AND event_at IS NOT NULL`
	eraseEnded  = `UPDATE automation.ended_runs SET event_payload = NULL, event_key = NULL, event_cause = NULL WHERE owner = ANY ($1::bytea[]) AND event_at IS NOT NULL`
	eraseBegun  = `
UPDATE automation.leases SET run_event_payload = NULL, run_event_key = NULL, run_event_cause = NULL WHERE owner = ANY ($1::bytea[]) AND run_event_at IS NOT NULL`
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
		for _, sql := range []string{eraseEvents, erasePending, eraseActive, eraseEnded, eraseBegun} {
			sc.exec(sql, of)
		}
		sc.exec(deleteEntries, of)
	}
}
