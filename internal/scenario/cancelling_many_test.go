package scenario_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// sleepingRuns returns a World with n runs that sleep before their only email.
func sleepingRuns(t *testing.T, n int) *world.World {
	t.Helper()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day"), world.Email("hello")))
	w.AddContacts(n)
	for _, e := range world.Signups(n) {
		w.Send(e)
	}
	w.Drain()
	require.Equal(t, n, countRuns(w, automation.RunRunning))
	return w
}

func TestCancelRuns_AllThatRun(t *testing.T) {
	t.Parallel()
	w := sleepingRuns(t, 250)
	would, err := w.CancelRuns(w.Ctx, automation.RunQuery{}, automation.BulkOptions{DryRun: true})
	require.NoError(t, err)
	assert.Equal(t, 250, would.Done)
	assert.Zero(t, w.Drain(), "a dry run cancels nothing")

	var progress []int
	res, err := w.CancelRuns(w.Ctx, automation.RunQuery{AutomationID: "welcome"}, automation.BulkOptions{
		Progress: func(r automation.BulkResult) { progress = append(progress, r.Done) },
	})
	require.NoError(t, err)
	assert.Equal(t, []int{100, 200, 250}, progress)
	assert.Equal(t, automation.BulkResult{Done: 250, After: res.After}, res)
	_, err = w.CancelRuns(w.Ctx, automation.RunQuery{}, automation.BulkOptions{})
	require.NoError(t, err, "two calls are safe")

	w.Drain()
	assert.Equal(t, 250, countRuns(w, automation.RunCancelled))
	w.Pass(24 * time.Hour)
	assert.Empty(t, w.Sent())
	none, err := w.CancelRuns(w.Ctx, automation.RunQuery{}, automation.BulkOptions{})
	require.NoError(t, err)
	assert.Zero(t, none)
}

func TestCancelRuns_ContinuesWhereACallEnded(t *testing.T) {
	t.Parallel()
	w := sleepingRuns(t, 25)
	q := automation.RunQuery{PageQuery: automation.PageQuery{Limit: 4}}
	ctx, cancel := context.WithCancel(w.Ctx)
	res, err := w.CancelRuns(ctx, q, automation.BulkOptions{Progress: func(automation.BulkResult) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 4, res.Done, "the result of an error holds what happened before it")
	assert.True(t, res.HasMore)

	q.After = res.After
	res, err = w.CancelRuns(w.Ctx, q, automation.BulkOptions{Max: 10})
	require.NoError(t, err)
	assert.Equal(t, 10, res.Done)
	w.Drain()
	assert.Equal(t, 11, countRuns(w, automation.RunRunning))
}

func TestCancelRuns_SkipsWhatHasEnded(t *testing.T) {
	t.Parallel()
	w := sleepingRuns(t, 3)
	node := w.On(ending{w.Store, w.Runner}, w.Opts)
	res, err := node.CancelRuns(w.Ctx, automation.RunQuery{ContactID: "1"}, automation.BulkOptions{})
	require.NoError(t, err)
	assert.Zero(t, res.Done)
	assert.Equal(t, 1, res.Skipped)
}

// ending is a store with another caller, who cancels all runs of a list before the caller
// of ListRuns gets them.
type ending struct {
	automation.Store
	other *automation.Runner
}

func (s ending) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	page, err := s.Store.ListRuns(ctx, q)
	for _, rec := range page.Data {
		if _, err := s.other.CancelRun(ctx, rec.ID); err != nil {
			return page, err
		}
	}
	return page, err
}

func TestCancelRuns_RefusesWhatItWouldMisread(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.CancelRuns(w.Ctx, automation.RunQuery{
		Statuses:  []automation.RunStatus{automation.RunRunning, automation.RunFailed},
		PageQuery: automation.PageQuery{Before: "x"},
	}, automation.BulkOptions{Max: -1})
	assert.Equal(t, []string{"statuses", "before", "max"}, world.Paths(world.Problems(t, err)))
	_, err = w.CancelRuns(w.Ctx, automation.RunQuery{PageQuery: automation.PageQuery{After: "x"}}, automation.BulkOptions{})
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestCancelRuns_WakesRun(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := sleepingRuns(t, 3)
		w.Serve(w.Runner)
		synctest.Wait()
		_, err := w.CancelRuns(w.Ctx, automation.RunQuery{}, automation.BulkOptions{})
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, 3, countRuns(w, automation.RunCancelled))
	})
}
