package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
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
