package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// idempotencyKey is a key and the name of the event that it belongs to.
type idempotencyKey struct{ name, key string }

// takeKeys and findKeys rely on the primary key of idempotency_keys. takeKeys replaces
// keys that have expired. It also locks the keys that it cannot take: of two concurrent
// senders the second waits for the end of the first one's transaction.
const (
	takeKeys = `
INSERT INTO automation.idempotency_keys AS k (name, key, hash, event_id, expires_at)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::uuid[]), unnest($5::timestamptz[])
ON CONFLICT (name, key) DO UPDATE SET hash = excluded.hash, event_id = excluded.event_id, expires_at = excluded.expires_at
WHERE k.expires_at <= $6::timestamptz`

	findKeys = `
SELECT k.name, k.key, k.hash, k.event_id
FROM unnest($1::text[], $2::text[]) AS e (name, key)
CROSS JOIN LATERAL (
	SELECT * FROM automation.idempotency_keys k WHERE (k.name, k.key) = (e.name, e.key) LIMIT 1
) k`

	deleteKeys = `DELETE FROM automation.idempotency_keys WHERE name = ANY ($1::text[]) AND event_id = ANY ($2::uuid[])`
)

// admit takes the idempotency keys of the calls' events and makes the receipts. It
// refuses calls whose keys were used for another event, and returns the remaining calls.
// The caller must return the keys that admit has taken for a refused call.
func (s *Store) admit(ctx context.Context, in session, calls []*appendCall) ([]*appendCall, error) {
	first := firstUses(calls)
	used := make(map[idempotencyKey]record.KeyUse, len(first))
	if len(first) > 0 {
		if err := in.run(ctx, takeKeysScript(first, used)); err != nil {
			return nil, err
		}
	}
	admitted := make([]*appendCall, 0, len(calls))
	for _, c := range calls {
		if c.err = c.makeReceipts(used); c.err == nil {
			admitted = append(admitted, c)
		}
	}
	return admitted, nil
}

// firstUses returns the first event of each idempotency key, in the order of the keys.
// Transactions that take keys in this order cannot end up in a deadlock with one
// another.
func firstUses(calls []*appendCall) []*automation.NewEvent {
	seen := map[idempotencyKey]bool{}
	var first []*automation.NewEvent
	for _, c := range calls {
		for i := range c.events {
			n := &c.events[i]
			k := idempotencyKey{n.Event.Name, n.Event.IdempotencyKey}
			if k.key != "" && !seen[k] {
				seen[k] = true
				first = append(first, n)
			}
		}
	}
	slices.SortFunc(first, func(a, b *automation.NewEvent) int {
		return cmp.Or(cmp.Compare(a.Event.Name, b.Event.Name), cmp.Compare(a.Event.IdempotencyKey, b.Event.IdempotencyKey))
	})
	return first
}

// takeKeysScript returns the script that takes the keys of events where they are free,
// and sets in used which events have the keys then.
func takeKeysScript(events []*automation.NewEvent, used map[idempotencyKey]record.KeyUse) script {
	var names, keys, hashes []string
	var ids uuids
	var expires []time.Time
	accepted := events[0].Event.AcceptedAt
	for _, n := range events {
		e := &n.Event
		names, keys, hashes = append(names, e.Name), append(keys, e.IdempotencyKey), append(hashes, n.ContentHash)
		ids, expires = append(ids, uuidOf(e.ID)), append(expires, n.KeyExpiresAt)
		if e.AcceptedAt.Before(accepted) {
			accepted = e.AcceptedAt
		}
	}
	var sc script
	sc.exec(takeKeys, names, keys, hashes, ids, expires, accepted)
	sc.query(func(scan scanFunc) error {
		var k idempotencyKey
		var u record.KeyUse
		err := scan(&k.name, &k.key, &u.Hash, &u.EventID)
		used[k] = u
		return err
	}, findKeys, names, keys)
	return sc
}

// makeReceipts makes the receipts of the call's events, given which events have their
// keys.
func (c *appendCall) makeReceipts(used map[idempotencyKey]record.KeyUse) error {
	c.receipts = nil
	receipts := make([]automation.EventReceipt, len(c.events))
	for i := range c.events {
		e := &c.events[i].Event
		receipts[i] = automation.EventReceipt{ID: e.ID}
		u := used[idempotencyKey{e.Name, e.IdempotencyKey}]
		if e.IdempotencyKey == "" || u.EventID == e.ID {
			continue
		}
		var err error
		if receipts[i], err = u.Receipt(&c.events[i]); err != nil {
			return err
		}
	}
	c.receipts = receipts
	return nil
}

// returnKeys deletes the keys that were taken for a call that was refused.
func (s *Store) returnKeys(ctx context.Context, in session, c *appendCall) error {
	var names []string
	var ids uuids
	for i := range c.events {
		names, ids = append(names, c.events[i].Event.Name), append(ids, uuidOf(c.events[i].Event.ID))
	}
	var sc script
	sc.exec(deleteKeys, names, ids)
	return in.run(ctx, sc)
}
