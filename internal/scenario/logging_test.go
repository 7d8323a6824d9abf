package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// The messages of the records that these tests read.
const (
	runFailed     = "automation: run failed"
	attemptFailed = "automation: attempt failed"
	hostPanicked  = "automation: the application's code panicked"
	runSetAside   = "automation: run set aside"
	leftOut       = "automation: similar records were left out"
	running       = "automation: running"
	stopped       = "automation: stopped"
)

// logged returns a World that logs, with the contact "ada".
func logged(t *testing.T, opts automation.Options) (*world.World, *world.Log) {
	t.Helper()
	log := &world.Log{}
	opts.Logger = log.Logger()
	w := world.New(t, opts)
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	return w, log
}

func TestLog_RunThatFailsIsOneWarning(t *testing.T) {
	t.Parallel()
	outage := func(context.Context, automation.Email) error { return world.ErrOutage }
	refused := func(context.Context, automation.Email) error {
		return automation.Permanent(errors.New("<ada@example.com> is not known here"))
	}
	for name, c := range map[string]struct {
		step     automation.Step
		respond  func(context.Context, automation.Email) error
		opts     automation.Options
		code     automation.StepErrorCode
		attempts int64
		cause    string
	}{
		"a permanent error": {step: world.Email("last"), respond: refused,
			code: automation.FailedPermanently, attempts: 1, cause: "<[email]> is not known here"},
		"the last retry": {step: world.Email("last"), respond: outage,
			opts: automation.Options{Retry: automation.RetryPolicy{MaxAttempts: 3, Jitter: -1}},
			code: automation.FailedEffect, attempts: 3, cause: "connection refused"},
		"an unknown outcome": {step: world.Email("last"), opts: automation.Options{Delivery: automation.AtMostOnce},
			respond: func(context.Context, automation.Email) error { return automation.ErrOutcomeUnknown },
			code:    automation.FailedUnknown, attempts: 1, cause: "outcome is unknown"},
		"a condition": {step: automation.Step{Key: "last", Config: automation.Condition{Rule: automation.Field("event.n").Gt(5)}},
			code: automation.FailedCondition, cause: `field "event.n" is absent`},
		"a time-out": {step: world.WaitUpTo("last", "active", "1 minute"), code: automation.FailedTimeout, cause: "timed out"},
		"a reference": {step: automation.Step{Key: "last", Config: automation.ContactUpdate{FirstName: automation.Var("event.n")}},
			code: automation.FailedReference, attempts: 1, cause: `"event.n" has no value`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, log := logged(t, c.opts)
			w.Mailer.Respond = c.respond
			w.Create(world.Flow("welcome", "signup", c.step))
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			for range 5 {
				w.Pass(time.Minute)
			}
			require.Equal(t, automation.RunFailed, w.Run().Status)
			records := log.Records(runFailed)
			require.Len(t, records, 1)
			assert.Equal(t, slog.LevelWarn, records[0].Level)
			cause := records[0].Attrs["error"]
			delete(records[0].Attrs, "error")
			assert.Equal(t, map[string]any{"run": w.Run().ID, "automation": "welcome", "step": "last", "contact": "ada",
				"code": string(c.code), "attempts": c.attempts}, records[0].Attrs)
			assert.Contains(t, fmt.Sprint(cause), c.cause)
		})
	}
}

func TestLog_RunThatIsRetriedAndFailsAgainIsAWarningAgain(t *testing.T) {
	t.Parallel()
	w, log := logged(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup",
		automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.n").Gt(5)}}))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	_, err := w.RetryRun(w.Ctx, w.Run().ID)
	require.NoError(t, err)
	w.Drain()
	assert.Len(t, log.Records(runFailed), 2)
}

func TestLog_AttemptThatIsRepeatedIsInfo(t *testing.T) {
	t.Parallel()
	w, log := logged(t, automation.Options{})
	failures := 2
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		if failures--; failures < 0 {
			return nil
		}
		return world.ErrOutage
	}
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Pass(time.Second)
	w.Pass(2 * time.Second)
	require.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.Empty(t, log.Records(runFailed))
	records := log.Records(attemptFailed)
	require.Len(t, records, 2)
	assert.Equal(t, slog.LevelInfo, records[0].Level)
	assert.EqualValues(t, 1, records[0].Attrs["attempts"])
	assert.EqualValues(t, 2, records[1].Attrs["attempts"])
	assert.Equal(t, world.Start.Add(3*time.Second), records[1].Attrs["next"])
	assert.Equal(t, "connection refused", fmt.Sprint(records[1].Attrs["error"]))
}

