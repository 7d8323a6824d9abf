package postgres

import (
	"encoding/base64"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// packed encodes a UUID in 22 characters instead of 36, because every row about a
// contact contains its owner, and most of these rows have it in an index too. The
// encoded texts sort as the UUIDs do, so that contacts that were created one after the
// other stay side by side in indexes.
var packed = base64.NewEncoding("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz").WithPadding(base64.NoPadding)

// ownerOf returns the owner under which the store keeps everything about a contact. It
// is the packed id of the contact if that is a UUID, "=" and the id for any other id,
// and "@" and the email in lower case for an email that belongs to no contact. The
// function owner_of of the schema does the same for ids.
func ownerOf(ref automation.ContactRef) string {
	if id, ok := uuid.Parse(ref.ID); ok {
		return packed.EncodeToString(id[:])
	}
	return record.Owner(ref)
}

// refOf is the inverse of ownerOf, except that it returns emails in lower case.
func refOf(owner string) automation.ContactRef {
	var id [16]byte
	if len(owner) != packed.EncodedLen(len(id)) || owner[0] == '=' || owner[0] == '@' {
		return record.Ref(owner)
	}
	if _, err := packed.Decode(id[:], []byte(owner)); err != nil {
		return record.Ref(owner)
	}
	return automation.ContactRef{ID: uuid.Format(id)}
}
