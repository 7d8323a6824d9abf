package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestCancelRun_EndsARunAtRest(t *testing.T) {
	t.Parallel()
	tests := map[string]automation.Step{
		"in a delay":  world.Pause("it", "1 day"),
		"in a wait":   world.WaitUpTo("it", "confirm", "30 days"),
		"in back-off": world.Email("it"),
	}
	for name, step := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Mailer.Respond = refuseAll
			w.Create(world.Flow("welcome", "signup", step, world.Email("hello")))
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			w.Mailer.Respond = nil
			id := w.Run().ID
			for range 2 { // two calls are safe
				run, err := w.CancelRun(w.Ctx, id)
				require.NoError(t, err)
				assert.Equal(t, automation.RunCancelled, run.Status)
				assert.Equal(t, automation.CancelledByRequest, run.Error.Code)
				assert.Equal(t, automation.StepCancelled, world.Step(t, run, "it").Status)
				assert.Equal(t, automation.StepSkipped, world.Step(t, run, "hello").Status)
				assert.Equal(t, world.Start, run.CompletedAt)
				w.Clock.Add(time.Minute)
			}
			w.Send(automation.Event{Name: "confirm", Email: "ada@example.com"})
			w.Pass(48 * time.Hour)
			assert.Empty(t, w.Sent())
		})
	}
}

func TestCancelRun_LeavesARunThatHasEnded(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	before := w.Run()
	run, err := w.CancelRun(w.Ctx, before.ID)
	require.NoError(t, err)
	assert.Equal(t, before, run)
}

func TestCancelRun_LetsAnEffectInFlightFinish(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Email("tips")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		other := w.Node(w.Opts)
		run, err := other.CancelRun(w.Ctx, w.Run().ID)
		require.NoError(t, err)
		assert.Equal(t, automation.RunRunning, run.Status, "it is being worked on")
		g.Open()
		synctest.Wait()
		run = w.Run()
		assert.Equal(t, automation.RunCancelled, run.Status)
		assert.Equal(t, automation.StepCompleted, world.Step(t, run, "hello").Status)
		assert.Equal(t, automation.StepCancelled, world.Step(t, run, "tips").Status)
		assert.Equal(t, []string{"hello"}, w.Sent())
	})
}

func TestCancelRun_RacesASend(t *testing.T) {
	t.Parallel()
	t.Run("while it is in flight", func(t *testing.T) {
		t.Parallel()
		for name, tc := range map[string]struct {
			next   automation.Step
			status automation.RunStatus
		}{
			"before another": {world.Email("next"), automation.RunCancelled},
			"before a wait":  {world.Wait("next", "order.paid"), automation.RunCancelled},
			"before a delay": {world.Pause("next", "1 hour"), automation.RunCancelled},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := world.New(t, automation.Options{})
				w.Create(world.Flow("", "user.created", world.Email("first"), tc.next))
				w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
					for range 2 {
						run, err := w.Node(w.Opts).CancelRun(t.Context(), e.RunID)
						assert.NoError(t, err)
						assert.Equal(t, automation.RunRunning, run.Status, "the node at work will apply it")
					}
					return nil
				}
				w.Send(world.ForAda("user.created", nil))
				w.Drain()
				run := w.Run()
				assert.Equal(t, tc.status, run.Status)
				assert.Equal(t, automation.CancelledByRequest, run.Error.Code)
				assert.Equal(t, automation.StepCompleted, world.Step(t, run, "first").Status, "what was in flight is recorded")
				assert.Equal(t, automation.StepCancelled, world.Step(t, run, "next").Status)
				assert.Len(t, w.Mailer.Emails(), 1)
			})
		}
	})
	t.Run("while it fails", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Email("first")))
		w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
			_, err := w.Node(w.Opts).CancelRun(t.Context(), e.RunID)
			assert.NoError(t, err)
			return errors.New("busy")
		}
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		assert.Equal(t, automation.RunCancelled, w.Run().Status)
		assert.Len(t, world.Step(t, w.Run(), "first").Attempts, 1)
		w.Pass(time.Hour)
		assert.Empty(t, w.Mailer.Emails())
	})
	t.Run("just before it", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Pause("pause", "1 hour"), world.Email("first")))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		w.Clock.Add(time.Hour)
		w.Store.BeforeCommit = func([]automation.Transition) error {
			w.Store.BeforeCommit = nil
			_, err := w.CancelRun(t.Context(), w.Run().ID)
			assert.NoError(t, err)
			return nil
		}
		w.Drain()
		assert.Equal(t, automation.StepCancelled, world.Step(t, w.Run(), "first").Status)
		assert.Empty(t, w.Mailer.Emails())
	})
	t.Run("at any moment", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Pause("pause", "1 hour"), world.Email("first"), world.Email("second")))
		const contacts = 100
		for i := range contacts {
			_, err := w.Runner.Send(t.Context(), automation.Event{Name: "user.created", Email: fmt.Sprintf("c%d@example.com", i)})
			require.NoError(t, err)
		}
		w.Drain()
		runs := w.Runs()
		require.Len(t, runs, contacts)
		w.Clock.Add(time.Hour)
		other := w.Node(w.Opts)
		var all sync.WaitGroup
		all.Go(func() {
			for _, r := range runs {
				_, err := other.CancelRun(t.Context(), r.ID)
				assert.NoError(t, err)
			}
		})
		for _, node := range []*automation.Runner{w.Runner, other} {
			all.Go(func() {
				_, err := node.Drain(t.Context())
				assert.NoError(t, err)
			})
		}
		all.Wait()
		w.Drain()
		requireSentAsRecorded(w)
	})
}

