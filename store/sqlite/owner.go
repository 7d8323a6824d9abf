package sqlite

import (
	"cmp"
	"database/sql"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// key is the key of a row, as record.Owner returns it. The column contains 16 bytes for
// a UUID, which is half the size of its text, and the text for any other key.
type key string

func idKey(id string) key { return key(record.Owner(automation.ContactRef{ID: id})) }

func ownerKey(ref automation.ContactRef) key { return key(record.Owner(ref)) }

// column returns the value of the column of k.
func (k key) column() any {
	if b, ok := uuid.Parse(string(k)); ok {
		return b[:]
	}
	return string(k)
}

// compare compares two keys as the database compares their columns, in which UUIDs come last.
func (k key) compare(o key) int {
	_, ours := uuid.Parse(string(k))
	_, theirs := uuid.Parse(string(o))
	switch {
	case ours == theirs:
		return cmp.Compare(k, o)
	case ours:
		return 1
	default:
		return -1
	}
}

// Scan implements sql.Scanner. It reads NULL as the empty key.
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
		*k = key(uuid.Format([16]byte(c)))
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
