package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The process reads its standard input and its environment, and ends with the status of the
// command.
func TestProcess(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "automation.exe")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	database := filepath.Join(t.TempDir(), "automation.db")

	for _, step := range []struct {
		line, stdin    string
		status         int
		stdout, stderr string // parts
	}{
		{line: "help", stdout: "usage: automation COMMAND"},
		{line: "", status: 2, stderr: "usage: automation COMMAND"},
		{line: "frobnicate", status: 2, stderr: `there is no command "frobnicate"`},
		{line: "validate", stdin: `{"name": "Empty", "steps": [], "connections": []}`, status: 1, stdout: "no_trigger"},
		{line: "runs", status: 1, stderr: "there is no such file"},
		{line: "migrate", stdout: "Applied"},
		{line: "runs", stdout: "There are no such runs."},
		{line: "stop welcome", status: 1, stderr: `"welcome": not found`},
	} {
		cmd := exec.CommandContext(t.Context(), binary, strings.Fields(step.line)...)
		cmd.Env = append(os.Environ(), "AUTOMATION_DATABASE=sqlite:"+database)
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(step.stdin), &stdout, &stderr
		if err := cmd.Run(); step.status == 0 {
			assert.NoError(t, err, step.line)
		}
		assert.Equal(t, step.status, cmd.ProcessState.ExitCode(), step.line)
		assert.Contains(t, stdout.String(), step.stdout, step.line)
		assert.Contains(t, stderr.String(), step.stderr, step.line)
	}
}
