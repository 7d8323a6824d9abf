//go:build unix

package pgtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSweep_RemovesFoldersOfDeadProcesses(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	folder := func(name string, age time.Duration) string {
		path := filepath.Join(parent, name)
		require.NoError(t, os.Mkdir(path, 0o700))
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
		return path
	}
	dead := folder(folderPrefix+"dead", time.Hour)
	young := folder(folderPrefix+"young", 0)
	foreign := folder("something-else", time.Hour)
	alive := folder(folderPrefix+"alive", time.Hour)
	held, err := lock(alive)
	require.NoError(t, err)

	sweep(parent)

	require.NoDirExists(t, dead)
	require.DirExists(t, young)
	require.DirExists(t, foreign)
	require.DirExists(t, alive)
	require.NoError(t, held.Close())
}
