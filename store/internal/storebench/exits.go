package storebench

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// How many versions an automation with exits has, and how many events end the runs of each.
const (
	versions   = 100
	exitEvents = 20
)

// withExits is the nth version of waiting with events that end its runs. No two versions have the
// same events, so each has a set of names of its own. All sets have the name that the runs wait
// for, so a store looks for a run in each of them.
func withExits(n int) automation.Automation {
	a := waiting
	a.Exit = &automation.Exit{}
	for i := range exitEvents {
		a.Exit.Events = append(a.Exit.Events, automation.Listener{EventName: fmt.Sprintf("user.left.%d", n+i)})
	}
	return a
}

// WaitingWithExits is Waiting with runs that listen to 21 names instead of one, spread evenly over
// 100 versions of the automation. Each size has a store of its own, because only the newest version
// starts runs. A size of few runs is made in small batches, so its rate is not that of Waiting.
func WaitingWithExits(b *testing.B, open func(b *testing.B) automation.Store, sizes ...int) {
	for _, n := range sizes {
		box := make(postbox, 1)
		r, err := automation.New(open(b), box, automation.Options{Contacts: anyContact{}})
		require.NoError(b, err)
		began := time.Now()
		startVersions(b, r, n)
		rate := float64(n) / time.Since(began).Seconds()
		requireVersions(b, r, n)
		wakeAmong(b, r, box, n, rate, map[int]bool{})
	}
}

// SleepingWithExits is Sleeping with the runs of WaitingWithExits. The size includes the versions.
func SleepingWithExits(b *testing.B, store automation.Store, size func() int64) {
	r, err := automation.New(store, make(postbox), automation.Options{Contacts: anyContact{}})
	require.NoError(b, err)
	before := size()
	startVersions(b, r, b.N)
	b.ReportMetric(float64(size()-before)/float64(b.N), "bytes/run")
	b.ReportMetric(0, "ns/op") // WaitingWithExits measures how fast runs are started
	requireVersions(b, r, b.N)
}

// startVersions starts n runs that wait, an equal part of them with each version.
func startVersions(b *testing.B, r *automation.Runner, n int) {
	for v := range versions {
		from, to := v*n/versions, (v+1)*n/versions
		if from == to {
			continue
		}
		_, err := r.Apply(b.Context(), withExits(v))
		require.NoError(b, err)
		startWaiting(b, r, from, to)
	}
}

// requireVersions checks that n runs wait, and that they are spread over the versions.
func requireVersions(b *testing.B, r *automation.Runner, n int) {
	counts, err := r.CountRuns(b.Context(), waiting.ID)
	require.NoError(b, err)
	require.Len(b, counts, min(n, versions))
	waits := 0
	for _, c := range counts {
		require.Equal(b, "wait", c.Step)
		require.Equal(b, automation.RunRunning, c.Status)
		waits += c.Count
	}
	require.Equal(b, n, waits)
}
