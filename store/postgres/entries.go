package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the primary key, and on automations_id.
const (
	// writeEntries writes nothing for an automation that does not exist. Nor can that be
	// deleted before the commit.
	writeEntries = `
INSERT INTO automation.entries (owner, automation_no, key, n, starts, expires_at)
SELECT DISTINCT ON (u.owner, a.no, u.key) u.owner, a.no, u.key, u.n, u.starts, u.expires_at
FROM (
	SELECT unnest($1::bytea[]) AS owner, unnest($2::text[]) AS automation_id, unnest($3::text[]) AS key, unnest($4::int[]) AS n,
		unnest($5::text[]) AS starts, unnest($6::timestamptz[]) AS expires_at, generate_series(1, cardinality($1::bytea[])) AS place
) u
JOIN locked a ON a.id = u.automation_id
ORDER BY u.owner, a.no, u.key, u.place DESC
ON CONFLICT (owner, automation_no, key) DO UPDATE SET n = excluded.n, starts = excluded.starts, expires_at = excluded.expires_at`

	lockCounted = `
WITH locked AS MATERIALIZED (
	SELECT no, id FROM automation.automations WHERE id = ANY ($2::text[]) AND deleted_at IS NULL ORDER BY no FOR KEY SHARE
)`

	findEntries = `
SELECT a.id, c.key, c.n, c.starts, c.expires_at
FROM (SELECT DISTINCT * FROM unnest($2::text[], $3::text[]) AS u (automation_id, key)) u
JOIN automation.automations a ON a.id = ANY (ARRAY[u.automation_id])
JOIN automation.entries c ON c.owner = $1::bytea AND c.automation_no = ANY (ARRAY[a.no]) AND c.key = ANY (ARRAY[u.key])`

	deleteEntries = `DELETE FROM automation.entries WHERE owner = ANY ($1::bytea[])`
	// deleteEntriesOf relies on entries_automation.
	deleteEntriesOf = `DELETE FROM automation.entries WHERE automation_no = $1::bigint`
	// deleteExpiredEntries relies on entries_expiry.
	deleteExpiredEntries = `
WITH old AS MATERIALIZED (
	SELECT owner, automation_no, key FROM automation.entries
	WHERE expires_at < $1::timestamptz ORDER BY expires_at LIMIT $2::int FOR UPDATE SKIP LOCKED
), gone AS (
	DELETE FROM automation.entries c USING old
	WHERE c.owner = ANY (ARRAY[old.owner]) AND c.automation_no = ANY (ARRAY[old.automation_no]) AND c.key = ANY (ARRAY[old.key])
	RETURNING 1
)
SELECT count(*)::int FROM gone`
)

// writeEntries replaces counts of contacts' starts, except those of contacts that are gone.
func (c *committer) writeEntries(sc *script) {
	var columns entryColumns
	for _, w := range c.writes {
		if w.t.Key.ID != "" && !c.gone(w) {
			columns.add(w.owner, w.t.Entries)
		}
	}
	columns.write(sc)
}

// entryColumns contains counts of starts, by column.
type entryColumns struct {
	owners                    owners
	automations, keys, starts []string
	counts                    []int32
	expires                   nullableTimes
}

func (e *entryColumns) add(owner ownerKey, counts []automation.EntryCount) {
	for i := range counts {
		n := &counts[i]
		e.owners, e.automations, e.keys = append(e.owners, owner), append(e.automations, n.AutomationID), append(e.keys, n.Key)
		e.counts, e.starts = append(e.counts, int32(n.Count)), append(e.starts, record.EncodeTimes(n.Starts))
		e.expires = append(e.expires, timeOrNull(n.ExpiresAt))
	}
}

func (e *entryColumns) write(sc *script) {
	if len(e.owners) > 0 {
		sc.exec(lockCounted+writeEntries, e.owners, e.automations, e.keys, e.counts, e.starts, e.expires.arg())
	}
}

// FindEntries implements automation.RunReader.
func (s *Store) FindEntries(ctx context.Context, contactID string, refs []automation.EntryRef) ([]automation.EntryCount, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	automations, keys := make([]string, len(refs)), make([]string, len(refs))
	for i, ref := range refs {
		automations[i], keys[i] = ref.AutomationID, ref.Key
	}
	var counts []automation.EntryCount
	var sc script
	sc.query(func(scan scanFunc) error {
		c, err := scanEntry(scan)
		counts = append(counts, c)
		return err
	}, findEntries, ownerOf(automation.ContactRef{ID: contactID}), automations, keys)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return nil, fmt.Errorf("postgres store: find entries of contact %q: %w", contactID, err)
	}
	return counts, nil
}

func scanEntry(scan scanFunc) (c automation.EntryCount, err error) {
	var starts string
	var expires pgtype.Timestamptz
	if err := scan(&c.AutomationID, &c.Key, &c.Count, &starts, &expires); err != nil {
		return c, err
	}
	c.ExpiresAt = timeOf(expires)
	c.Starts, err = record.DecodeTimes(starts)
	return c, err
}

// pruneEntries removes all counts that have expired, as pruneKeys does.
func (s *Store) pruneEntries(ctx context.Context, p automation.PruneParams, _ *automation.PruneResult) error {
	for n := keyPruneBatch; n == keyPruneBatch; {
		var sc script
		sc.query(func(scan scanFunc) error { return scan(&n) }, deleteExpiredEntries, p.Now, keyPruneBatch)
		if err := (implicit{s}).run(ctx, sc); err != nil {
			return err
		}
	}
	return nil
}
