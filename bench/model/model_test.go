package model_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/bench/figures"
	"github.com/seed-b636437c/automation/bench/model"
)

func TestFit_FindsTheLine(t *testing.T) {
	t.Parallel()
	l := model.Fit([]figures.Point{{X: 1_000, Y: 1_500_000}, {X: 10_000, Y: 6_000_000}, {X: 100_000, Y: 51_000_000}})
	require.InDelta(t, 500, l.PerRun, 1e-6)
	require.InDelta(t, 1_000_000, l.Fixed, 1e-2)
	require.InDelta(t, 0, l.Error, 1e-9)
	require.InDelta(t, 501_000_000, l.At(1_000_000), 1)
}

func TestFit_ReportsTheLargestError(t *testing.T) {
	t.Parallel()
	l := model.Fit([]figures.Point{{X: 1, Y: 100}, {X: 2, Y: 100}, {X: 3, Y: 130}})
	require.Positive(t, l.PerRun)
	require.InDelta(t, 0.10, l.Error, 0.05)
}

func TestFit_OfOnePointAndOfNone(t *testing.T) {
	t.Parallel()
	require.Equal(t, model.Line{PerRun: 5}, model.Fit([]figures.Point{{X: 10, Y: 50}}))
	require.Zero(t, model.Fit(nil))
}

const measured = `cores: 2
BenchmarkW4/engine=automation/store=postgres 100000 10000 timers/s
BenchmarkW7/engine=automation/store=postgres/sleeping=1000 1000 5000 made/s 2 disk-MB
BenchmarkW7/engine=automation/store=postgres/sleeping=100000 100000 20000 made/s 101 disk-MB
`

func TestStore_CostsWhatItsFiguresImply(t *testing.T) {
	t.Parallel()
	f, err := figures.Read(strings.NewReader(measured))
	require.NoError(t, err)
	s, err := model.Measured(f, "postgres")
	require.NoError(t, err)

	c := s.Cost(model.Load{Sleep: 1000 * time.Second, Peak: 5}, 1_000_000)

	require.InDelta(t, 1_000, c.Wakes, 1e-9)
	require.InDelta(t, 5_000*(2.0/20_000+2.0/10_000), c.Cores, 1e-9)
	require.InDelta(t, 1_001_000_000, c.Disk, 1)
	require.Zero(t, c.Memory)
	require.True(t, c.Extrapolated)
	require.False(t, s.Cost(model.Load{Sleep: time.Second}, 100_000).Extrapolated)
}

func TestMeasured_NamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	f, err := figures.Read(strings.NewReader(measured))
	require.NoError(t, err)
	_, err = model.Measured(f, "jetstream")
	require.ErrorContains(t, err, "W7 on jetstream")
	f, err = figures.Read(strings.NewReader(strings.Replace(measured, "BenchmarkW4", "BenchmarkW8", 1)))
	require.NoError(t, err)
	_, err = model.Measured(f, "postgres")
	require.ErrorContains(t, err, "W4 on postgres")
}