// An email may go out twice then, so an operator can find out when.
func TestLog_AttemptThatACrashInterruptedIsInfo(t *testing.T) {
	t.Parallel()
	w, log := logged(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 hour")))
	w.Send(world.Signup("ada@example.com"))
	kill(w)
	w.Pass(2 * time.Minute)
	w.Pass(time.Hour)
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
	records := log.Records(attemptFailed)
	require.Len(t, records, 1)
	assert.Equal(t, slog.LevelInfo, records[0].Level)
	assert.Equal(t, []any{w.Run().ID, "hello", "interrupted"}, []any{records[0].Attrs["run"], records[0].Attrs["step"], records[0].Attrs["code"]})
	assert.Equal(t, "the process stopped before the outcome was recorded", fmt.Sprint(records[0].Attrs["error"]))
}

func TestLog_PanicIsAnErrorWithItsStack(t *testing.T) {
	t.Parallel()
	t.Run("of the mailer, once for each attempt", func(t *testing.T) {
		t.Parallel()
		w, log := logged(t, automation.Options{Retry: automation.RetryPolicy{MaxAttempts: 2, Jitter: -1}})
		w.Mailer.Respond = func(_ context.Context, e automation.Email) error { panic("no name for " + e.To) }
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Send(world.Signup("ada@example.com"))
		w.Drain()
		w.Pass(time.Second)
		records := log.Records(hostPanicked)
		require.Len(t, records, 2)
		for i, r := range records {
			assert.Equal(t, slog.LevelError, r.Level)
			assert.EqualValues(t, i+1, r.Attrs["attempts"])
			assert.Equal(t, []any{w.Run().ID, "welcome", "hello", "ada"},
				[]any{r.Attrs["run"], r.Attrs["automation"], r.Attrs["step"], r.Attrs["contact"]})
			assert.Equal(t, "panic: no name for [email]", fmt.Sprint(r.Attrs["error"]))
			assert.Contains(t, r.Attrs["stack"], "logging_test.go")
		}
		assert.Empty(t, log.Records(attemptFailed))
		failed := log.Records(runFailed)
		require.Len(t, failed, 1)
		assert.Equal(t, "2 attempts failed, the last with: panic: no name for [email]", fmt.Sprint(failed[0].Attrs["error"]))
	})
	t.Run("of the Observer, once for each kind of notice", func(t *testing.T) {
		t.Parallel()
		w, log := logged(t, automation.Options{Observer: world.Observe(func(n automation.Notice) {
			if _, ok := n.(*automation.EventAccepted); ok {
				panic("no metrics")
			}
		})})
		w.Send(world.Signup("ada@example.com"), world.Signup("ada@example.com"))
		records := log.Records("automation: the Observer panicked; further panics over this kind of notice are not logged")
		require.Len(t, records, 1)
		assert.Equal(t, slog.LevelError, records[0].Level)
		assert.Equal(t, "panic: no metrics", fmt.Sprint(records[0].Attrs["error"]))
		assert.Contains(t, records[0].Attrs["stack"], "logging_test.go")
	})
	t.Run("of the contact directory", func(t *testing.T) {
		t.Parallel()
		u := world.NewUsers(automation.Contact{ID: "ada", Email: "ada@example.com"})
		log := &world.Log{}
		w := world.NewWithUsers(t, u, automation.Options{Logger: log.Logger()})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Send(world.Signup("ada@example.com"))
		u.Fail = func(string) error { panic("a bug") }
		_, err := w.Runner.Drain(w.Ctx)
		require.Error(t, err)
		records := log.Records("automation: lease abandoned")
		require.Len(t, records, 1)
		assert.Equal(t, slog.LevelError, records[0].Level)
		assert.Contains(t, records[0].Attrs["stack"], "logging_test.go")
	})
}

// Ten thousand runs that fail for one reason are one finding.
func TestLog_StormIsCounted(t *testing.T) {
	t.Parallel()
	w, log := logged(t, automation.Options{})
	w.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(world.ErrOutage) }
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Create(world.Flow("other", "other", world.Email("hello")))
	w.Send(world.Signups(1000)...)
	w.Send(world.ForAda("other", nil))
	w.Drain()
	byAutomation := map[any]int{}
	for _, r := range log.Records(runFailed) {
		byAutomation[r.Attrs["automation"]]++
	}
	assert.Equal(t, map[any]int{"welcome": 10, "other": 1}, byAutomation)
	counts := log.Records(leftOut)
	require.Len(t, counts, 1)
	assert.Equal(t, slog.LevelWarn, counts[0].Level)
	assert.Equal(t, map[string]any{"message": runFailed, "automation": "welcome", "step": "hello",
		"code": string(automation.FailedPermanently), "count": int64(990), "since": world.Start}, counts[0].Attrs)

	w.Clock.Add(time.Minute)
	w.Send(automation.Event{Name: "signup", Email: "0@example.com"})
	w.Drain()
	assert.Len(t, log.Records(runFailed), 12, "the next minute begins anew")
}

