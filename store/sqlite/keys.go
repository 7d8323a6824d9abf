package sqlite

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// idempotency is what makes an event the same as another one.
type idempotency struct{ name, key string }

// keyUse is what is remembered of a key.
type keyUse struct {
	hash    string
	event   key
	expires int64
}

// By the primary key. A key that has expired counts as unknown.
const findKey = `
SELECT hash, event_id FROM automation_idempotency_keys WHERE name = ? AND key = ? AND expires_at > ?`

// duplicateOf returns the id of the event that n repeats, if it does.
func (a *appender) duplicateOf(ctx context.Context, n *automation.NewEvent) (string, error) {
	e := &n.Event
	if e.IdempotencyKey == "" {
		return "", nil
	}
	k := idempotency{e.Name, e.IdempotencyKey}
	use, known := a.fresh[k]
	if !known {
		var err error
		known, err = first(ctx, a.q, findKey, args(k.name, k.key, e.AcceptedAt.UnixMicro()), &use.hash, &use.event)
		if err != nil {
			return "", failed("append events", err)
		}
	}
	switch {
	case !known:
		if a.fresh == nil {
			a.fresh = map[idempotency]keyUse{}
		}
		a.fresh[k] = keyUse{n.ContentHash, idKey(e.ID), n.KeyExpiresAt.UnixMicro()}
		return "", nil
	case use.hash != n.ContentHash:
		return "", conflict("event %q: idempotency key %q was used for another event", e.Name, e.IdempotencyKey)
	default:
		return use.event.id(), nil
	}
}

// writeKey takes over a key that has expired.
const writeKey = `
INSERT INTO automation_idempotency_keys (name, key, hash, event_id, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name, key) DO UPDATE SET hash = excluded.hash, event_id = excluded.event_id, expires_at = excluded.expires_at`

func (a *appender) writeKeys(ctx context.Context) error {
	for k, use := range a.fresh {
		if _, err := a.q.exec(ctx, writeKey, k.name, k.key, use.hash, use.event.column(), use.expires); err != nil {
			return failed("append events", err)
		}
	}
	return nil
}
