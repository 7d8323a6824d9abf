package scenario_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// failedRuns returns a World whose mailer is back after an outage, with n runs that failed
// in the outage and one that completed before.
func failedRuns(t *testing.T, n int) *world.World {
	t.Helper()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.AddContacts(n + 1)
	events := world.Signups(n + 1)
	w.Send(events[n])
	w.Drain()
	w.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(world.ErrOutage) }
	w.Clock.Add(time.Minute)
	for _, e := range events[:n] {
		w.Send(e)
	}
	w.Drain()
	w.Mailer.Respond = nil
	w.Mailer.Reset()
	require.Equal(t, n, countRuns(w, automation.RunFailed))
	return w
}

func countRuns(w *world.World, status automation.RunStatus) (n int) {
	w.T.Helper()
	counts, err := w.CountRuns(w.Ctx, "welcome")
	require.NoError(w.T, err)
	for _, c := range counts {
		if c.Status == status {
			n += c.Count
		}
	}
	return n
}

func TestRetryRuns_AllThatFailedInAnOutage(t *testing.T) {
	t.Parallel()
	w := failedRuns(t, 250)
	would, err := w.RetryRuns(w.Ctx, automation.RunQuery{}, automation.BulkOptions{DryRun: true})
	require.NoError(t, err)
	assert.Equal(t, 250, would.Done)
	assert.Zero(t, w.Drain(), "a dry run retries nothing")

	var progress []int
	res, err := w.RetryRuns(w.Ctx, automation.RunQuery{AutomationID: "welcome"}, automation.BulkOptions{
		Progress: func(r automation.BulkResult) { progress = append(progress, r.Done) },
	})
	require.NoError(t, err)
	assert.Equal(t, []int{100, 200, 250}, progress)
	assert.Equal(t, automation.BulkResult{Done: 250, After: res.After}, res)
	again, err := w.RetryRuns(w.Ctx, automation.RunQuery{}, automation.BulkOptions{})
	require.NoError(t, err, "two calls are safe")
	assert.LessOrEqual(t, again.Done, 250)

	w.Drain()
	assert.Equal(t, 251, countRuns(w, automation.RunCompleted))
	assert.Len(t, w.Sent(), 250, "each email once")
	none, err := w.RetryRuns(w.Ctx, automation.RunQuery{}, automation.BulkOptions{})
	require.NoError(t, err)
	assert.Zero(t, none)
}

func TestRetryRuns_ContinuesWhereACallEnded(t *testing.T) {
	t.Parallel()
	w := failedRuns(t, 25)
	q := automation.RunQuery{PageQuery: automation.PageQuery{Limit: 4}}
	res, err := w.RetryRuns(w.Ctx, q, automation.BulkOptions{Max: 10})
	require.NoError(t, err)
	assert.Equal(t, 10, res.Done)
	assert.True(t, res.HasMore)
	w.Drain()
	assert.Len(t, w.Sent(), 10)

	ctx, cancel := context.WithCancel(w.Ctx)
	q.After = res.After
	res, err = w.RetryRuns(ctx, q, automation.BulkOptions{Progress: func(automation.BulkResult) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 4, res.Done, "the result of an error holds what happened before it")

	q.After = res.After
	res, err = w.RetryRuns(w.Ctx, q, automation.BulkOptions{})
	require.NoError(t, err)
	assert.Equal(t, 11, res.Done)
	assert.False(t, res.HasMore)
	w.Drain()
	assert.Equal(t, 26, countRuns(w, automation.RunCompleted))
	assert.Len(t, w.Sent(), 25)
}

func TestRetryRuns_RetriesARunThatFailsAgainOnlyOnce(t *testing.T) {
	t.Parallel()
	w := failedRuns(t, 10)
	calls := 0
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		calls++
		return automation.Permanent(errors.New("still down"))
	}
	res, err := w.RetryRuns(w.Ctx, automation.RunQuery{PageQuery: automation.PageQuery{Limit: 3}}, automation.BulkOptions{
		Progress: func(automation.BulkResult) { w.Drain() },
	})
	require.NoError(t, err)
	assert.Equal(t, 10, res.Done)
	assert.Equal(t, 10, calls)
	assert.Equal(t, 10, countRuns(w, automation.RunFailed))
}

// The runs of a page go on before the next page is read, so that they have no place in the
// order of the failures any more.
func TestRetryRuns_ByTheTimeOfTheFailure(t *testing.T) {
	t.Parallel()
	w := failedRuns(t, 10)
	w.Clock.Add(time.Hour)
	w.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(errors.New("still down")) }
	outage := automation.RunQuery{CompletedFrom: world.Start, ErrorCode: automation.FailedPermanently, PageQuery: automation.PageQuery{Limit: 3}}
	res, err := w.RetryRuns(w.Ctx, outage, automation.BulkOptions{Progress: func(automation.BulkResult) {
		w.Clock.Add(time.Minute)
		w.Drain()
	}})
	require.NoError(t, err)
	assert.Equal(t, 10, res.Done, "those that fail again are not retried again")

	outage.CompletedFrom = time.Time{}
	outage.CompletedUntil = world.Start.Add(time.Hour)
	res, err = w.RetryRuns(w.Ctx, outage, automation.BulkOptions{})
	require.NoError(t, err)
	assert.Zero(t, res.Done, "all have failed again since")
}

