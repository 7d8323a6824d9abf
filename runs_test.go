package automation_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestGetRun_HasItsStepsInGraphOrder(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	a := linear("welcome", "signup",
		automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}},
		mailing("pro"), delaying("rest", "1 day"), mailing("tips"))
	a.Steps = append(a.Steps, mailing("free"))
	a.Connections[1].Type = automation.ConnectionConditionMet
	a.Connections = append(a.Connections, automation.Connection{From: "check", To: "free", Type: automation.ConnectionConditionNotMet})
	r.create(a)
	e := signup("ada@example.com")
	e.Payload = automation.Payload(map[string]any{"plan": "pro"})
	receipt := r.send(e)[0]
	r.clock.Add(time.Second)
	r.drain()

	run := r.run()
	status := map[string]automation.StepStatus{}
	for _, s := range run.Steps {
		status[s.Key] = s.Status
	}
	assert.Equal(t, map[string]automation.StepStatus{
		"start": automation.StepCompleted, "check": automation.StepCompleted, "pro": automation.StepCompleted,
		"rest": automation.StepWaiting, "tips": automation.StepPending, "free": automation.StepSkipped,
	}, status)
	assert.Equal(t, "start", run.Steps[0].Key)
	assert.Equal(t, "welcome", run.AutomationID)
	assert.Equal(t, 1, run.Version)
	assert.Equal(t, receipt.ID, run.EventID)
	assert.Equal(t, "signup", run.EventName)
	assert.Equal(t, automation.RunRunning, run.Status)
	assert.Equal(t, "rest", run.Step)
	assert.Equal(t, start.Add(time.Second), run.CreatedAt, "when the event was handled")
	assert.Equal(t, run.CreatedAt, run.StartedAt)
	assert.Equal(t, start.Add(24*time.Hour+time.Second), run.DueAt)
	assert.Zero(t, run.CompletedAt)
	r.pass(24 * time.Hour)
	run = r.run()
	assert.Equal(t, start.Add(24*time.Hour+time.Second), run.CompletedAt)
	assert.Zero(t, run.DueAt)
}

