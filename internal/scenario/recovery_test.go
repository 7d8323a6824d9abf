package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestRecovery_ProcessKilledBeforeTheCommit(t *testing.T) {
	t.Parallel()
	t.Run("the next node sends with the same key", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Email("welcome")))
		var keys []string
		w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
			keys = append(keys, e.IdempotencyKey)
			return nil
		}
		w.Send(world.ForAda("user.created", nil))
		kill(w)
		other := w.Node(w.Opts)
		_, err := other.Drain(t.Context())
		require.NoError(t, err)
		require.Len(t, keys, 1, "the dead process has the lease")

		w.Clock.Add(2 * time.Minute)
		_, err = other.Drain(t.Context())
		require.NoError(t, err)
		run := w.Run()
		assert.Equal(t, []string{"run/" + run.ID + "/welcome", "run/" + run.ID + "/welcome"}, keys)
		assert.Equal(t, automation.RunCompleted, run.Status)
		assert.Len(t, w.Mailer.Emails(), 1)
		attempts := world.Step(t, run, "welcome").Attempts
		require.Len(t, attempts, 1)
		assert.Equal(t, automation.FailedInterrupted, attempts[0].Error.Code)
	})
	t.Run("at most once the step fails as unknown", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{Delivery: automation.AtMostOnce})
		w.Create(world.Flow("", "user.created", world.Email("welcome")))
		w.Send(world.ForAda("user.created", nil))
		kill(w)
		w.Pass(2 * time.Minute)
		assert.Equal(t, automation.FailedUnknown, w.Run().Error.Code)
		assert.Len(t, w.Mailer.Emails(), 1)
	})
	t.Run("the commit was written, and the answer lost", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{Delivery: automation.AtMostOnce})
		w.Create(world.Flow("", "user.created", world.Email("welcome"), world.Pause("pause", "1 hour")))
		w.Store.AfterCommit = func([]automation.Transition) error {
			if len(w.Mailer.Emails()) == 0 {
				return nil
			}
			w.Store.AfterCommit = nil
			return world.ErrOutage
		}
		w.Send(world.ForAda("user.created", nil))
		_, err := w.Runner.Drain(t.Context())
		require.ErrorIs(t, err, world.ErrOutage)
		w.Pass(2 * time.Minute)
		assert.Equal(t, "pause", w.Run().Step)
		assert.Len(t, w.Mailer.Emails(), 1)
	})
	t.Run("changes to contacts are made once", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created",
			automation.Step{Key: "update", Config: automation.ContactUpdate{FirstName: automation.String("Ada")}},
			automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "beta"}},
		))
		w.Send(world.ForAda("user.created", nil))
		w.Store.BeforeCommit = func(ts []automation.Transition) error {
			if ts[0].Change != nil {
				w.Store.BeforeCommit = nil
				return errKilled
			}
			return nil
		}
		_, err := w.Runner.Drain(t.Context())
		require.ErrorIs(t, err, errKilled)
		assert.Empty(t, w.Contact("ada@example.com").FirstName, "the step and its change are written together")
		w.Pass(2 * time.Minute)
		assert.Equal(t, "Ada", w.Contact("ada@example.com").FirstName)
		assert.Equal(t, []string{"beta"}, w.Contact("ada@example.com").Segments)
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
	})
}

var errKilled = errors.New("killed")

// kill calls Drain, and ends the process just before it writes the outcome of its
// effects. From then on the process writes nothing.
func kill(w *world.World) {
	dead := false
	w.Store.BeforeCommit = func(ts []automation.Transition) error {
		if dead || len(w.Mailer.Emails()) > 0 {
			dead = true
			return errKilled
		}
		return nil
	}
	_, err := w.Runner.Drain(w.T.Context())
	require.ErrorIs(w.T, err, errKilled)
	w.Store.BeforeCommit = nil
}

func TestRecovery_ClockThatJumpsRepeatsNothing(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) *world.World {
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.days").Exists()}},
			world.Pause("pause", "1 day"), world.Email("later"), world.Pause("more", "1 day"), world.Email("last")))
		for i := range 5 {
			_, err := w.Runner.Send(t.Context(), automation.Event{Name: "user.created", Email: fmt.Sprintf("c%d@example.com", i), Payload: []byte(`{"days":1}`)})
			require.NoError(t, err)
			w.Pass(time.Minute)
		}
		return w
	}
	t.Run("forward a year", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		w.Pass(365 * 24 * time.Hour)
		emails := w.Mailer.Emails()
		require.Len(t, emails, 5)
		for i, e := range emails {
			assert.Equal(t, fmt.Sprintf("c%d@example.com", i), e.To, "oldest first")
			assert.Equal(t, "later", e.TemplateID)
		}
		w.Drain()
		assert.Len(t, w.Mailer.Emails(), 5, "the next delay counts from now")
		w.Pass(24 * time.Hour)
		assert.Len(t, w.Mailer.Emails(), 10)
	})
	t.Run("backward", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		w.Pass(24 * time.Hour)
		require.Len(t, w.Mailer.Emails(), 5)
		now := w.Clock.Now()
		w.Clock.Set(now.Add(-12 * time.Hour))
		w.Drain()
		w.Clock.Set(now)
		w.Drain()
		assert.Len(t, w.Mailer.Emails(), 5, "nothing runs twice")
		w.Pass(24 * time.Hour)
		assert.Len(t, w.Mailer.Emails(), 10)
	})
	t.Run("backward while events arrive", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Email("welcome")))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		w.Clock.Set(w.Clock.Now().Add(-time.Hour))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		assert.Len(t, w.Mailer.Emails(), 2)
	})
}