// overtaken is a store with another caller, who retries all runs of a list before the
// caller of ListRuns gets them.
type overtaken struct {
	automation.Store
	other *automation.Runner
}

func (s overtaken) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	page, err := s.Store.ListRuns(ctx, q)
	for _, rec := range page.Data {
		if _, err := s.other.RetryRun(ctx, rec.ID); err != nil {
			return page, err
		}
	}
	return page, err
}

func TestRetryRuns_SkipsWhatIsNotFailedAnyMore(t *testing.T) {
	t.Parallel()
	w := failedRuns(t, 3)
	node := w.On(overtaken{w.Store, w.Runner}, w.Opts)
	res, err := node.RetryRuns(w.Ctx, automation.RunQuery{}, automation.BulkOptions{})
	require.NoError(t, err)
	assert.Equal(t, 0, res.Done)
	assert.Equal(t, 3, res.Skipped)
	w.Drain()
	assert.Len(t, w.Sent(), 3)
}

func TestRetryRuns_SelectsByTheQuery(t *testing.T) {
	t.Parallel()
	w := failedRuns(t, 5)
	for name, tc := range map[string]struct {
		q    automation.RunQuery
		want int
	}{
		"contact":           {automation.RunQuery{ContactID: "3"}, 1},
		"another contact":   {automation.RunQuery{ContactID: "5"}, 0},
		"automation":        {automation.RunQuery{AutomationID: "other"}, 0},
		"step":              {automation.RunQuery{Step: "hello"}, 5},
		"event":             {automation.RunQuery{EventName: "signup"}, 5},
		"failed":            {automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed}}, 5},
		"before the outage": {automation.RunQuery{CreatedUntil: world.Start.Add(time.Minute)}, 0},
		"since the outage":  {automation.RunQuery{CreatedFrom: world.Start.Add(time.Minute)}, 5},
	} {
		res, err := w.RetryRuns(w.Ctx, tc.q, automation.BulkOptions{DryRun: true})
		require.NoError(t, err, name)
		assert.Equal(t, tc.want, res.Done, name)
	}
}

func TestRetryRuns_RefusesWhatItWouldMisread(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	page := func(p automation.PageQuery) automation.RunQuery { return automation.RunQuery{PageQuery: p} }
	for path, tc := range map[string]struct {
		q    automation.RunQuery
		opts automation.BulkOptions
	}{
		"statuses": {automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed, automation.RunCancelled}}, automation.BulkOptions{}},
		"before":   {page(automation.PageQuery{Before: "x"}), automation.BulkOptions{}},
		"limit":    {page(automation.PageQuery{Limit: 101}), automation.BulkOptions{}},
		"max":      {automation.RunQuery{}, automation.BulkOptions{Max: -1}},
	} {
		_, err := w.RetryRuns(w.Ctx, tc.q, tc.opts)
		var invalid *automation.ValidationError
		require.ErrorAs(t, err, &invalid, path)
		assert.Equal(t, path, invalid.Problems[0].Path)
	}
	_, err := w.RetryRuns(w.Ctx, page(automation.PageQuery{After: "x"}), automation.BulkOptions{})
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestRetryRuns_WakesRun(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := failedRuns(t, 3)
		w.Serve(w.Runner)
		synctest.Wait()
		_, err := w.RetryRuns(w.Ctx, automation.RunQuery{}, automation.BulkOptions{})
		require.NoError(t, err)
		synctest.Wait()
		assert.Len(t, w.Sent(), 3)
	})
}

func TestUpdateAutomation_OfTheRetryPolicyMakesAVersion(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := world.Flow("welcome", "signup", world.Email("hello"))
	a.Retry = automation.RetryPolicy{MaxAttempts: 2, Jitter: -1}
	created := w.Create(a)
	assert.Equal(t, a.Retry, created.Retry)
	w.Mailer.Respond = refuseAll
	w.Send(world.Signup("ada@example.com"))
	w.Drain()

	once := automation.RetryPolicy{MaxAttempts: 1}
	updated, err := w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Retry: &once})
	require.NoError(t, err)
	assert.Equal(t, once, updated.Retry)
	assert.Equal(t, created.Steps, updated.Steps)
	assert.Equal(t, created.Connections, updated.Connections)
	assert.Equal(t, 2, updated.Version)
	w.Pass(time.Second)
	assert.Len(t, world.Step(t, w.Run(), "hello").Attempts, 2, "a run stays on its version")

	renamed, err := w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Steps: a.Steps, Connections: a.Connections})
	require.NoError(t, err)
	assert.Equal(t, once, renamed.Retry, "a new graph keeps the policy")
	copied, err := w.DuplicateAutomation(w.Ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, once, copied.Retry)
	_, err = w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Retry: &automation.RetryPolicy{Jitter: 2}})
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "retry.jitter", invalid.Problems[0].Path)
	cleared, err := w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Retry: &automation.RetryPolicy{}})
	require.NoError(t, err)
	assert.Zero(t, cleared.Retry)
}
