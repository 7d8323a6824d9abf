package sqlite_test

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// insertContacts writes contacts with UUIDs into the table, and returns their ids.
func insertContacts(tb testing.TB, db *sql.DB, n int) []string {
	tb.Helper()
	tx, err := db.Begin()
	require.NoError(tb, err)
	st, err := tx.Prepare(`INSERT INTO automation_contacts
		(id, email, email_key, first_name, last_name, unsubscribed, properties, segments, created_at)
		VALUES (?, ?, ?, '', '', 0, '', '', 0)`)
	require.NoError(tb, err)
	ids := make([]string, n)
	for i := range ids {
		var id [16]byte
		binary.BigEndian.PutUint64(id[:], 0x019000007000)
		binary.BigEndian.PutUint64(id[8:], uint64(i))
		email := fmt.Sprintf("%d@example.com", i)
		_, err := st.Exec(id[:], email, email)
		require.NoError(tb, err)
		ids[i] = fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:])
	}
	require.NoError(tb, tx.Commit())
	return ids
}
