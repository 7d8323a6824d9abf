package record

import (
	"strings"

	"github.com/seed-b636437c/automation"
)

// The first byte of an owner that is not the UUID of a contact.
const (
	otherID = "="
	anEmail = "@"
)

// Owner returns the key under which everything about a contact is kept: its id if
// that is a UUID, "=" and the id if it is any other, and "@" and the email in
// lower case while the contact is not known.
func Owner(ref automation.ContactRef) string {
	switch _, ok := UUID(ref.ID); {
	case ok:
		return ref.ID
	case ref.ID != "":
		return otherID + ref.ID
	default:
		return anEmail + automation.EmailKey(ref.Email)
	}
}

// Ref returns what Owner was called with, but for the case of an email.
func Ref(owner string) automation.ContactRef {
	if email, ok := strings.CutPrefix(owner, anEmail); ok {
		return automation.ContactRef{Email: email}
	}
	return automation.ContactRef{ID: strings.TrimPrefix(owner, otherID)}
}
