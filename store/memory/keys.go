package memory

type idempotency struct{ name, key string }

type keyUse struct {
	hash, event string
	expires     micros
}
