package postgres

import (
	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// ownerKey is the owner of a row, under which the store keeps everything about a contact: the
// 16 bytes of the contact's id if that is a UUID, "=" and the id for any other id, and "@" and
// the email in lower case for an email that belongs to no contact. An owner of the last two
// kinds that would be 16 bytes long has a "+" in front. Every row about a contact contains its
// owner, and most of these rows have it in an index too. The bytes sort as the UUIDs do, so
// that contacts that were created one after the other stay side by side in indexes.
type ownerKey string

// owners is a column of owners.
type owners []ownerKey

// pgxArgs returns arguments with types that pgx knows in all modes of execution.
func pgxArgs(args []any) []any {
	plain := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case ownerKey:
			plain[i] = []byte(v)
		case owners:
			column := make([][]byte, len(v))
			for j := range v {
				column[j] = []byte(v[j])
			}
			plain[i] = column
		default:
			plain[i] = arg
		}
	}
	return plain
}

const (
	uuidSize = 16
	padding  = "+"
)

// ownerOf returns the owner of a contact. The function owner_of of the schema does the same for
// ids.
func ownerOf(ref automation.ContactRef) ownerKey {
	if id, ok := uuid.Parse(ref.ID); ok {
		return ownerKey(id[:])
	}
	owner := record.Owner(ref)
	if len(owner) == uuidSize {
		owner = padding + owner
	}
	return ownerKey(owner)
}

// emailOwner is ownerOf in SQL, for the email of a contact c.
const emailOwner = `convert_to(CASE octet_length(convert_to(c.email_key, 'UTF8')) WHEN 15 THEN '+@' ELSE '@' END || c.email_key, 'UTF8')`

// refOf is the inverse of ownerOf, except that it returns emails in lower case.
func refOf(owner ownerKey) automation.ContactRef {
	switch {
	case len(owner) == uuidSize:
		return automation.ContactRef{ID: uuid.Format([uuidSize]byte([]byte(owner)))}
	case len(owner) == uuidSize+len(padding) && owner[:len(padding)] == padding:
		return record.Ref(string(owner[len(padding):]))
	default:
		return record.Ref(string(owner))
	}
}

// ScanBytes implements pgtype.BytesScanner.
func (o *ownerKey) ScanBytes(v []byte) error {
	*o = ownerKey(v)
	return nil
}
