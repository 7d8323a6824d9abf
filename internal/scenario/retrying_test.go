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

func TestRetry_EndsWithAPermanentErrorOrAfterADay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err   error
		calls int
		code  automation.StepErrorCode
	}{
		"permanent": {automation.Permanent(errors.New("no such address")), 1, automation.FailedPermanently},
		"transient": {errors.New("busy"), 36, automation.FailedEffect},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "user.created", world.Email("welcome"), world.Email("again")))
			calls := 0
			w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
				calls++
				assert.Equal(t, calls, e.Attempt)
				return tc.err
			}
			w.Send(world.ForAda("user.created", nil))
			w.Drain()
			for range 60 {
				w.Pass(time.Hour)
			}
			assert.Equal(t, tc.calls, calls)
			run := w.Run()
			assert.Equal(t, automation.RunFailed, run.Status)
			assert.Equal(t, tc.code, run.Error.Code)
			assert.False(t, run.CompletedAt.IsZero())
			welcome := world.Step(t, run, "welcome")
			assert.Equal(t, tc.calls, len(welcome.Attempts)+welcome.AttemptsOmitted)
			assert.Equal(t, automation.StepSkipped, world.Step(t, run, "again").Status)
			next, err := w.Store.NextDue(t.Context())
			require.NoError(t, err)
			assert.Zero(t, next, "nothing is left to do")

			w.Mailer.Respond = nil
			_, err = w.RetryRun(t.Context(), run.ID)
			require.NoError(t, err)
			w.Drain()
			assert.Equal(t, automation.RunCompleted, w.Run().Status)
			assert.Len(t, w.Mailer.Emails(), 2)
		})
	}
}

func TestRetry_RateLimitSpendsNoAttempt(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	limited := 50 // more rate limits than there are attempts
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		if limited--; limited < 0 {
			return nil
		}
		return &automation.RateLimitError{After: 90 * time.Second}
	}
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	for limited >= 0 {
		require.Equal(t, w.Clock.Now().Add(90*time.Second), w.Run().DueAt, "when the limit allows it")
		w.Pass(90 * time.Second)
	}
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.Equal(t, []string{"hello"}, w.Sent())
}

func TestRetry_FollowsThePolicyOfTheOptions(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Retry: automation.RetryPolicy{MaxAttempts: 2, Initial: time.Hour, Max: time.Hour, Jitter: -1}})
	w.Mailer.Respond = refuseAll
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	run := w.Run()
	assert.Equal(t, world.Start.Add(time.Hour), run.DueAt)
	w.Pass(time.Hour - time.Microsecond)
	assert.Len(t, world.Step(t, w.Run(), "hello").Attempts, 1)
	w.Pass(time.Microsecond)
	assert.Equal(t, automation.RunFailed, w.Run().Status)
	assert.Len(t, world.Step(t, w.Run(), "hello").Attempts, 2)
}

// The default policy survives the outages that a mailer has in practice.
func TestRetry_EmailGoesOutAfterAnOutageOfTheMailer(t *testing.T) {
	t.Parallel()
	for _, outage := range []time.Duration{14 * time.Second, time.Hour, 24 * time.Hour} {
		t.Run(outage.String(), func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{Retry: automation.RetryPolicy{Jitter: 0.2}})
			w.Create(world.Flow("welcome", "signup", world.Email("hello")))
			over := world.Start.Add(outage)
			w.Mailer.Respond = func(context.Context, automation.Email) error {
				if w.Clock.Now().Before(over) {
					return errors.New("dial tcp: connection refused")
				}
				return nil
			}
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			for w.Run().Status == automation.RunRunning {
				w.Pass(w.Run().DueAt.Sub(w.Clock.Now()))
			}
			assert.Equal(t, automation.RunCompleted, w.Run().Status, "%+v", w.Run().Error)
			assert.Equal(t, []string{"hello"}, w.Sent())
			assert.LessOrEqual(t, w.Clock.Now().Sub(over), time.Hour, "within an hour of the end of the outage")
		})
	}
}

// refuseAll is the response of a mailer that is down.
func refuseAll(context.Context, automation.Email) error { return errors.New("mailer is down") }

