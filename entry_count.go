package automation

import "time"

// KeptStarts is how many instants an EntryCount has at most.
const KeptStarts = 100

// EntryRef identifies what the starts of an automation are counted for: a contact, or a
// contact together with a value of the automation's re-entry key.
type EntryRef struct {
	AutomationID string
	// Key is a hash of the value. It is empty if starts are counted for the contact as a
	// whole.
	Key string
}

// EntryCount is how often an automation has started for a contact. A store keeps it apart
// from runs: it survives their removal, and goes with the contact or the automation.
type EntryCount struct {
	EntryRef
	// Count is how many starts were counted.
	Count int
	// Starts are when the events of the last starts were accepted, oldest first: at most
	// KeptStarts of them.
	Starts []time.Time
	// ExpiresAt is when the store may forget the count. It is zero for a count that is kept
	// for good.
	ExpiresAt time.Time
}
