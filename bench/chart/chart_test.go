package chart

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNiceStep_IsRound(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]float64{0: 1, 0.4: 0.5, 1: 1, 3: 5, 6: 10, 2_600: 5_000} {
		require.InDelta(t, want, niceStep(f), 1e-9, "%v", f)
	}
}

func TestDraw_PutsPointsWhereTheAxesSay(t *testing.T) {
	t.Parallel()
	a := axesFor(Panel{LogX: true, LogY: true}, []Point{{1_000, 2}, {1_000_000, 500}})
	require.Equal(t, []float64{1, 10, 100, 1_000}, a.ys)
	x, y := a.at(Point{1_000, 1})
	require.InDelta(t, left, x, 1e-9)
	require.InDelta(t, height-below, y, 1e-9)
	x, y = a.at(Point{1_000_000, 1_000})
	require.InDelta(t, width-right, x, 1e-9)
	require.InDelta(t, top, y, 1e-9)
}

func TestDraw_ComputedCurvesAreDashed(t *testing.T) {
	t.Parallel()
	measured := Series{Name: "a & b", Colour: "#000000", Points: []Point{{1, 1}, {2, 3}}}
	computed := measured
	computed.Computed = true
	svg := func(s Series) string {
		var b bytes.Buffer
		require.NoError(t, Drawing{Panels: []Panel{{Series: []Series{s}}}, Legend: []Series{s}}.Draw(&b))
		return b.String()
	}
	require.Contains(t, svg(measured), "<circle")
	require.Contains(t, svg(measured), "a &amp; b")
	require.NotContains(t, svg(measured), "dasharray")
	require.NotContains(t, svg(computed), "<circle")
	require.Contains(t, svg(computed), "dasharray")
}