func TestGetRun_UnknownIsNotFound(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	_, err := r.GetRun(r.ctx, "nope")
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = r.CancelRun(r.ctx, "nope")
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = r.RetryRun(r.ctx, "nope")
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = r.CountRuns(r.ctx, "nope")
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestListRuns_Filters(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	r.contact(automation.Contact{ID: "bob", Email: "bob@example.com"})
	r.create(linear("sleeps", "signup", delaying("rest", "1 day")))
	r.create(linear("ends", "signup", mailing("hello")))
	r.create(linear("fails", "order", automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.n").Gt(1)}}))
	event := r.send(signup("ada@example.com"))[0].ID
	r.drain()
	r.clock.Add(time.Hour)
	r.send(automation.Event{Name: "order", ContactID: "bob"})
	r.drain()
	_, err := r.CancelRun(r.ctx, r.runs()[2].ID)
	require.NoError(t, err)

	status := func(s ...automation.RunStatus) automation.RunQuery { return automation.RunQuery{Statuses: s} }
	tests := map[string]struct {
		query automation.RunQuery
		want  []string
	}{
		"everything":    {automation.RunQuery{}, []string{"fails", "ends", "sleeps"}},
		"automation":    {automation.RunQuery{AutomationID: "ends"}, []string{"ends"}},
		"version":       {automation.RunQuery{Version: 2}, nil},
		"one status":    {status(automation.RunFailed), []string{"fails"}},
		"statuses":      {status(automation.RunCompleted, automation.RunCancelled), []string{"ends", "sleeps"}},
		"contact":       {automation.RunQuery{ContactID: "bob"}, []string{"fails"}},
		"event":         {automation.RunQuery{EventID: event}, []string{"ends", "sleeps"}},
		"event name":    {automation.RunQuery{EventName: "order"}, []string{"fails"}},
		"step":          {automation.RunQuery{Step: "rest"}, []string{"sleeps"}},
		"from, incl.":   {automation.RunQuery{CreatedFrom: start.Add(time.Hour)}, []string{"fails"}},
		"until, excl.":  {automation.RunQuery{CreatedUntil: start.Add(time.Hour)}, []string{"ends", "sleeps"}},
		"all in one":    {automation.RunQuery{ContactID: "ada", EventName: "signup", Step: "hello", Statuses: []automation.RunStatus{"completed"}}, []string{"ends"}},
		"nothing":       {automation.RunQuery{ContactID: "eve"}, nil},
		"no automation": {automation.RunQuery{AutomationID: "eve"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := r.ListRuns(r.ctx, tt.query)
			require.NoError(t, err)
			var ids []string
			for _, run := range page.Data {
				assert.Empty(t, run.Steps, "lists have no steps")
				ids = append(ids, run.AutomationID)
			}
			assert.Equal(t, tt.want, ids)
			assert.False(t, page.HasMore)
		})
	}
}

func TestListRuns_PagesStayStableWhileRunsAreAdded(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	var want []string
	for i := range 5 {
		r.send(signup(fmt.Sprintf("%d@example.com", i)))
		r.drain()
		want = append([]string{r.runs()[0].ID}, want...)
	}
	var got []string
	q := automation.RunQuery{PageQuery: automation.PageQuery{Limit: 2}}
	for more := true; more; {
		page, err := r.ListRuns(r.ctx, q)
		require.NoError(t, err)
		for _, run := range page.Data {
			got = append(got, run.ID)
		}
		q.After, more = got[len(got)-1], page.HasMore
		r.send(signup(fmt.Sprintf("late-%d@example.com", len(got))))
		r.drain()
	}
	assert.Equal(t, want, got)
}

func TestCountRuns_CountsByVersionStepAndStatus(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", delaying("rest", "1 day")))
	r.send(signups(3)...)
	r.drain()
	_, err := r.CancelRun(r.ctx, r.runs()[0].ID)
	require.NoError(t, err)
	graph := linear("", "signup", mailing("hello"))
	_, err = r.UpdateAutomation(r.ctx, "welcome", automation.AutomationUpdate{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(t, err)
	r.send(signup("ada@example.com"))
	r.drain()
	counts, err := r.CountRuns(r.ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{
		{Version: 1, Step: "rest", Status: automation.RunCancelled, Count: 1},
		{Version: 1, Step: "rest", Status: automation.RunRunning, Count: 2},
		{Version: 2, Step: "hello", Status: automation.RunCompleted, Count: 1},
	}, counts)
}

func TestCancelRun_AtRest(t *testing.T) {
	t.Parallel()
	tests := map[string]automation.Step{
		"in a delay":  delaying("it", "1 day"),
		"in a wait":   waiting("it", "confirm"),
		"in back-off": mailing("it"),
	}
	for name, step := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{})
			r.mailer.Respond = refuseAll
			r.create(linear("welcome", "signup", step, mailing("hello")))
			r.send(signup("ada@example.com"))
			r.drain()
			r.mailer.Respond = nil
			id := r.run().ID
			for range 2 { // it is safe to call twice
				run, err := r.CancelRun(r.ctx, id)
				require.NoError(t, err)
				assert.Equal(t, automation.RunCancelled, run.Status)
				assert.Equal(t, automation.CancelledByRequest, run.Error.Code)
				assert.Equal(t, automation.StepCancelled, stepRun(t, run, "it").Status)
				assert.Equal(t, automation.StepSkipped, stepRun(t, run, "hello").Status)
				assert.Equal(t, start, run.CompletedAt)
				r.clock.Add(time.Minute)
			}
			r.send(automation.Event{Name: "confirm", Email: "ada@example.com"})
			r.pass(48 * time.Hour)
			assert.Empty(t, r.sent())
		})
	}
}

func TestCancelRun_LeavesARunThatHasEnded(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	r.send(signup("ada@example.com"))
	r.drain()
	before := r.run()
	run, err := r.CancelRun(r.ctx, before.ID)
	require.NoError(t, err)
	assert.Equal(t, before, run)
}

func TestCancelRun_LetsAnEffectInFlightFinish(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello"), mailing("tips")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		other := r.on(r.store, r.opts)
		run, err := other.CancelRun(r.ctx, r.run().ID)
		require.NoError(t, err)
		assert.Equal(t, automation.RunRunning, run.Status, "it is being worked on")
		close(g.open)
		synctest.Wait()
		run = r.run()
		assert.Equal(t, automation.RunCancelled, run.Status)
		assert.Equal(t, automation.StepCompleted, stepRun(t, run, "hello").Status)
		assert.Equal(t, automation.StepCancelled, stepRun(t, run, "tips").Status)
		assert.Equal(t, []string{"hello"}, r.sent())
	})
}

