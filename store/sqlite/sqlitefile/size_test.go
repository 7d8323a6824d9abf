package sqlitefile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// docs/production.md has this figure.
func TestFile_EndedRunOfThreeEmailsTakesAboutAKilobyte(t *testing.T) {
	t.Parallel()
	const runs = 3_000
	path := filepath.Join(t.TempDir(), "automation.db")
	s, w := open(t, path), world.New(t, automation.Options{})
	w.EndRuns(w.On(s, w.Opts), runs)
	for _, statement := range []string{"VACUUM", "PRAGMA wal_checkpoint(truncate)"} {
		_, err := s.DB().ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	file, err := os.Stat(path)
	require.NoError(t, err)
	assert.InDelta(t, 1_000, file.Size()/runs, 250, "bytes of a run with its event and its contact")
}
