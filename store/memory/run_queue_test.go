package memory

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRunQueue_TakesWhatIsDueLongestFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q runQueue
		var all []*run
		due := rapid.Map(rapid.IntRange(0, 9), func(n int) micros { return micros(n) })
		for n := range rapid.IntRange(0, 50).Draw(t, "changes") {
			switch change := rapid.IntRange(0, 3).Draw(t, "change"); {
			case change == 0 || len(all) == 0:
				r := &run{seq: uint64(n), due: due.Draw(t, "due")}
				all = append(all, r)
				q.add(r)
			case change == 1:
				r := rapid.SampledFrom(all).Draw(t, "moved")
				r.due = due.Draw(t, "due")
				q.moved(r)
			case change == 2:
				r := rapid.SampledFrom(all).Draw(t, "removed")
				r.due = due.Draw(t, "due of what is removed")
				q.remove(r)
				require.False(t, q.has(r))
				all = slices.DeleteFunc(all, func(o *run) bool { return o == r })
			default:
				for _, r := range q {
					r.due = due.Draw(t, "due")
				}
				q.restore()
			}
		}
		by, n := due.Draw(t, "by"), rapid.IntRange(0, 9).Draw(t, "n")
		want := slices.DeleteFunc(slices.Clone(all), func(r *run) bool { return r.due == 0 || r.due > by })
		slices.SortFunc(want, func(a, b *run) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq)) })
		if len(want) > 0 {
			require.Equal(t, want[0].due, q.first())
		}
		require.ElementsMatch(t, all, []*run(q))
		require.Equal(t, append([]*run(nil), want[:min(n, len(want))]...), q.take(by, n))
	})
}
