package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sample = `cpu: A <processor>
date: 2026-11-24T12:00:00Z
BenchmarkW1/engine=automation/store=postgres/nodes=1 10000 12000 runs/s 2.1 p50-ms
BenchmarkW1/engine=automation-nodes/store=postgres/nodes=1 50000 13000 runs/s 2.1 p50-ms
BenchmarkW1/engine=automation-nodes/store=postgres/nodes=2 50000 9000 runs/s
BenchmarkW1/engine=river/store=postgres/nodes=1 10000 800 runs/s
BenchmarkW3/engine=automation/store=sqlite/waiting=1000 200 1.5 p50-ms 9000 woken/s 10000 made/s 1.6 heap-MB
BenchmarkW3/engine=automation/store=sqlite/waiting=1000 200 1.5 p50-ms 7000 woken/s 10000 made/s 1.6 heap-MB
BenchmarkW3/engine=automation/store=sqlite/waiting=1000 200 1.5 p50-ms 8000 woken/s 10000 made/s 1.6 heap-MB
BenchmarkW3/engine=automation/store=sqlite/waiting=1000000 200 1.5 p50-ms 6000 woken/s 10000 made/s 1.7 heap-MB
BenchmarkW6/engine=automation/store=none 100 1800 ns/op
`

func TestFigures_AreMediansOfThisLibrary(t *testing.T) {
	t.Parallel()
	f, err := read(strings.NewReader(sample))
	require.NoError(t, err)
	require.Equal(t, []point{{1_000, 8_000}, {1_000_000, 6_000}}, f.curve("W3", "sqlite", "woken/s"))
	require.Equal(t, []point{{1, 13_000}, {2, 9_000}}, f.curve("W1", "postgres", "runs/s"))
}

func TestRun_DrawsWellFormedSVG(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "figures.txt")
	require.NoError(t, os.WriteFile(path, []byte(sample), 0o600))
	var svg bytes.Buffer

	require.NoError(t, run([]string{path}, &svg))

	require.Contains(t, svg.String(), "Heap of the process")
	d := xml.NewDecoder(&svg)
	for {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
	}
}

func TestRun_ReportsProblems(t *testing.T) {
	t.Parallel()
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "figures.txt")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	require.ErrorContains(t, run(nil, io.Discard), "usage")
	require.ErrorIs(t, run([]string{filepath.Join(t.TempDir(), "none")}, io.Discard), os.ErrNotExist)
	require.ErrorContains(t, run([]string{write("goos: linux\n")}, io.Discard), "no figures of this library")
	require.ErrorContains(t, run([]string{write("BenchmarkW3/engine=automation/store=sqlite/waiting=1 1 x runs/s\n")}, io.Discard), "invalid syntax")
}

func TestNiceStep_IsRound(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]float64{0: 1, 0.4: 0.5, 1: 1, 3: 5, 6: 10, 2_600: 5_000} {
		require.InDelta(t, want, niceStep(f), 1e-9, "%v", f)
	}
}
