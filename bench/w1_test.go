package main

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// faulty is an engine that does a part of its work in Flow, or too much of it.
type faulty struct {
	memoryPeople
	sink     *sink
	finished atomic.Int64
	flow     func(e *faulty, i int)
}

func (e *faulty) Flow(ctx context.Context, i int) error {
	e.flow(e, i)
	e.finished.Add(1)
	return nil
}

func (e *faulty) Finished(context.Context) (int, error) { return int(e.finished.Load()), nil }

func (e *faulty) Close() error { return nil }

// do does the complete work of a run.
func (e *faulty) do(i int) {
	_ = e.rename(context.Background(), i) // cannot fail: the table is in memory
	e.sink.deliver(i)
}

func TestW1_FindsMissingWork(t *testing.T) {
	t.Parallel()
	const n, bad = 20, 30
	for name, test := range map[string]struct {
		flow func(e *faulty, i int)
		want string
	}{
		"all is well": {(*faulty).do, ""},
		"an email is sent twice": {func(e *faulty, i int) {
			e.do(i)
			if i == bad {
				e.sink.deliver(i)
			}
		}, "contact 30 has got 2 emails"},
		"a contact is not changed": {func(e *faulty, i int) {
			if i == bad {
				e.sink.deliver(i)
				return
			}
			e.do(i)
		}, "39 of 40 contacts were changed"},
		"an email is lost": {func(e *faulty, i int) {
			if i != bad {
				e.do(i)
			}
		}, "39 of 40 emails have come"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSink()
			b := &bench{cell: cell{Nodes: 1, Sizes: map[string][]int{"w1": {n}}}, work: "w1", sink: s}
			b.engine = &faulty{sink: s, flow: test.flow}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()

			err := w1(ctx, b)

			if test.want == "" {
				require.NoError(t, err)
				require.Len(t, b.results, 1)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}
