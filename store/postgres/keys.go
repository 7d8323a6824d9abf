package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// keyName is an idempotency key and the name of the event that it belongs to.
type idempotencyKey struct{ name, key string }

// keyUse says which event has a key.
type keyUse struct{ hash, event string }

// takeKeys and findKeys rely on the primary key of idempotency_keys. One that has
// expired is taken over. Also a key that is not taken stays locked: of two senders
// at once the second waits for what becomes of the first.
const (
	takeKeys = `
INSERT INTO automation.idempotency_keys AS k (name, key, hash, event_id, expires_at)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::uuid[]), unnest($5::timestamptz[])
ON CONFLICT (name, key) DO UPDATE SET hash = excluded.hash, event_id = excluded.event_id, expires_at = excluded.expires_at
WHERE k.expires_at <= $6::timestamptz`

	findKeys = `
SELECT k.name, k.key, k.hash, k.event_id
FROM unnest($1::text[], $2::text[]) AS e (name, key)
JOIN automation.idempotency_keys k ON k.name = ANY (ARRAY[e.name]) AND k.key = ANY (ARRAY[e.key])`

	deleteKeys = `DELETE FROM automation.idempotency_keys WHERE name = ANY ($1::text[]) AND event_id = ANY ($2::uuid[])`
)

// admit takes the idempotency keys of the calls' events and makes the receipts. It
// refuses calls whose keys were used for another content, and returns the others.
// The keys that were taken for a refused call have to be given back.
func (s *Store) admit(ctx context.Context, in session, calls []*appendCall) ([]*appendCall, error) {
	first := firstUses(calls)
	used := make(map[idempotencyKey]keyUse, len(first))
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

// firstUses returns the first event of each idempotency key, in the order of the
// keys: whoever takes keys so cannot lock up with another who does.
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

// takingKeys takes the keys of events, where they are free, and says in used who
// has them then.
func takeKeysScript(events []*automation.NewEvent, used map[idempotencyKey]keyUse) script {
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
		var u keyUse
		err := scan(&k.name, &k.key, &u.hash, &u.event)
		used[k] = u
		return err
	}, findKeys, names, keys)
	return sc
}

// receive makes the receipts of the call's events, given who has their keys.
func (c *appendCall) makeReceipts(used map[idempotencyKey]keyUse) error {
	c.receipts = make([]automation.EventReceipt, len(c.events))
	for i := range c.events {
		e := &c.events[i].Event
		u := keyUse{event: e.ID}
		if e.IdempotencyKey != "" {
			u = used[idempotencyKey{e.Name, e.IdempotencyKey}]
		}
		if u.event != e.ID && u.hash != c.events[i].ContentHash {
			c.receipts = nil
			return record.Conflict("event %q: idempotency key %q was used for another event", e.Name, e.IdempotencyKey)
		}
		c.receipts[i] = automation.EventReceipt{ID: u.event, Duplicate: u.event != e.ID}
	}
	return nil
}

// returnKeys gives back the keys that were taken for a call that was refused.
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
