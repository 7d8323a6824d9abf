package postgres

import (
	"encoding/base64"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// packed writes a UUID in 22 characters instead of 36: every row about a contact has
// its owner, and most have it in an index too. They sort as the UUIDs do, so that
// contacts that were made one after the other stay side by side in indexes.
var packed = base64.NewEncoding("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz").WithPadding(base64.NoPadding)

// ownerOf returns the owner under which everything about a contact is kept: its id
// packed, if that is a UUID, "=" and the id if it is any other, and "@" and the email
// in lower case while the contact is not known. The function owner_of of the
// schema does the same for ids.
func ownerOf(ref automation.ContactRef) string {
	if id, ok := record.UUID(ref.ID); ok {
		return packed.EncodeToString(id[:])
	}
	return record.Owner(ref)
}

// refOf returns what ownerOf was called with, but for the case of an email.
func refOf(owner string) automation.ContactRef {
	var id [16]byte
	if len(owner) != packed.EncodedLen(len(id)) || owner[0] == '=' || owner[0] == '@' {
		return record.Ref(owner)
	}
	if _, err := packed.Decode(id[:], []byte(owner)); err != nil {
		return record.Ref(owner)
	}
	return automation.ContactRef{ID: record.UUIDText(id)}
}