// A clock is a day ahead for a while, and is then set right.
func TestRecovery_ClockThatWasAheadForAWhile(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	t.Run("a delay that began meanwhile ends as late as it began", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 hour"), world.Email("hello")))
		right := w.Clock.Now()
		w.Clock.Set(right.Add(day))
		w.Send(world.Signup("ada@example.com"))
		w.Drain()
		w.Clock.Set(right.Add(time.Hour))
		w.Drain()
		assert.Empty(t, w.Sent())
		w.Pass(day)
		assert.Equal(t, []string{"hello"}, w.Sent())
	})
	t.Run("a lease of a process that died meanwhile lasts as long", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		right := w.Clock.Now()
		w.Clock.Set(right.Add(day))
		w.Send(world.Signup("ada@example.com"))
		kill(w)
		w.Clock.Set(right.Add(time.Hour))
		w.Drain()
		assert.Equal(t, automation.RunRunning, w.Run().Status)
		w.Pass(day)
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
	})
}

func TestRecovery_AllNodesDownForAWeek(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limit time.Duration
		sent  []string
	}{
		"overdue emails are sent":          {0, []string{"welcome", "later", "last"}},
		"a lateness limit skips them":      {24 * time.Hour, []string{"welcome", "last"}},
		"a wide lateness limit skips none": {8 * 24 * time.Hour, []string{"welcome", "later", "last"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{MaxLateness: tc.limit})
			w.Create(world.Flow("", "user.created", world.Email("welcome"), world.Pause("pause", "1 hour"), world.Email("later"), world.Pause("more", "1 hour"), world.Email("last")))
			w.Send(world.ForAda("user.created", nil))
			w.Drain()
			w.Pass(7 * 24 * time.Hour) // no node works in between
			w.Pass(time.Hour)
			var sent []string
			for _, e := range w.Mailer.Emails() {
				sent = append(sent, e.TemplateID)
			}
			assert.Equal(t, tc.sent, sent, "what follows an overdue step is in time again")
			assert.Equal(t, automation.RunCompleted, w.Run().Status)
			if later := world.Step(t, w.Run(), "later"); len(sent) == 2 {
				assert.Equal(t, automation.StepSkipped, later.Status)
				assert.JSONEq(t, `{"reason":"too_late"}`, string(later.Output))
			}
		})
	}
	t.Run("an event that was accepted then is handled now", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{MaxLateness: 24 * time.Hour})
		w.Create(world.Flow("", "user.created", world.Email("welcome"), world.Pause("pause", "1 hour"), world.Email("later")))
		w.Send(world.ForAda("user.created", nil))
		w.Pass(7 * 24 * time.Hour)
		w.Pass(time.Hour)
		require.Len(t, w.Mailer.Emails(), 1)
		assert.Equal(t, "later", w.Mailer.Emails()[0].TemplateID)
	})
}

func TestRecovery_MaxLatenessSkipsOldEmails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		late time.Duration
		want []string
	}{
		"at the limit":     {time.Hour, []string{"hello"}},
		"beyond the limit": {time.Hour + time.Microsecond, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{MaxLateness: time.Hour})
			w.Create(world.Flow("welcome", "signup", world.Email("hello")))
			w.Send(world.Signup("ada@example.com"))
			w.Pass(tt.late)
			assert.Equal(t, tt.want, w.Sent())
			assert.Equal(t, automation.RunCompleted, w.Run().Status)
		})
	}
}

func TestRecovery_CommitIsWrittenTwiceAroundAStop(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Delivery: automation.AtMostOnce})
		w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		store := &world.Store{Store: w.Memory}
		lost := false
		store.OnCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
			res, err := next.Commit(ctx, ts)
			if !lost {
				lost = true
				_, err := w.StopAutomation(w.Ctx, "welcome", automation.StopOptions{})
				require.NoError(t, err)
				return nil, world.ErrOutage
			}
			return res, err
		}
		w.Serve(w.On(store, w.Opts))
		w.Send(world.Signup("ada@example.com"))
		world.Advance(time.Minute)
		assert.Equal(t, automation.RunCompleted, w.Run().Status, fmt.Sprint(w.Run().Error))
		assert.Empty(t, world.Step(t, w.Run(), "hello").Attempts)
	})
}
