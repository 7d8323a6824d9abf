package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sleepless is an engine that starts other runs than it was given.
type sleepless struct {
	faulty
	started func(n int) int
	asleep  int
}

func (e *sleepless) Sleep(_ context.Context, from, to int, _ time.Time) error {
	e.asleep = e.started(to - from)
	return nil
}

func (e *sleepless) Sleeping(context.Context) (int, error) { return e.asleep, nil }

func TestW2_CountsTheSleepingRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		started func(n int) int
		want    string
	}{
		"all sleep":           {func(n int) int { return n }, ""},
		"one is lost":         {func(n int) int { return n - 1 }, "there are 19 instead of 20"},
		"one starts a second": {func(n int) int { return n + 1 }, "21 runs sleep instead of 20"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bench{cell: cell{Store: onMemory, Sizes: map[string][]int{"w2": {20}}}, work: "w2"}
			b.engine = &sleepless{started: test.started}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()

			err := w2(ctx, b)

			if test.want == "" {
				require.NoError(t, err)
				require.Len(t, b.results, 1)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestBulk_NeedsAnEventForEachContact(t *testing.T) {
	t.Parallel()
	c, err := find("automation-bulk", onSQLite)
	require.NoError(t, err)
	cl := tinyCell(t, c, "w2")
	e, err := c.Open(t.Context(), setting{Work: "w2", File: cl.file(), Sink: newSink()})
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	s := e.(sleeper)

	require.NoError(t, s.Sleep(t.Context(), 0, tiny, time.Now().Add(forever)))
	require.NoError(t, until(t.Context(), tiny, s.Sleeping))
	require.ErrorContains(t, s.Sleep(t.Context(), 0, 2*tiny, time.Now().Add(forever)), "StartMany accepted 8 of 16 contacts: 8 had their event")
}
