package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// By the primary key. A key that has expired counts as unknown.
const findKey = `
SELECT hash, event_id FROM automation_idempotency_keys WHERE name = ? AND key = ? AND expires_at > ?`

// duplicateOf returns the id of the event that n repeats, or "". It refuses an event
// whose key was used for another.
func receiptOf(ctx context.Context, q session, n *automation.NewEvent) (string, error) {
	e := &n.Event
	if e.IdempotencyKey == "" {
		return "", nil
	}
	var hash string
	var id key
	known, err := first(ctx, q, findKey, args(e.Name, e.IdempotencyKey, e.AcceptedAt.UnixMicro()), &hash, &id)
	switch {
	case err != nil:
		return "", failed("append events", err)
	case known && hash != n.ContentHash:
		return "", record.Conflict("event %q: idempotency key %q was used for another event", e.Name, e.IdempotencyKey)
	default:
		return id.id(), nil
	}
}

// writeKey takes over a key that has expired.
const writeKey = `
INSERT INTO automation_idempotency_keys (name, key, hash, event_id, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name, key) DO UPDATE SET hash = excluded.hash, event_id = excluded.event_id, expires_at = excluded.expires_at`

// rememberKey keeps the idempotency key of an event, if it has one.
func rememberKey(ctx context.Context, q session, n *automation.NewEvent) error {
	e := &n.Event
	if e.IdempotencyKey == "" {
		return nil
	}
	_, err := q.exec(ctx, writeKey, e.Name, e.IdempotencyKey, n.ContentHash, idKey(e.ID).column(), n.KeyExpiresAt.UnixMicro())
	return failed("append events", err)
}
