package memory

type idempotencyKey struct{ name, key string }

type keyUse struct {
	hash, event string
	expires     micros
}
