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

func BenchmarkThroughput(b *testing.B) { storebench.Throughput(b, file(b)) }

func BenchmarkFirstStep(b *testing.B) { storebench.FirstStep(b, file(b)) }

func BenchmarkWaiting(b *testing.B) { storebench.Waiting(b, file(b), 1_000, 1_000_000) }

func BenchmarkSleeping(b *testing.B) {
	s := file(b)
	storebench.Sleeping(b, s, func() (bytes int64) {
		_, err := s.DB().ExecContext(b.Context(), "PRAGMA wal_checkpoint(truncate)")
		require.NoError(b, err)
		query := "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
		require.NoError(b, s.DB().QueryRowContext(b.Context(), query).Scan(&bytes))
		return bytes
	})
}

func BenchmarkOneContact(b *testing.B) {
	storebench.OneContact(b, func(b *testing.B) automation.Store { return file(b) }, 2_500, 10_000, 40_000)
}

func BenchmarkLargeOutputs(b *testing.B) { storebench.LargeOutputs(b, file(b), 10, 40) }
