package figures_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/bench/figures"
)

const sample = `cpu: A <processor>
date: 2026-11-24T12:00:00Z
BenchmarkW1/engine=automation/store=postgres/nodes=1 10000 12000 runs/s 2.1 p50-ms
BenchmarkW1/engine=automation-nodes/store=postgres/nodes=1 50000 13000 runs/s 2.1 p50-ms
BenchmarkW1/engine=automation-nodes/store=postgres/nodes=2 50000 9000 runs/s
BenchmarkW1/engine=river/store=postgres/nodes=1 10000 800 runs/s
BenchmarkW3/engine=automation/store=sqlite/waiting=1000 200 9000 woken/s
BenchmarkW3/engine=automation/store=sqlite/waiting=1000 200 7000 woken/s
BenchmarkW3/engine=automation/store=sqlite/waiting=1000 200 8000 woken/s
BenchmarkW3/engine=automation/store=sqlite/waiting=1000000 200 6000 woken/s
BenchmarkW4/engine=automation/store=sqlite 100 1800 timers/s
`

func TestFigures_AreMediansOfThisLibrary(t *testing.T) {
	t.Parallel()
	f, err := figures.Read(strings.NewReader(sample))
	require.NoError(t, err)
	require.Equal(t, "A <processor>", f.Head["cpu"])
	require.Equal(t, []figures.Point{{X: 1_000, Y: 8_000}, {X: 1_000_000, Y: 6_000}}, f.Curve(figures.Key{Work: "W3", Engine: "automation", Store: "sqlite", Unit: "woken/s"}))
	require.Equal(t, []figures.Point{{X: 1, Y: 13_000}, {X: 2, Y: 9_000}}, f.Curve(figures.Key{Work: "W1", Engine: "automation-nodes", Store: "postgres", Unit: "runs/s"}))
	require.Empty(t, f.Curve(figures.Key{Work: "W1", Engine: "river", Store: "postgres", Unit: "runs/s"}))
	rate, ok := f.Median(figures.Key{Work: "W4", Engine: "automation", Store: "sqlite", Unit: "timers/s"})
	require.True(t, ok)
	require.InDelta(t, 1_800, rate, 0)
	_, ok = f.Median(figures.Key{Work: "W9"})
	require.False(t, ok)
}
