package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keeper is an engine that keeps ended runs, and leaves some of them.
type keeper struct {
	faulty
	kept map[time.Duration]int // by age
	left int
}

func (e *keeper) Grow(_ context.Context, from, to, _ int, ago time.Duration) error {
	e.kept[ago] += to - from
	return nil
}

func (e *keeper) ListEnded(context.Context) (int, error) { return page, nil }

func (e *keeper) Prune(_ context.Context, age time.Duration) (int, error) {
	removed := 0
	for ago, n := range e.kept {
		if ago > age {
			removed += n - e.left
			e.kept[ago] = e.left
		}
	}
	return removed, nil
}

func TestW12_CountsTheRemovedRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		left int
		want string
	}{
		"all are removed": {0, ""},
		"two are left":    {1, "98 of 100 ended runs were removed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(cell{Nodes: 1, Store: onMemory, Sizes: map[string][]int{"w12": {100}}})
			b.work, b.engine = "w12", &keeper{faulty{sink: b.sink, flow: (*faulty).do}, map[time.Duration]int{}, test.left}

			err := w12(t.Context(), b)

			if test.want == "" {
				require.NoError(t, err)
				require.Len(t, b.results, 2)
				require.Equal(t, labels{"pruned", "0"}, b.results[0].Labels)
				require.Equal(t, labels{"pruned", "100"}, b.results[1].Labels)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestGrowMonth_EndsNow(t *testing.T) {
	t.Parallel()
	e := &keeper{kept: map[time.Duration]int{}}

	require.NoError(t, growMonth(t.Context(), e, 0, 2*growing, 100))

	require.Equal(t, map[time.Duration]int{forever: growing, forever / 2: growing}, e.kept)
}
