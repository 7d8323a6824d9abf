package sqlitefile_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

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
	node := w.On(s, w.Opts)
	_, err := node.Apply(t.Context(), world.Flow("welcome", "signup",
		world.Email("one"), world.Pause("rest", "1 day"), world.Email("two"), world.Pause("more", "1 day"), world.Email("three")))
	require.NoError(t, err)
	_, err = node.Send(t.Context(), world.Signups(runs)...)
	require.NoError(t, err)
	for range 3 {
		_, err = node.Drain(t.Context())
		require.NoError(t, err)
		w.Clock.Add(24 * time.Hour)
	}
	require.Len(t, w.Sent(), 3*runs)
	for _, statement := range []string{"VACUUM", "PRAGMA wal_checkpoint(truncate)"} {
		_, err = s.DB().ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	file, err := os.Stat(path)
	require.NoError(t, err)
	assert.InDelta(t, 1_000, file.Size()/runs, 250, "bytes of a run with its event and its contact")
}
