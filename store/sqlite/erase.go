package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
)

// These rely on automation_events_owner, the primary keys of the keys, of pending and of leases,
// and the indexes on the owner of each table of runs.
const (
	eraseKeys = `
DELETE FROM automation_idempotency_keys WHERE (name, key, event_id) IN (
	SELECT e.name, e.key, e.id FROM automation_events e WHERE e.owner = ? AND e.key IS NOT NULL)`
	erasePendingKeys = `
DELETE FROM automation_idempotency_keys WHERE (name, key, event_id) IN (
	SELECT p.name, p.key, p.id FROM automation_pending p WHERE p.owner = ? AND p.key IS NOT NULL)`
	// keysOfRuns selects the keys of the events in the rows of runs.
	keyOfRun   = `SELECT p.event_name, json_extract(r.event_more, '$.key'), r.id FROM `
	withKey    = placeOfEvent + ` WHERE r.owner = ?1 AND json_extract(r.event_more, '$.key') IS NOT NULL`
	keysOfRuns = keyOfRun + `automation_active_runs` + withKey + ` UNION ALL ` + keyOfRun + `automation_ended_runs` + withKey +
		` UNION ALL ` + keyOfRun + `automation_begun_runs` + withKey
	eraseKey     = `DELETE FROM automation_idempotency_keys WHERE name = ? AND key = ? AND event_id = ?`
	erasedInRun  = `event_payload = NULL, event_more = json_remove(event_more, '$.key', '$.cause') WHERE owner = ?`
	eraseActive  = `UPDATE automation_active_runs SET ` + erasedInRun
	eraseEnded   = `UPDATE automation_ended_runs SET ` + erasedInRun
	eraseInLease = `
UPDATE automation_leases SET run_event_payload = NULL, run_event_more = json_remove(run_event_more, '$.key', '$.cause') WHERE owner = ?`
	erased       = ` SET payload = NULL, email = NULL, key = NULL, cause = NULL WHERE owner = ?`
	eraseEvents  = `UPDATE automation_events` + erased
	erasePending = `UPDATE automation_pending` + erased
	// eraseAddress takes the owner from the events of an email: it is the address. An
	// event that is pending keeps it until the event is handled or goes to a contact.
	eraseAddress = `
UPDATE automation_events SET owner = '@' WHERE owner = ?`
)

// eraseKeysOfRuns forgets the idempotency keys of the events in the rows of a contact's runs.
func (c *committer) eraseKeysOfRuns(ctx context.Context, ref automation.ContactRef) error {
	type use struct {
		name, key string
		run       key
	}
	scan := func(rows *sql.Rows) (u use, err error) {
		err = rows.Scan(&u.name, &u.key, &u.run)
		return u, err
	}
	uses, err := all(ctx, c.tx, scan, keysOfRuns, ownerKey(ref).column())
	for i := range uses {
		if err == nil {
			_, err = c.tx.exec(ctx, eraseKey, uses[i].name, uses[i].key, uses[i].run.twin().column())
		}
	}
	return err
}

// eraseRead empties the events of the runs that the transition is going to write.
func (c *committer) eraseRead(ctx context.Context, w *transitionWrite) error {
	for i := range w.runs {
		run := &w.runs[i]
		if !run.event.age.Valid {
			continue
		}
		key, err := run.event.erase()
		if err == nil && key != "" {
			_, err = c.tx.exec(ctx, eraseKey, run.place.eventName, key, idKey(w.t.Runs[i].ID).twin().column())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// erase empties the events of the transition's contact, and forgets its entries. It also empties
// the events that were sent for its EraseEmail.
func (c *committer) erase(ctx context.Context, w *transitionWrite) error {
	if err := c.eraseRead(ctx, w); err != nil {
		return failed("erase", err)
	}
	t := w.t
	refs := []automation.ContactRef{t.Key}
	if t.EraseEmail != "" {
		refs = append(refs, automation.ContactRef{Email: t.EraseEmail})
	}
	clear(c.current) // which has what is erased
	c.pendingMoved = true
	for _, ref := range refs {
		if err := c.eraseKeysOfRuns(ctx, ref); err != nil {
			return failed("erase", err)
		}
		queries := []string{eraseKeys, erasePendingKeys, eraseDecisions, eraseEvents, erasePending, eraseActive, eraseEnded, eraseInLease, deleteEntries}
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
