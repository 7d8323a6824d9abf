package memory

import "github.com/seed-b636437c/automation/store/internal/record"

// idempotencyKey is a key and the name of the event that it belongs to.
type idempotencyKey struct{ name, key string }

// keyUse is the use of a key that has not been pruned.
type keyUse struct {
	record.KeyUse
	expires micros
}
