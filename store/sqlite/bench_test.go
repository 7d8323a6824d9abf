package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/storebench"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// file opens a new file as an application does: every commit is synced to the disk.
func file(b *testing.B) *sqlitefile.Store {
	b.Helper()
	s, err := sqlitefile.Open(b.Context(), filepath.Join(b.TempDir(), "store.db"))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	return s
}

func open(b *testing.B) automation.Store { return file(b) }

func BenchmarkThroughput(b *testing.B) { storebench.Throughput(b, file(b)) }

func BenchmarkFirstStep(b *testing.B) { storebench.FirstStep(b, file(b)) }

func BenchmarkWaiting(b *testing.B) { storebench.Waiting(b, file(b), 1_000, 1_000_000) }

func BenchmarkWaitingWithExits(b *testing.B) { storebench.WaitingWithExits(b, open, 1_000, 1_000_000) }

func BenchmarkSleeping(b *testing.B) {
	s := file(b)
	storebench.Sleeping(b, s, func() int64 { return size(b, s) })
}

func BenchmarkSleepingWithExits(b *testing.B) {
	s := file(b)
	storebench.SleepingWithExits(b, s, func() int64 { return size(b, s) })
}

// size returns the bytes of the file after a checkpoint.
func size(b *testing.B, s *sqlitefile.Store) (bytes int64) {
	_, err := s.DB().ExecContext(b.Context(), "PRAGMA wal_checkpoint(truncate)")
	require.NoError(b, err)
	query := "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
	require.NoError(b, s.DB().QueryRowContext(b.Context(), query).Scan(&bytes))
	return bytes
}

func BenchmarkOneContact(b *testing.B) { storebench.OneContact(b, open, 2_500, 10_000, 40_000) }

func BenchmarkOneContactEnds(b *testing.B) {
	storebench.OneContactEnds(b, open, 1_000, 10_000, 40_000)
}

func BenchmarkLargeOutputs(b *testing.B) { storebench.LargeOutputs(b, file(b), 10, 40) }

func BenchmarkProject(b *testing.B) { storebench.Project(b, file(b)) }

// manyRuns inserts a million runs of ten automations, of which 30,000 failed. The ten oldest
// of these have another code than the others.
const manyRuns = `
INSERT INTO automation_automations (id, name, status, event_names, version, revision, created_at, updated_at)
WITH RECURSIVE f (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM f WHERE i < 10) SELECT 'a' || i, 'a', 'enabled', '["e"]', 1, 1, 1, 1 FROM f;
INSERT INTO automation_places (no, automation_no, version, status, step, event_name, n)
WITH RECURSIVE f (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM f WHERE i < 239)
SELECT i + 1, i % 10 + 1, 1, i / 120 + 1, 's' || (i / 10 % 12), '', 1 FROM f;
INSERT INTO automation_ended_runs (no, id, place_no, owner, control, setbacks, created_at, completed_at, error)
WITH RECURSIVE f (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM f WHERE i < 1000000)
SELECT i, randomblob(16), i % 120 + iif(i <= 30000, 121, 1), '=c' || i, 0, 0, i * 1000000, i * 1000000,
	CASE WHEN i <= 10 THEN '{"code":"timed_out","message":"m"}' WHEN i <= 30000 THEN '{"code":"effect_failed","message":"550 5.1.1 mailbox unavailable"}' END
FROM f;`

func BenchmarkListByCode(b *testing.B) {
	s := file(b)
	_, err := s.DB().ExecContext(b.Context(), manyRuns)
	require.NoError(b, err)
	storebench.ListByCode(b, s)
}

// manyContacts inserts a million contacts, and segments with as many members as their names
// tell.
const manyContacts = `
INSERT INTO automation_contacts (no, id, email, email_key, first_name, last_name, unsubscribed, properties, segments, created_at)
WITH RECURSIVE f (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM f WHERE i < 1000000)
SELECT i, '=c' || i, 'person' || i || '@example.com', 'person' || i || '@example.com', '', '', 0, '', '', 1 FROM f;
INSERT INTO automation_contact_segments
WITH s (n) AS (VALUES (10), (2000), (6000)) SELECT CAST(s.n AS TEXT), c.no
FROM s JOIN automation_contacts c ON c.no % (1000000 / s.n) = 0 AND c.no / (1000000 / s.n) <= s.n;`

func BenchmarkSearchMembers(b *testing.B) {
	s := file(b)
	_, err := s.DB().ExecContext(b.Context(), manyContacts)
	require.NoError(b, err)
	storebench.SearchMembers(b, s)
}
