package diskfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/diskfile"
)

func TestReplace_LeavesOneFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "a.json")
	for _, content := range []string{"old, and longer", "new"} {
		require.NoError(t, diskfile.Replace(path, []byte(content)))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, string(got))
	}
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 1)
	info, err := files[0].Info()
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestReplace_LeavesTheOldFileWhenItFails(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "taken")
	require.NoError(t, os.Mkdir(path, 0o700))
	require.Error(t, diskfile.Replace(path, []byte("new")), "a folder has this name")
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, files, 1, "nothing half-written")
	require.Error(t, diskfile.Replace(filepath.Join(folder, "none", "a"), nil))
	require.Error(t, diskfile.SyncFolder(filepath.Join(folder, "none")))
}
