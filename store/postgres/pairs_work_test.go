package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// manyPairs are the keys of events with one name, as a bulk start takes them, and the members of
// one segment.
const manyPairs = `
INSERT INTO automation.idempotency_keys (name, key, hash, event_id, expires_at)
SELECT 'started', 'bulk/b/' || i, 'hash', md5('e' || i)::uuid, now() FROM generate_series(1, 5000) i ON CONFLICT DO NOTHING;
INSERT INTO automation.contact_segments (segment, contact_no) SELECT 'all', i FROM generate_series(1, 5000) i;`

// pairStatements returns the statements about a hundred of these keys and members.
func pairStatements() []preparedWork {
	var keys, ids, members []string
	for i := range 100 {
		members = append(members, fmt.Sprint(4901+i))
		keys, ids = append(keys, fmt.Sprint("bulk/b/", 4901+i)), append(ids, uuid.Format([16]byte{1, 14: byte(i)}))
	}
	some := fmt.Sprintf(`array_fill('started'::text, ARRAY[100]), '{%s}'`, strings.Join(keys, ","))
	return []preparedWork{
		{"takeKeys", takeKeys, some + fmt.Sprintf(`, array_fill('hash'::text, ARRAY[100]), '{%s}', array_fill(now(), ARRAY[100]), '-infinity'`, strings.Join(ids, ","))},
		{"findKeys", findKeys, some},
		{"leaveSegments", leaveSegments, fmt.Sprintf(`array_fill('all'::text, ARRAY[100]), '{%s}'`, strings.Join(members, ","))},
	}
}

// preparedWork is a statement with arguments for EXECUTE.
type preparedWork struct{ name, sql, args string }

// TestStatements_SeekPairsByBothColumns makes plans when the server has found the tables to be
// empty, and uses them when many rows have the same first column.
func TestStatements_SeekPairsByBothColumns(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(pgtest.URL(t))
	require.NoError(t, err)
	pool, err := pgxpool.New(t.Context(), config.ConnString())
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s, err := New(pool, Options{})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	execute := func(sql string) {
		_, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
		require.NoError(t, err)
	}
	execute("VACUUM ANALYZE automation.idempotency_keys, automation.contact_segments")
	execute(strings.ReplaceAll(byIndex, ", true)", ", false)")) // for the session
	for _, st := range pairStatements() {
		execute("PREPARE " + st.name + " AS " + st.sql)
		measure(t, conn, st.name, st.args)
	}
	execute(manyPairs)
	for _, st := range pairStatements() {
		plan, text := measure(t, conn, st.name, st.args)
		assert.Less(t, plan.rows(), 2_000.0, "%s reads more than it should of 5,000 rows:\n%s", st.name, text)
	}
}
