package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain makes the processes that the program starts nodes.
func TestMain(m *testing.M) {
	if os.Getenv(nodeVariable) != "" {
		os.Exit(run(context.Background(), nil, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// perform runs the program and returns what it prints.
func perform(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	status = run(ctx, args, &out, &errs)
	require.NoError(t, ctx.Err(), "the program ends: %s", out.String())
	return status, out.String(), errs.String()
}

// figure returns a figure of the last lines.
func figure(t *testing.T, output, name string) int {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` +(\d+)`).FindStringSubmatch(output)
	require.Len(t, found, 2, output)
	n, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return n
}

func assertNothingIsLost(t *testing.T, output string) {
	t.Helper()
	accepted := figure(t, output, "accepted")
	assert.Positive(t, accepted)
	assert.Equal(t, accepted, figure(t, output, "completed"))
	emails := figure(t, output, "emails")
	assert.True(t, emails >= 2*accepted && emails <= 3*accepted, "each run has two or three emails: %d", emails)
	for _, line := range strings.Split(output, "\n") {
		assert.LessOrEqual(t, len(line), 80, line)
	}
}

func TestRun_ThreeNodesOfWhichOneIsKilled(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := perform(t, "-rate", "20", "-phase", "1s")
	require.Equal(t, exitOK, status, stderr)
	assertNothingIsLost(t, stdout)
	for _, want := range []string{"SIGKILL for node2", "its partitions have new owners after", "the longest pause without any email was", "it owns partitions again after"} {
		assert.Contains(t, stdout, want)
	}
}

func TestRun_OneNode(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := perform(t, "-nodes", "1", "-rate", "20", "-phase", "1s")
	require.Equal(t, exitOK, status, stderr)
	assertNothingIsLost(t, stdout)
	assert.NotContains(t, stdout, "new owners")
}

func TestRun_AnInterruptEndsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, exitOK, run(ctx, []string{"-nodes", "1"}, io.Discard, io.Discard))
}

func TestRun_Usage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"help":         {[]string{"-h"}, exitOK, "-nodes"},
		"unknown flag": {[]string{"-fast"}, exitUsage, "flag provided but not defined: -fast"},
		"two nodes":    {[]string{"-nodes", "2"}, exitUsage, "-nodes 2 is none of 1, 3 and 5"},
		"no rate":      {[]string{"-rate", "0"}, exitUsage, "-rate 0 must be between 1 and 1000"},
		"no phase":     {[]string{"-phase", "0s"}, exitUsage, "-phase 0s must be more than 0"},
		"a file":       {[]string{"flow.json"}, exitUsage, `"flow.json" is no flag`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := perform(t, tt.args...)
			assert.Equal(t, tt.status, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, tt.want)
		})
	}
}
