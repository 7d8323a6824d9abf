package record

import "github.com/seed-b636437c/automation"

// KeyUse is the use of an idempotency key by an event.
type KeyUse struct {
	// Hash is the ContentHash of that event.
	Hash string
	// EventID is the id of that event.
	EventID string
}

// Receipt returns the receipt of an event whose idempotency key an earlier event has
// used: the event is a duplicate of that one. It returns a conflict if the two events
// differ.
func (u KeyUse) Receipt(n *automation.NewEvent) (automation.EventReceipt, error) {
	if u.Hash != n.ContentHash {
		return automation.EventReceipt{}, Conflict("event %q: idempotency key %q was used for another event", n.Event.Name, n.Event.IdempotencyKey)
	}
	return automation.EventReceipt{ID: u.EventID, Duplicate: true}, nil
}