// requireSentAsRecorded verifies that all runs have ended, and that an email was sent if
// and only if its step is completed.
func requireSentAsRecorded(w *world.World) {
	w.T.Helper()
	sent := map[string]int{}
	for _, e := range w.Mailer.Emails() {
		sent[e.RunID+"/"+e.StepKey]++
	}
	for _, r := range w.Runs() {
		require.NotEqual(w.T, automation.RunRunning, r.Status)
		for _, s := range r.Steps {
			if s.Type != automation.TypeSendEmail {
				continue
			}
			want := 0
			if s.Status == automation.StepCompleted {
				want = 1
			}
			require.Equal(w.T, want, sent[r.ID+"/"+s.Key], "step %s is %s", s.Key, s.Status)
		}
	}
}

func TestCancelRun_DuringAnEmailStopsTheContactChangeAfterIt(t *testing.T) {
	for name, step := range map[string]automation.Step{
		"update": world.SetFirstName("changed"),
		"delete": {Key: "delete", Config: automation.ContactDelete{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
			w.Create(world.Flow("welcome", "signup", world.Email("hello"), step))
			w.Mailer.Respond = func(context.Context, automation.Email) error {
				_, err := w.CancelRun(w.Ctx, w.Run().ID)
				return err
			}
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			c, err := w.GetContact(w.Ctx, automation.ContactRef{ID: "ada"})
			require.NoError(t, err)
			assert.Empty(t, c.FirstName)
			assert.Equal(t, automation.RunCancelled, w.Run().Status)
		})
	}
}

func TestCancel_OfAnOpenAttemptRecordsThatItMayHaveHappened(t *testing.T) {
	t.Parallel()
	g, err := automation.Compile(world.Flow("a", "signup", world.Email("hello")), automation.CompileOptions{})
	require.NoError(t, err)
	in := automation.Input{Kind: automation.InputStarted, Now: world.Start, Data: automation.Data{Contact: &automation.Contact{ID: "c"}}}
	s, _, err := g.Advance(automation.State{RunID: "r"}, in)
	require.NoError(t, err)
	require.True(t, s.AttemptOpen())
	s, _, err = g.Advance(s, automation.Input{Kind: automation.InputCancelled, Now: world.Start, Code: automation.CancelledByRequest})
	require.NoError(t, err)
	assert.NotEmpty(t, g.StepRuns(s)[1].Attempts)
}
