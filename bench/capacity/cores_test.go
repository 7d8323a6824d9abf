package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What machines with one core and with two could have done.
const (
	oneCore = `cores: 1
cpu: A
date: 2026-11-30T00:00:00Z
BenchmarkW14/engine=automation-nodes/store=postgres/nodes=1 50000 9000 runs/s 60 engine-µs/run 40 server-µs/run
BenchmarkW14/engine=automation/store=sqlite/nodes=1 50000 10000 runs/s
BenchmarkW14/engine=automation/store=memory/nodes=1 50000 50000 runs/s
`
	twoCores = `cores: 2
cpu: A
date: 2026-11-30T00:00:00Z
BenchmarkW14/engine=automation-nodes/store=postgres/nodes=1 50000 18000 runs/s 60 engine-µs/run 40 server-µs/run 10 claim-held-µs/run 5 log-held-µs/run 2000 log-B/run
BenchmarkW14/engine=automation-nodes/store=postgres/nodes=2 50000 18000 runs/s 65 engine-µs/run 40 server-µs/run
BenchmarkW14/engine=automation-nodes/store=postgres/nodes=4 50000 17000 runs/s 66 engine-µs/run 40 server-µs/run
BenchmarkW14/engine=automation/store=sqlite/nodes=1 50000 16000 runs/s
BenchmarkW14/engine=automation/store=memory/nodes=1 50000 100000 runs/s
`
)

// twoMachines returns the paths of figures of two machines.
func twoMachines(t *testing.T) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"cores-1.txt": oneCore, "cores-2.txt": twoCores} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return []string{filepath.Join(dir, "cores-1.txt"), filepath.Join(dir, "cores-2.txt")}
}

func TestRateTables_NameWhatLimitsEachStore(t *testing.T) {
	t.Parallel()
	m, err := measure(measured, twoMachines(t))
	require.NoError(t, err)
	text := m.rates()
	require.Contains(t, text, "| 2 | 18 k | processors | 16 k | processors | 100 k | processors | 36 MB/s |")
	require.Contains(t, text, "| 32 | *100 k* | turns of claims | *37 k* | its serial part |")
	require.Contains(t, text, "| 10.00 (100 k runs/s) | 5.00 (200 k runs/s) |")
	require.Contains(t, text, "Measured on A, with one core and with 2, 2026-11-30.")
}

func TestDrawing_HasTheRates(t *testing.T) {
	t.Parallel()
	m, err := measure(measured, twoMachines(t))
	require.NoError(t, err)
	d := m.drawing()
	require.Equal(t, "Complete runs a second, by cores", d.Panels[len(d.Panels)-1].Title)
	require.Equal(t, "memory", d.Legend[len(d.Legend)-1].Name)
	without, err := measure(measured, nil)
	require.NoError(t, err)
	require.Len(t, without.drawing().Panels, len(d.Panels)-1)
}

func TestMachinesOf_ReportsProblems(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cores.txt")
	require.NoError(t, os.WriteFile(path, []byte("cores: many\nBenchmarkW14/engine=automation/store=sqlite/nodes=1 5 1 runs/s\n"), 0o600))
	_, err := measure(measured, []string{path})
	require.ErrorContains(t, err, "number of cores")
	_, err = measure(measured, []string{"none"})
	require.ErrorIs(t, err, os.ErrNotExist)
}