func TestLog_RunCountsAStormOncePerMinute(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		log := &world.Log{}
		w := world.InBubble(t, automation.Options{Logger: log.Logger()})
		w.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(world.ErrOutage) }
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		stop := w.Serve(w.Runner)
		w.Send(world.Signups(100)...)
		world.Advance(30 * time.Second)
		assert.Empty(t, log.Records(leftOut))
		world.Advance(31 * time.Second)
		require.Len(t, log.Records(leftOut), 1, "though nothing more fails")
		assert.EqualValues(t, 90, log.Records(leftOut)[0].Attrs["count"])
		w.Send(world.Signups(15)...)
		world.Advance(time.Second)
		require.ErrorIs(t, stop(), context.Canceled)
		require.Len(t, log.Records(leftOut), 2, "what is left is counted when Run stops")
		assert.EqualValues(t, 5, log.Records(leftOut)[1].Attrs["count"])
	})
}

func TestLog_RunsThatAreSetAsideAreCounted(t *testing.T) {
	t.Parallel()
	d := newDeploy(t)
	_, err := d.newer.CreateAutomation(d.Ctx, world.Flow("pages", "signup", automation.Step{Key: "page", Config: pager{Team: "ops"}}))
	require.NoError(t, err)
	log := &world.Log{}
	opts := d.Opts
	opts.Logger = log.Logger()
	older := d.Node(opts)
	d.Send(world.Signups(100)...)
	_, err = older.Drain(d.Ctx)
	require.NoError(t, err)
	assert.Len(t, log.Records(runSetAside), 10)
	require.Len(t, log.Records(leftOut), 1)
	assert.EqualValues(t, 90, log.Records(leftOut)[0].Attrs["count"])
}

// A record about a run that the store does not hold would be wrong.
func TestLog_ComesAfterTheCommit(t *testing.T) {
	t.Parallel()
	log := &world.Log{}
	w := world.New(t, automation.Options{Logger: log.Logger()})
	w.Create(world.Flow("welcome", "signup",
		automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.n").Gt(5)}}))
	log.OnRecord = func(r world.Record) {
		if r.Message == runFailed {
			assert.Equal(t, automation.RunFailed, w.Stored(r.Attrs["run"].(string)).Status)
		}
	}
	w.Send(world.Signup("ada@example.com"))
	w.Drain() // creates the contact
	w.Send(world.Signup("ada@example.com"))
	w.Store.OnCommit = refusing(automation.ErrLeaseLost)
	_, err := w.Runner.Drain(w.Ctx)
	require.NoError(t, err)
	assert.Len(t, log.Records(runFailed), 1)
	w.Store.OnCommit = nil
	w.Pass(2 * time.Minute)
	assert.Len(t, log.Records(runFailed), 2)
}

func TestLog_RunStartsAndStops(t *testing.T) {
	for name, c := range map[string]struct {
		enabled int64
		level   slog.Level
	}{
		"with many automations": {130, slog.LevelInfo},
		"with nothing enabled":  {0, slog.LevelWarn},
	} {
		t.Run(name, func(t *testing.T) {
			world.Bubble(t, func(t *testing.T) {
				log := &world.Log{}
				w := world.InBubble(t, automation.Options{Logger: log.Logger()})
				disabled := world.Flow("disabled", "signup", world.Email("hello"))
				disabled.Status = automation.StatusDisabled
				w.Create(disabled)
				for i := range c.enabled {
					w.Create(world.Flow(fmt.Sprint(i), "signup", world.Email("hello")))
				}
				stop := w.Serve(w.Runner)
				world.Advance(time.Second)
				records := log.Records(running)
				require.Len(t, records, 1)
				assert.Equal(t, c.level, records[0].Level)
				assert.Equal(t, "*memory.Store", records[0].Attrs["store"])
				assert.Equal(t, c.enabled, records[0].Attrs["enabled"])
				require.Empty(t, log.Records(stopped))
				require.ErrorIs(t, stop(), context.Canceled)
				records = log.Records(stopped)
				require.Len(t, records, 1)
				assert.Equal(t, slog.LevelInfo, records[0].Level)
				assert.Equal(t, "context canceled", fmt.Sprint(records[0].Attrs["reason"]))
			})
		})
	}
}
