package jetstream_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
)

// manyRuns returns how many runs move: 500, or JETSTREAM_RUNS.
func manyRuns(t *testing.T) int {
	text := os.Getenv("JETSTREAM_RUNS")
	if text == "" {
		return 500
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "JETSTREAM_RUNS")
	return n
}

// sendMany sends an event for each of n contacts.
func (a *application) sendMany(r *automation.Runner, name string, from, to int) {
	a.t.Helper()
	for from < to {
		var batch []automation.Event
		for ; from < to && len(batch) < 500; from++ {
			batch = append(batch, automation.Event{Name: name, Email: fmt.Sprintf("%d@example.com", from)})
		}
		_, err := r.Send(a.t.Context(), batch...)
		require.NoError(a.t, err)
	}
}

// hasRuns waits until this many runs of the flow are running, and this many are completed.
func (a *application) hasRuns(r *automation.Runner, running, done int) {
	a.t.Helper()
	require.Eventually(a.t, func() bool {
		list, err := r.CountRuns(a.t.Context(), "flow")
		require.NoError(a.t, err)
		counts := map[automation.RunStatus]int{}
		for _, c := range list {
			counts[c.Status] += c.Count
		}
		return counts[automation.RunRunning] == running && counts[automation.RunCompleted] == done
	}, 10*time.Minute, 50*time.Millisecond, "%d runs are running, and %d completed", running, done)
}

func TestMove_OfManyRuns(t *testing.T) {
	n := manyRuns(t)
	a := newApplication(t)
	a.opts.Partitions = 8
	old := a.runner(a.database())
	first := a.start(old.Run)
	_, err := old.CreateAutomation(t.Context(), line("flow", "signup",
		automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "go"}}, email("hello")))
	require.NoError(t, err)
	a.sendMany(old, "signup", 0, n)
	a.hasRuns(old, n, 0)

	store, runner := a.onEngine() // the old process goes on, and is refused
	var sending sync.WaitGroup
	tenth := n / 10
	sending.Go(func() { a.sendMany(runner, "go", 0, tenth) })
	began := time.Now()
	worker := a.work(store, runner)
	require.NoError(t, store.Move(t.Context(), func(p jetstream.MoveProgress) { t.Logf("%+v", p) }))
	t.Logf("%d runs moved to the engine in %s", n, time.Since(began).Round(10*time.Millisecond))
	sending.Wait()
	a.hasRuns(runner, n-tenth, tenth)
	t.Logf("%d of them completed %s after the beginning", tenth, time.Since(began).Round(10*time.Millisecond))

	sending.Go(func() { a.sendMany(runner, "go", tenth, 2*tenth) })
	began = time.Now()
	require.NoError(t, store.Leave(t.Context(), func(p jetstream.MoveProgress) { t.Logf("%+v", p) }))
	t.Logf("%d runs moved back in %s", n-tenth, time.Since(began).Round(10*time.Millisecond))
	require.ErrorIs(t, worker.wait(), jetstream.ErrLeft)
	sending.Wait()
	a.hasRuns(old, n-2*tenth, 2*tenth)
	a.sendMany(old, "go", 2*tenth, n)
	a.hasRuns(old, 0, n)
	different, repeated := a.mailer.count()
	assert.Equal(t, n, different)
	assert.Zero(t, repeated)
	first.stop()
}
