package temporal

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/seed-b636437c/automation"
)

// The names of what the server calls. They are part of the histories, and never change.
const (
	contactWorkflow = "automation.contact"
	catalogWorkflow = "automation.catalog"
	keyWorkflow     = "automation.key"

	turnActivity    = "automation.turn"
	effectActivity  = "automation.effect"
	recordActivity  = "automation.record"
	aheadActivity   = "automation.record.ahead"
	forwardActivity = "automation.forward"

	entriesSignal = "entries"
)

// names gives the ids of workflows.
type names struct{ prefix string }

// taskQueue is the queue that all workers of the store poll.
func (n names) taskQueue() string { return n.prefix }

// workflow is the id of the workflow of a contact, or of an email without a contact. An email is
// not readable in it.
func (n names) workflow(key automation.ContactRef) string {
	if key.ID != "" {
		return n.prefix + "/contact/" + key.ID
	}
	return n.prefix + "/email/" + digest(automation.EmailKey(key.Email))
}

// key is the id of the workflow that stands for an idempotency key of an event name.
func (n names) key(event, key string) string { return n.prefix + "/key/" + digest(event, key) }

// catalog is the id of the workflow that stands for the catalog.
func (n names) catalog() string { return n.prefix + "/catalog" }

// digest identifies texts.
func digest(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
