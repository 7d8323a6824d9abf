package model_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/bench/figures"
	"github.com/seed-b636437c/automation/bench/model"
)

// A run takes 100 µs, 10 more with each further process, and 90% of the cores work. A claim has its turn for
// 5 µs and the log for 4.
const (
	oneCore = `cores: 1
BenchmarkW14/engine=automation-nodes/store=postgres/nodes=1 50000 9000 runs/s 60 engine-µs/run 40 server-µs/run
BenchmarkW14/engine=automation-nodes/store=postgres/nodes=2 50000 8000 runs/s 70 engine-µs/run 40 server-µs/run
BenchmarkW14/engine=automation/store=sqlite/nodes=1 50000 10000 runs/s
`
	twoCores = `cores: 2
BenchmarkW14/engine=automation-nodes/store=postgres/nodes=1 50000 18000 runs/s 60 engine-µs/run 40 server-µs/run 5 claim-held-µs/run 4 log-held-µs/run 2000 log-B/run
BenchmarkW14/engine=automation-nodes/store=postgres/nodes=2 50000 18000 runs/s 65 engine-µs/run 40 server-µs/run
BenchmarkW14/engine=automation-nodes/store=postgres/nodes=4 50000 13846 runs/s 90 engine-µs/run 40 server-µs/run
BenchmarkW14/engine=automation/store=sqlite/nodes=1 50000 16000 runs/s
`
)

func machines(t *testing.T, texts ...string) (all []model.Machine) {
	t.Helper()
	for _, text := range texts {
		f, err := figures.Read(strings.NewReader(text))
		require.NoError(t, err)
		m, err := model.MachineOf(f)
		require.NoError(t, err)
		all = append(all, m)
	}
	return all
}

func TestDatabase_IsLimitedByProcessorsAndThenByTurns(t *testing.T) {
	t.Parallel()
	d, err := model.Database(machines(t, oneCore, twoCores), "automation-nodes", "postgres")
	require.NoError(t, err)
	require.InDelta(t, 100e-6, d.Run, 1e-9)
	require.InDelta(t, 10e-6, d.Join, 1e-9)
	require.InDelta(t, 0.9, d.Used, 1e-4)
	require.Equal(t, 2000.0, d.LogBytes)

	rate, limit := d.Rate(8, 4)
	require.InDelta(t, 0.9*8/130e-6, rate, 10)
	require.Equal(t, model.Processors, limit)
	rate, limit = d.Rate(96, 4)
	require.InDelta(t, 200_000, rate, 1e-3)
	require.Equal(t, model.Claims, limit)
}

func TestDatabase_ComparesItselfWithPointsThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	d, err := model.Database(machines(t, oneCore, twoCores), "automation-nodes", "postgres")
	require.NoError(t, err)
	require.Len(t, d.Fitted, 3)
	require.Less(t, model.Worst(d.Fitted), 0.001)
	require.Len(t, d.Others, 2)
	require.InDelta(t, 1-16_364.0/18_000, d.Others[1].Error(), 0.001)
	require.InDelta(t, 1-16_364.0/18_000, model.Worst(d.Others), 0.001)
}

func TestProcess_FollowsAmdahlsLaw(t *testing.T) {
	t.Parallel()
	p, err := model.Process(machines(t, oneCore, twoCores), "automation", "sqlite")
	require.NoError(t, err)
	require.InDelta(t, 75e-6, p.Run, 1e-9)
	require.InDelta(t, 25e-6, p.Serial, 1e-9)
	require.Less(t, model.Worst(p.Fitted), 1e-9)

	rate, limit := p.Rate(1, 1)
	require.InDelta(t, 10_000, rate, 1e-3)
	require.Equal(t, model.Processors, limit)
	rate, limit = p.Rate(96, 1)
	require.InDelta(t, 1/(25e-6+75e-6/96), rate, 1e-3)
	require.Equal(t, model.Alone, limit)
}

func TestThroughput_NamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := model.Database(machines(t, oneCore), "automation-nodes", "postgres")
	require.ErrorContains(t, err, "no claim-held-µs/run of W14 for automation-nodes on postgres with 1 processes and 1 cores")
	_, err = model.Database(machines(t, oneCore, strings.Replace(twoCores, "5 claim-held", "0 claim-held", 1)), "automation-nodes", "postgres")
	require.ErrorContains(t, err, "claim-held-µs/run of W14 for automation-nodes on postgres was never seen")
	_, err = model.Database(machines(t, oneCore), "automation", "sqlite")
	require.ErrorContains(t, err, "fewer than two numbers of processes")
	_, err = model.Process(machines(t, oneCore), "automation", "sqlite")
	require.ErrorContains(t, err, "two machines")
	_, err = model.Process(machines(t, oneCore, twoCores), "automation", "memory")
	require.ErrorContains(t, err, "no W14 of automation on memory with 1 cores")
	f, err := figures.Read(strings.NewReader(strings.Replace(oneCore, "cores: 1", "cores: one", 1)))
	require.NoError(t, err)
	_, err = model.MachineOf(f)
	require.ErrorContains(t, err, "number of cores")
}
