package upgrade

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// releases are commits whose processes must do no work once the tables are migrated, by what they
// lack. Each is the last commit before a migration that is unfit for older processes. A change
// with another such migration adds the commit that it is based on.
var releases = map[string]release{
	// Before 0012_listens.sql of SQLite, and 0013_listens.sql of Postgres.
	"without sets of names": {"be6fc85ef80e7b12cc4578602908f92ee625d588", []string{"sqlite", "postgres"}},
	// Before 0013_sent_events.sql and 0014_entries.sql of SQLite, and 0014_sent_events.sql and
	// 0015_entries.sql of Postgres.
	"without entry and exit": {"1827b4b98f9fa8571ffeace7aecfca7ae6a1c6a5", []string{"sqlite", "postgres"}},
	// Before 0016_events_of_runs.sql of SQLite, and 0018_places.sql of Postgres.
	"without numbers of places": {"c1823a98fdeb4b7f24054d421bfb555279de9467", []string{"sqlite", "postgres"}},
	// Before 0020_event_rows.sql of Postgres.
	"with events apart from their runs": {"79ae425642799786e55734887ad9a4ae4c5262c6", []string{"postgres"}},
}

// release is a commit, and the kinds of databases on which its processes must do no work.
type release struct {
	commit string
	kinds  []string
}

// root is the folder of this repository.
const root = "../.."

// build builds the older process from a commit, and returns its path. It skips the test if the
// commit is not in this clone.
//
// The source of the commit is laid over testdata/older, and not put into a temporary folder: that
// would have another name each time, and nothing would come from the build cache.
func build(t *testing.T, commit string) string {
	t.Helper()
	archive, err := output(t, root, "git", "archive", commit)
	if err != nil {
		t.Skipf("without git and the history, no older process can be built (git fetch --unshallow): %v", err)
	}
	module, err := filepath.Abs("testdata/older")
	require.NoError(t, err)
	folder := t.TempDir()
	overlay, err := json.Marshal(map[string]any{"Replace": unpack(t, archive, folder, module)})
	require.NoError(t, err)
	list, binary := filepath.Join(folder, "overlay.json"), filepath.Join(folder, "binary")
	require.NoError(t, os.WriteFile(list, overlay, 0o600))
	_, err = output(t, module, "go", "build", "-overlay", list, "-buildvcs=false", "-o", binary, "./cmd/older")
	require.NoError(t, err)
	return binary
}

// output runs a command in a folder, and returns its standard output. The error has its standard
// error.
func output(t *testing.T, folder, name string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = folder
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = errors.Join(err, errors.New(string(exit.Stderr)))
	}
	return out, err
}

// unpack writes the files of an archive to a folder, under numbers. It returns their paths by the
// paths that they are to have in a module.
func unpack(t *testing.T, archive []byte, folder, module string) map[string]string {
	t.Helper()
	paths := map[string]string{}
	for files := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return paths
		}
		require.NoError(t, err)
		if header.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(files)
		require.NoError(t, err)
		path := filepath.Join(folder, strconv.Itoa(len(paths)))
		require.NoError(t, os.WriteFile(path, text, 0o600))
		paths[filepath.Join(module, filepath.FromSlash(header.Name))] = path
	}
}