func TestRetryRun_GoesOnFromTheFailedStep(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.mailer.Respond = func(_ context.Context, e automation.Email) error {
		if e.TemplateID == "tips" {
			return automation.Permanent(errOutage)
		}
		return nil
	}
	a := linear("welcome", "signup", mailing("hello"), automation.Step{Key: "tips", Config: automation.SendEmail{
		Template: automation.TemplateRef{ID: "tips", Variables: map[string]automation.Value{"PLAN": automation.Var("event.plan")}},
	}})
	r.create(a)
	e := signup("ada@example.com")
	e.Payload = automation.Payload(map[string]any{"plan": "pro"})
	r.send(e)
	r.drain()
	failed := r.run()
	require.Equal(t, automation.RunFailed, failed.Status)
	graph := linear("", "signup", mailing("new"))
	_, err := r.UpdateAutomation(r.ctx, "welcome", automation.AutomationUpdate{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(t, err)

	r.mailer.Respond = nil
	for range 2 { // it is safe to call twice
		run, err := r.RetryRun(r.ctx, failed.ID)
		require.NoError(t, err)
		assert.Equal(t, failed.ID, run.ID)
	}
	assert.Equal(t, []string{"hello"}, r.sent(), "effects are left to Run and Drain")
	r.clock.Add(time.Minute)
	r.drain()
	run := r.run()
	assert.Equal(t, automation.RunCompleted, run.Status)
	assert.Nil(t, run.Error)
	assert.Equal(t, 1, run.Version)
	assert.Equal(t, []string{"hello", "tips"}, r.sent())
	tips := r.mailer.Emails()[1]
	assert.Equal(t, map[string]any{"PLAN": "pro"}, tips.Variables)
	assert.Equal(t, "run/"+run.ID+"/tips", tips.IdempotencyKey)
	assert.Len(t, stepRun(t, run, "tips").Attempts, 1, "what has failed stays recorded")
}

func TestRetryRun_OfOneThatDidNotFail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		step   automation.Step
		cancel bool
		status automation.RunStatus
		err    error
	}{
		"in progress": {delaying("it", "1 day"), false, automation.RunRunning, nil},
		"completed":   {mailing("it"), false, automation.RunCompleted, automation.ErrConflict},
		"cancelled":   {delaying("it", "1 day"), true, automation.RunCancelled, automation.ErrConflict},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{})
			r.create(linear("welcome", "signup", tt.step))
			r.send(signup("ada@example.com"))
			r.drain()
			if tt.cancel {
				_, err := r.CancelRun(r.ctx, r.run().ID)
				require.NoError(t, err)
			}
			before := r.run()
			_, err := r.RetryRun(r.ctx, before.ID)
			require.ErrorIs(t, err, tt.err)
			r.drain()
			assert.Equal(t, before, r.run())
			assert.Equal(t, tt.status, before.Status)
		})
	}
}

func TestRetryRun_WakesRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setup(t, automation.Options{})
		r.mailer.Respond = func(_ context.Context, e automation.Email) error { return automation.Permanent(errOutage) }
		r.create(linear("welcome", "signup", mailing("hello")))
		r.send(signup("ada@example.com"))
		r.drain()
		r.mailer.Respond = nil
		r.serve(r.Runner)
		synctest.Wait()
		_, err := r.RetryRun(r.ctx, r.run().ID)
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, automation.RunCompleted, r.run().Status)
	})
}
