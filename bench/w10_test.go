package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sender is an engine that starts runs in bulk, and may send wrong emails.
type sender struct {
	faulty
	emails func(n int) []int
}

func (e *sender) Campaign(_ context.Context, n int) error {
	for _, i := range e.emails(n) {
		e.sink.deliver(i)
	}
	e.finished.Add(int64(n))
	return nil
}

func TestW10_FindsMissingEmails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		emails func(n int) []int
		want   string
	}{
		"all is well":            {numbers, ""},
		"an email is lost":       {func(n int) []int { return numbers(n - 1) }, "19 of 20 emails have come"},
		"an email is sent twice": {func(n int) []int { return append(numbers(n), 0) }, "contact 0 has got 2 emails"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(cell{Nodes: 1, Sizes: map[string][]int{"w10": {20}}})
			b.work, b.engine = "w10", &sender{faulty{sink: b.sink}, test.emails}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()

			err := w10(ctx, b)

			if test.want == "" {
				require.NoError(t, err)
				require.Len(t, b.results, 1)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}