func TestRetryRun_GoesOnFromTheFailedStep(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		if e.TemplateID == "tips" {
			return automation.Permanent(world.ErrOutage)
		}
		return nil
	}
	a := world.Flow("welcome", "signup", world.Email("hello"), automation.Step{Key: "tips", Config: automation.SendEmail{
		Template: automation.TemplateRef{ID: "tips", Variables: map[string]automation.Value{"PLAN": automation.Var("event.plan")}},
	}})
	w.Create(a)
	e := world.Signup("ada@example.com")
	e.Payload = automation.Payload(map[string]any{"plan": "pro"})
	w.Send(e)
	w.Drain()
	failed := w.Run()
	require.Equal(t, automation.RunFailed, failed.Status)
	graph := world.Flow("", "signup", world.Email("new"))
	_, err := w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(t, err)

	w.Mailer.Respond = nil
	for range 2 { // two calls are safe
		run, err := w.RetryRun(w.Ctx, failed.ID)
		require.NoError(t, err)
		assert.Equal(t, failed.ID, run.ID)
	}
	assert.Equal(t, []string{"hello"}, w.Sent(), "effects are left to Run and Drain")
	w.Clock.Add(time.Minute)
	w.Drain()
	run := w.Run()
	assert.Equal(t, automation.RunCompleted, run.Status)
	assert.Nil(t, run.Error)
	assert.Equal(t, 1, run.Version)
	assert.Equal(t, []string{"hello", "tips"}, w.Sent())
	tips := w.Mailer.Emails()[1]
	assert.Equal(t, map[string]any{"PLAN": "pro"}, tips.Variables)
	assert.Equal(t, "run/"+run.ID+"/tips", tips.IdempotencyKey)
	assert.Equal(t, run.EventID, tips.EventID)
	assert.Len(t, world.Step(t, run, "tips").Attempts, 1, "what has failed stays recorded")
}

func TestRetryRun_OfOneThatDidNotFail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		step   automation.Step
		cancel bool
		status automation.RunStatus
		err    error
	}{
		"in progress": {world.Pause("it", "1 day"), false, automation.RunRunning, nil},
		"completed":   {world.Email("it"), false, automation.RunCompleted, automation.ErrConflict},
		"cancelled":   {world.Pause("it", "1 day"), true, automation.RunCancelled, automation.ErrConflict},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("welcome", "signup", tt.step))
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			if tt.cancel {
				_, err := w.CancelRun(w.Ctx, w.Run().ID)
				require.NoError(t, err)
			}
			before := w.Run()
			_, err := w.RetryRun(w.Ctx, before.ID)
			require.ErrorIs(t, err, tt.err)
			w.Drain()
			assert.Equal(t, before, w.Run())
			assert.Equal(t, tt.status, before.Status)
		})
	}
}

func TestRetryRun_WakesRun(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.New(t, automation.Options{})
		w.Mailer.Respond = func(_ context.Context, e automation.Email) error { return automation.Permanent(world.ErrOutage) }
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Send(world.Signup("ada@example.com"))
		w.Drain()
		w.Mailer.Respond = nil
		w.Serve(w.Runner)
		synctest.Wait()
		_, err := w.RetryRun(w.Ctx, w.Run().ID)
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
	})
}

func TestRetry_LooksBackForEventsThatCameWhileTheRunHadFailed(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "user.created", world.Email("hello"), world.LookBack("wait", "order.paid", "1 day"), world.Email("thanks")))
	fail := true
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		if fail {
			return automation.Permanent(assert.AnError)
		}
		return nil
	}
	w.Send(world.ForAda("user.created", nil))
	w.Drain()
	w.Clock.Add(time.Minute)
	w.Send(world.ForAda("order.paid", nil))
	w.Drain()
	fail = false
	_, err := w.RetryRun(w.Ctx, w.Run().ID)
	require.NoError(t, err)
	w.Drain()
	assert.Equal(t, []string{"hello", "thanks"}, w.Sent())
}

func TestRetry_OfAWaitWithLookbackFindsTheEventAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("", "user.created", world.LookBack("wait", "order.paid", "1 hour"))
	flow.Connections = flow.Connections[:1]
	w.Create(flow)
	w.Send(world.ForAda("user.created", nil))
	w.Drain()
	w.Pass(2 * time.Hour)
	require.Equal(t, automation.RunFailed, w.Run().Status, "the wait has no connection for its timeout")
	w.Send(world.ForAda("order.paid", nil))
	w.Drain()
	_, err := w.RetryRun(w.Ctx, w.Run().ID)
	require.NoError(t, err)
	w.Drain()
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
}

func TestRetry_OfARunThatFailsAgainAtOnceHasItsNewEnd(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "user.created", automation.Step{
		Key: "rule", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")},
	}))
	w.Send(world.ForAda("user.created", nil))
	w.Drain()
	require.Equal(t, automation.RunFailed, w.Run().Status)
	w.Clock.Add(time.Hour)
	_, err := w.RetryRun(w.Ctx, w.Run().ID)
	require.NoError(t, err)
	run := w.Run()
	assert.Equal(t, automation.RunFailed, run.Status)
	assert.Equal(t, w.Clock.Now(), run.CompletedAt)
}
