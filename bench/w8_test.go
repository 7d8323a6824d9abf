package main

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// meeting is an engine whose calls return once all runs have been started.
type meeting struct {
	faulty
	all sync.WaitGroup
}

func (e *meeting) Flow(ctx context.Context, i int) error {
	e.all.Done()
	e.all.Wait()
	return e.faulty.Flow(ctx, i)
}

func TestArrive_DoesNotWaitForCalls(t *testing.T) {
	t.Parallel()
	const n = 50
	b := newBench(cell{})
	e := &meeting{faulty: faulty{sink: b.sink, flow: (*faulty).do}}
	e.names = make([]string, n)
	e.all.Add(n)
	b.engine = e
	began := time.Now()

	moments, err := b.arrive(t.Context(), 10_000, 0, n, nil)

	require.NoError(t, err)
	require.Len(t, moments, n)
	require.IsIncreasing(t, unixNanos(moments))
	require.True(t, moments[0].After(began))
	require.Len(t, b.sink.since(0, moments), n)
}

func unixNanos(moments []time.Time) (all []int64) {
	for _, m := range moments {
		all = append(all, m.UnixNano())
	}
	return all
}

func TestSince_LeavesOutOtherRuns(t *testing.T) {
	t.Parallel()
	s := newSink()
	moment := time.Now().Add(-time.Hour)
	for _, i := range []int{1, 7, 2, 9} {
		s.deliver(i)
	}

	late := s.since(2, []time.Time{moment, {}, {}, {}, {}, moment})

	require.Len(t, late, 2, "of the contacts 2 and 7")
	require.GreaterOrEqual(t, late[0], time.Hour)
}

func TestRate_IsHalfOfW1OrThatOfTheFlag(t *testing.T) {
	t.Parallel()
	c := comparison{out: io.Discard, top: map[string]float64{}}
	river := contestant{Engine: "river", Store: onPostgres}
	require.Zero(t, c.rateFor(river))
	c.keep([]result{{Work: "W1", Engine: "river", Store: onPostgres, Values: []value{{900, "runs/s"}}}})
	require.Equal(t, 450.0, c.rateFor(river))
	require.Zero(t, c.rateFor(contestant{Engine: "river", Store: onSQLite}))
	c.rate = 100
	require.Equal(t, 100.0, c.rateFor(river))
}

func TestWorks_AloneAreDoneOnlyByName(t *testing.T) {
	t.Parallel()
	for _, w := range works {
		require.True(t, (&comparison{options: options{works: []string{w.name}}}).does(w))
		require.Equal(t, !w.alone, (&comparison{}).does(w), w.name)
		require.False(t, (&comparison{options: options{works: []string{"other"}}}).does(w))
	}
}
