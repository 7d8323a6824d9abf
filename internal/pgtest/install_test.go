//go:build unix

package pgtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// machine is a folder of commands, which are all that scripts/postgres.sh finds.
type machine string

// newMachine returns a machine with the commands that the script needs, of which root
// could install packages, and others that do nothing.
func newMachine(t *testing.T, others ...string) machine {
	t.Helper()
	m := machine(t.TempDir())
	for _, name := range []string{"dirname", "readlink", "cat"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(string(m), name)))
	}
	m.add(t, "id", "echo 0")
	m.add(t, "apt-get", `echo "apt-get $*"`)
	for _, name := range others {
		m.add(t, name, "")
	}
	return m
}

func (m machine) add(t *testing.T, name, script string) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(string(m), name), []byte("#!"+bash+"\n"+script+"\n"), 0o755))
}

// prepare executes the script, and returns the lines that it prints.
func (m machine) prepare(t *testing.T, env ...string) []string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	require.NoError(t, err)
	cmd := exec.Command(bash, "../../scripts/postgres.sh")
	cmd.Env = append([]string{"PATH=" + string(m), "AUTOMATION_TEST_ROOT=" + string(m)}, env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return slices.Collect(strings.Lines(string(out)))
}

// announced returns the packages that the script announces before it calls apt-get.
func announced(lines []string) string {
	for _, line := range lines {
		if strings.HasPrefix(line, "apt-get ") {
			break
		}
		if packages, ok := strings.CutPrefix(line, "installing "); ok {
			packages, _, _ = strings.Cut(packages, " for the tests")
			return packages
		}
	}
	return ""
}

func TestInstall_OfPgBouncerOnlyWhenAskedOrInCI(t *testing.T) {
	t.Parallel()
	server := []string{"initdb", "postgres"}
	for name, tt := range map[string]struct {
		has, env []string
		want     string // what the script announces and then installs
	}{
		"nothing is missing": {append(server, "pgbouncer"), []string{"CI=true"}, ""},
		"not asked":          {server, nil, ""},
		"asked":              {server, []string{"INSTALL_PGBOUNCER=1"}, "pgbouncer"},
		"in CI":              {server, []string{"CI=true"}, "pgbouncer"},
		"no server":          {nil, nil, "postgresql"},
		"no server, asked":   {nil, []string{"INSTALL_PGBOUNCER=1"}, "postgresql pgbouncer"},
		"server elsewhere":   {nil, []string{"AUTOMATION_TEST_POSTGRES=postgres://localhost/x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := newMachine(t, tt.has...).prepare(t, tt.env...)
			assert.Equal(t, tt.want, announced(lines), lines)
			installed := slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "apt-get ") })
			assert.Equal(t, tt.want != "", installed, lines)
		})
	}
}

func TestInstall_SaysHowToGetPgBouncer(t *testing.T) {
	t.Parallel()
	lines := newMachine(t, "initdb", "postgres").prepare(t)
	require.Len(t, lines, 1)
	assert.Contains(t, lines[0], "PgBouncer is not installed")
	assert.Contains(t, lines[0], "make test INSTALL_PGBOUNCER=1")
}
