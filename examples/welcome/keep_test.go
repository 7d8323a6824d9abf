package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

func TestStore_ShowsTheSameAsMemory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "welcome.db")
	status, stdout, stderr := perform(t, "-flow", "all", "-store", file)
	assert.Equal(t, exitOK, status, stderr)
	want, err := os.ReadFile("testdata/all.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), stdout)

	status, stdout, stderr = perform(t, "-flow", "all", "-store", file)
	assert.Equal(t, exitOK, status)
	assert.Empty(t, stdout, "everything has happened")
	assert.Regexp(t, `continues after (\d+) of (\d+) lines`, stderr)
}

// TestStore_ContinuesWhereItWasStopped stops the program after every email in turn.
func TestStore_ContinuesWhereItWasStopped(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/welcome.txt")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "welcome.db")
	var all []string
	for range 20 {
		var stderr bytes.Buffer
		ctx, cancel := context.WithCancel(context.Background())
		stdout := &recorder{signalWriter: signalWriter{when: "  email ", do: cancel}}
		status := run(ctx, []string{"-store", file}, stdout, &stderr)
		cancel()
		all = append(all, emails(stdout.String())...)
		if status == exitOK {
			break
		}
		assert.Contains(t, stderr.String(), "context canceled")
	}
	assert.Equal(t, emails(string(want)), all)
}

// recorder keeps the text that is written to it.
type recorder struct {
	signalWriter
	bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	_, _ = r.Buffer.Write(p)
	return r.signalWriter.Write(p)
}

var emailLine = regexp.MustCompile(`(?m)^  email .*$`)

// emails returns the lines of a timeline that are about emails.
func emails(timeline string) []string { return emailLine.FindAllString(timeline, -1) }

func TestStore_ContinuesAfterAKill(t *testing.T) {
	t.Parallel()
	binary, file := build(t), filepath.Join(t.TempDir(), "welcome.db")
	args := []string{"-real", "-speed", "200000", "-store", file}

	cmd := exec.Command(binary, args...)
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var before strings.Builder
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		before.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "waits for setup.progress") {
			break
		}
	}
	require.NoError(t, cmd.Process.Kill())
	require.ErrorContains(t, cmd.Wait(), "killed")

	after, err := exec.Command(binary, args...).Output()
	require.NoError(t, err)
	var twice []string
	seen := map[string]bool{}
	for _, line := range append(emails(before.String()), emails(string(after))...) {
		if seen[line] {
			twice = append(twice, line)
		}
		seen[line] = true
	}
	assert.Empty(t, twice, "emails that were recorded twice")
	assert.NotContains(t, string(after), before.String(), "it does not begin again")
	assertFinished(t, file)
}

// assertFinished checks that the file has the three runs of the shipped scene, all ended.
func assertFinished(t *testing.T, file string) {
	t.Helper()
	store, err := sqlitefile.Open(t.Context(), file)
	require.NoError(t, err)
	defer store.Close()
	page, err := store.ListRuns(t.Context(), automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(t, err)
	assert.Len(t, page.Data, 3)
	for _, r := range page.Data {
		assert.Equal(t, automation.RunCompleted, r.Status, r.ID)
	}
}

func TestStore_AFileOfAnotherScene(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "welcome.db")
	status, _, _ := perform(t, "-store", file)
	require.Equal(t, exitOK, status)
	status, _, stderr := perform(t, "-store", file, "-real")
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, file+": the scene in it began with -real=false -speed=1")

	text := write(t, "notes.txt", "this is no database, and longer than what the first page of one begins with")
	status, _, stderr = perform(t, "-store", text)
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, text)
}
