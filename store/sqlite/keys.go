package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// findKey relies on the primary key. A key that has expired counts as unknown.
const findKey = `
SELECT hash, event_id FROM automation_idempotency_keys WHERE name = ? AND key = ? AND expires_at > ?`

// receiptOf returns the receipt of an event by its idempotency key. It refuses an event
// whose key was used for another event.
func receiptOf(ctx context.Context, q session, n *automation.NewEvent) (automation.EventReceipt, error) {
	e := &n.Event
	accepted := automation.EventReceipt{ID: e.ID}
	if e.IdempotencyKey == "" {
		return accepted, nil
	}
	var hash string
	var id key
	known, err := first(ctx, q, findKey, args(e.Name, e.IdempotencyKey, e.AcceptedAt.UnixMicro()), &hash, &id)
	if err != nil {
		return automation.EventReceipt{}, failed("append events", err)
	}
	if known {
		return record.KeyUse{Hash: hash, EventID: id.id()}.Receipt(n)
	}
	return accepted, nil
}

// writeKey replaces a key that has expired.
const writeKey = `
INSERT INTO automation_idempotency_keys (name, key, hash, event_id, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name, key) DO UPDATE SET hash = excluded.hash, event_id = excluded.event_id, expires_at = excluded.expires_at`

// rememberKey inserts the idempotency key of an event, if it has one.
func rememberKey(ctx context.Context, q session, n *automation.NewEvent) error {
	e := &n.Event
	if e.IdempotencyKey == "" {
		return nil
	}
	_, err := q.exec(ctx, writeKey, e.Name, e.IdempotencyKey, n.ContentHash, idKey(e.ID).column(), n.KeyExpiresAt.UnixMicro())
	return failed("append events", err)
}
