package sqlite

import (
	"database/sql"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// key is the key of a record as record.Owner makes it. The column holds 16 bytes
// for a UUID, half of what its text takes, and the text for any other.
type key string

func idKey(id string) key { return key(record.Owner(automation.ContactRef{ID: id})) }

func ownerKey(ref automation.ContactRef) key { return key(record.Owner(ref)) }

// column returns what the column of k holds.
func (k key) column() any {
	if b, ok := record.UUID(string(k)); ok {
		return b[:]
	}
	return string(k)
}

// Scan implements sql.Scanner. NULL is the empty key.
func (k *key) Scan(column any) error {
	switch c := column.(type) {
	case nil:
		*k = ""
	case string:
		*k = key(c)
	case []byte:
		if len(c) != 16 {
			return fmt.Errorf("a key of %d bytes", len(c))
		}
		*k = key(record.UUIDText([16]byte(c)))
	default:
		return fmt.Errorf("a key of type %T", column)
	}
	return nil
}

func (k key) ref() automation.ContactRef { return record.Ref(string(k)) }

func (k key) id() string { return k.ref().ID }

func scanKey(rows *sql.Rows) (k key, err error) {
	err = rows.Scan(&k)
	return k, err
}
