package record

import (
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// The first byte of an owner, unless the owner is the UUID of a contact.
const (
	otherID = "="
	anEmail = "@"
)

// Owner returns the key under which stores keep everything about a contact. It is the
// contact's id if that is a UUID, "=" and the id for any other id, and "@" and the
// email in lower case for an email that belongs to no contact.
func Owner(ref automation.ContactRef) string {
	switch _, ok := uuid.Parse(ref.ID); {
	case ok:
		return ref.ID
	case ref.ID != "":
		return otherID + ref.ID
	default:
		return anEmail + automation.EmailKey(ref.Email)
	}
}

// Ref is the inverse of Owner, except that it returns emails in lower case.
func Ref(owner string) automation.ContactRef {
	if email, ok := strings.CutPrefix(owner, anEmail); ok {
		return automation.ContactRef{Email: email}
	}
	return automation.ContactRef{ID: strings.TrimPrefix(owner, otherID)}
}
