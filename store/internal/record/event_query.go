package record

import (
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// EventBounds are the bounds of a list of events.
type EventBounds struct {
	// Above is less than all ids in the list, Below is greater.
	Above, Below string
	// AcceptedFrom is inclusive, AcceptedUntil exclusive.
	AcceptedFrom, AcceptedUntil time.Time
}

// These are less and greater than the id of every event, and than every time.
const (
	leastID    = "00000000-0000-0000-0000-000000000000"
	greatestID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
)

var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// maxLead is how far the time of an id may be ahead of AcceptedAt. It is ahead while a
// process makes ids after its clock went back.
const maxLead = time.Hour

// EventBoundsOf returns the bounds of a query. The id of an event has a time that is
// never before its AcceptedAt, and at most maxLead after it, so both times bound the ids, too.
func EventBoundsOf(q automation.EventQuery) EventBounds {
	b := EventBounds{Above: leastID, Below: greatestID, AcceptedFrom: earliest, AcceptedUntil: latest}
	if !q.AcceptedFrom.IsZero() {
		b.Above, b.AcceptedFrom = uuid.Below(q.AcceptedFrom), q.AcceptedFrom
	}
	if !q.AcceptedUntil.IsZero() {
		b.Below, b.AcceptedUntil = uuid.Below(q.AcceptedUntil.Add(maxLead)), q.AcceptedUntil
	}
	if q.After != "" {
		b.Below = min(b.Below, q.After)
	}
	b.Above = max(b.Above, q.Before)
	return b
}

// SplitRef returns the references under which a store keeps the events of a contact: by
// its id, and by its email. There is none for the zero ContactRef.
func SplitRef(ref automation.ContactRef) (refs []automation.ContactRef) {
	if ref.ID != "" {
		refs = append(refs, automation.ContactRef{ID: ref.ID})
	}
	if ref.Email != "" {
		refs = append(refs, automation.ContactRef{Email: ref.Email})
	}
	return refs
}
