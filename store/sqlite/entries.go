package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the primary key, and on the unique index on the ids of automations.
const (
	// writeEntry writes nothing if the automation does not exist.
	writeEntry = `
INSERT INTO automation_entries (owner, automation_no, key, n, starts, expires_at)
SELECT ?1, a.no, ?3, ?4, ?5, ?6 FROM automation_automations a WHERE a.id = ?2 AND a.deleted_at IS NULL
ON CONFLICT (owner, automation_no, key) DO UPDATE SET n = excluded.n, starts = excluded.starts, expires_at = excluded.expires_at`
	// findEntries has a JSON array of pairs of an automation's id and a key.
	findEntries = `
SELECT a.id, c.key, c.n, c.starts, c.expires_at
FROM json_each(?2) j CROSS JOIN automation_automations a ON a.id = json_extract(j.value, '$[0]')
CROSS JOIN automation_entries c ON c.owner = ?1 AND c.automation_no = a.no AND c.key = json_extract(j.value, '$[1]')`
	deleteEntries = `DELETE FROM automation_entries WHERE owner = ?`
	// deleteEntriesOf relies on automation_entries_automation.
	deleteEntriesOf = `DELETE FROM automation_entries WHERE automation_no = ?`
	// deleteExpiredEntries relies on automation_entries_expiry.
	deleteExpiredEntries = `
DELETE FROM automation_entries WHERE (owner, automation_no, key) IN (
	SELECT owner, automation_no, key FROM automation_entries WHERE expires_at < ? LIMIT 0 + ?)`
)

// writeEntries replaces counts of a contact's starts.
func (c *committer) writeEntries(ctx context.Context, owner any, counts []automation.EntryCount) error {
	for i := range counts {
		n := &counts[i]
		_, err := c.tx.exec(ctx, writeEntry, owner, n.AutomationID, n.Key, n.Count, record.EncodeTimes(n.Starts), timeOrNull(n.ExpiresAt))
		if err != nil {
			return failed("write entries", err)
		}
	}
	return nil
}

// FindEntries implements automation.RunReader.
func (s *Store) FindEntries(ctx context.Context, contactID string, refs []automation.EntryRef) (counts []automation.EntryCount, err error) {
	pairs := make([][2]string, len(refs))
	for i, ref := range refs {
		pairs[i] = [2]string{ref.AutomationID, ref.Key}
	}
	text, err := json.Marshal(pairs)
	if err != nil {
		return nil, failed("find entries", err)
	}
	err = s.read(ctx, func(q session) (err error) {
		counts, err = all(ctx, q, scanEntry, findEntries, idKey(contactID).column(), string(text))
		return failed("find entries", err)
	})
	return counts, err
}

func scanEntry(rows *sql.Rows) (c automation.EntryCount, err error) {
	var starts nullText
	var expires nullTime
	if err := rows.Scan(&c.AutomationID, &c.Key, &c.Count, &starts, &expires); err != nil {
		return c, err
	}
	c.ExpiresAt = expires.Time
	c.Starts, err = record.DecodeTimes(string(starts))
	return c, err
}

// pruneEntries removes all counts that have expired, as pruneKeys does.
func (s *Store) pruneEntries(ctx context.Context, now time.Time) (err error) {
	for n := keyPruneBatch; err == nil && n == keyPruneBatch; {
		err = s.write(ctx, func(ctx context.Context, tx *transaction) (err error) {
			n, err = changed(ctx, tx, deleteExpiredEntries, now.UnixMicro(), keyPruneBatch)
			return failed("prune", err)
		})
	}
	return err
}
