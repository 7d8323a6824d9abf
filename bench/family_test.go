package main

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseProcess_ReadsTimesAndTheParent(t *testing.T) {
	t.Parallel()
	p, ok := parseProcess("42 (a (strange) name) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3000 400 20 0 1 0 5\n")
	require.True(t, ok)
	require.Equal(t, process{id: 42, parent: 7, own: 120, ended: 3400}, p)
	for _, text := range []string{"", "42 (a", "42 (a) S 7", "42 (a) S 7 42 42 0 -1 4194560 1 2 3 4 x 20 3000 400", "x (a) S 7 42 42 0 -1 4194560 1 2 3 4 1 20 3000 400"} {
		_, ok := parseProcess(text)
		require.False(t, ok, text)
	}
}

func TestFamilyTime_IncludesChildren(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc")
	}
	before := familyTime(os.Getpid())
	require.NoError(t, exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").Run())
	require.Greater(t, familyTime(os.Getpid()), before)
}
