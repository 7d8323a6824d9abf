package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestWait_MeetsItsEventAtTheSameMoment(t *testing.T) {
	t.Parallel()
	flow := world.Flow("", "user.created", world.Wait("wait", "order.paid"), world.Email("thanks"))
	t.Run("wait, then event", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(flow)
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		w.Send(world.ForAda("order.paid", nil))
		other := w.Node(w.Opts)
		_, err := other.Drain(t.Context())
		require.NoError(t, err)
		assert.Len(t, w.Mailer.Emails(), 1)
		w.Drain()
		assert.Len(t, w.Mailer.Emails(), 1)
	})
	t.Run("event, then wait", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(flow)
		w.Send(world.ForAda("order.paid", nil))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		assert.Equal(t, "wait", w.Run().Step, "the event was accepted before the run began")
	})
	t.Run("event while the wait is being written", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		other := w.Node(w.Opts)
		w.Create(flow)
		w.Send(world.ForAda("user.created", nil))
		drainToContact(w)
		w.Store.BeforeCommit = func([]automation.Transition) error {
			w.Store.BeforeCommit = nil
			_, err := other.Send(t.Context(), automation.Event{Name: "order.paid", Email: "ada@example.com"})
			require.NoError(t, err)
			_, err = other.Drain(t.Context())
			require.NoError(t, err, "the contact is leased to the first node")
			return nil
		}
		w.Drain()
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
		assert.Len(t, w.Mailer.Emails(), 1)
	})
	t.Run("both at once", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(flow)
		const contacts = 200
		nodes := []*automation.Runner{w.Runner, w.Node(w.Opts), w.Node(w.Opts)}
		var all sync.WaitGroup
		for i, n := range nodes {
			all.Go(func() {
				for c := range contacts {
					address := fmt.Sprintf("c%d@example.com", c)
					if i == 0 {
						_, err := n.Send(t.Context(), automation.Event{Name: "user.created", Email: address}, automation.Event{Name: "order.paid", Email: address})
						assert.NoError(t, err)
					}
					_, err := n.Drain(t.Context())
					assert.NoError(t, err)
				}
			})
		}
		all.Wait()
		w.Drain()
		assert.Len(t, w.Mailer.Emails(), contacts, "exactly one wake-up each")
	})
}

// drainToContact claims and commits once. This creates the contact of a new email, so
// that the next claim is on the contact.
func drainToContact(w *world.World) {
	w.T.Helper()
	stop := errors.New("stop")
	w.Store.AfterCommit = func(ts []automation.Transition) error {
		w.Store.AfterCommit = nil
		return stop
	}
	_, err := w.Runner.Drain(w.T.Context())
	require.ErrorIs(w.T, err, stop)
	w.Clock.Add(2 * time.Second) // the abandoned lease expires
}

func TestWait_IsNotSatisfiedByTheTriggerOfItsOwnRun(t *testing.T) {
	t.Parallel()
	for name, lookback := range map[string]bool{"plain": false, "with lookback": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "user.created", automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "user.created", Lookback: lookback}}))
			first := w.Send(world.ForAda("user.created", nil))[0]
			w.Drain()
			require.Equal(t, automation.RunRunning, w.Run().Status)

			// The next event resumes the first run and starts a second.
			w.Clock.Add(time.Second)
			second := w.Send(world.ForAda("user.created", nil))[0]
			w.Drain()
			runs := w.Runs()
			require.Len(t, runs, 2)
			assert.Equal(t, automation.RunRunning, runs[0].Status)
			assert.Equal(t, second.ID, runs[0].EventID)
			assert.Equal(t, automation.RunCompleted, runs[1].Status)
			assert.Equal(t, first.ID, runs[1].EventID)
		})
	}
}

func TestWait_EndsAtItsTimeout(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.WaitUpTo("wait", "active", "1 hour"), world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Pass(time.Hour - time.Microsecond)
	assert.Empty(t, w.Sent())
	w.Pass(time.Microsecond)
	assert.Equal(t, []string{"hello"}, w.Sent())
}

func TestWait_TimelyEventBeyondOneClaimWins(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	a := world.Flow("welcome", "signup", automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "active", Timeout: automation.MustParseDuration("1 hour")}})
	a.Steps = append(a.Steps, world.Email("received"), world.Email("late"))
	a.Connections = append(a.Connections,
		automation.Connection{From: "wait", To: "received", Type: automation.ConnectionEventReceived},
		automation.Connection{From: "wait", To: "late", Type: automation.ConnectionTimeout})
	w.Create(a)
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Clock.Add(time.Minute)
	for range 300 {
		w.Send(automation.Event{Name: "noise", ContactID: "ada"})
	}
	w.Send(automation.Event{Name: "active", ContactID: "ada"})
	w.Pass(2 * time.Hour)
	assert.Equal(t, []string{"received"}, w.Sent())
}

// A process may stand still between a claim and the work on it. A wait that became due in
// that time may have an event that came in that time too, so the next claim decides.
func TestWait_TimeoutThatCameSinceTheClaimIsLeftToTheNextClaim(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(automation.Automation{
		Name: "Review", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "signup"}},
			{Key: "review", Config: automation.WaitForEvent{
				EventName: "review", Timeout: automation.DurationOf(time.Minute), FilterRule: automation.Field("event.score").Gte(5),
			}},
		},
		Connections: []automation.Connection{{From: "start", To: "review"}},
	})
	ada := w.AddContact(automation.Contact{Email: "ada@example.com"})
	w.Send(automation.Event{Name: "signup", ContactID: ada.ID})
	w.Drain()
	review := func(score string) {
		w.Send(automation.Event{Name: "review", ContactID: ada.ID, Payload: []byte(`{"score":` + score + `}`)})
	}
	w.Clock.Add(50 * time.Second)
	review("1")
	store := &world.Store{Store: w.Memory}
	store.AfterClaim = func([]automation.Work) {
		store.AfterClaim = nil
		w.Clock.Add(5 * time.Second)
		review("9")
		w.Clock.Add(30 * time.Second)
	}
	other, err := automation.New(store, w.Mailer, automation.Options{Clock: w.Clock})
	require.NoError(t, err)
	_, err = other.Drain(w.Ctx)
	require.NoError(t, err)
	run, err := w.GetRun(w.Ctx, w.Runs()[0].ID)
	require.NoError(t, err)
	assert.Equal(t, automation.ConnectionEventReceived, run.Steps[1].Branch)
}

func TestLookback_CountsFromTheEventThatStartedTheRun(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	w.Create(world.Flow("welcome", "signup", world.LookBack("wait", "active", "30 days"), world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Clock.Add(time.Millisecond)
	w.Send(automation.Event{Name: "active", ContactID: "ada"})
	w.Clock.Add(time.Millisecond)
	w.Drain()
	assert.Equal(t, []string{"hello"}, w.Sent())
}

// A sent email is recorded even if the wait after it cannot look back. The wait looks
// back when the store works again.
func TestLookback_IsMadeLaterIfTheStoreFails(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		var well atomic.Bool
		w.Store.BeforeListContactEvents = func(context.Context) error {
			if !well.Load() {
				return errors.New("no answer")
			}
			return nil
		}
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello"), automation.Step{
			Key: "done", Config: automation.WaitForEvent{EventName: "setup.done", Lookback: true},
		}, world.Email("tips")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"), automation.Event{Name: "setup.done", Email: "ada@example.com"})
		synctest.Wait()
		g.Open()
		world.Advance(10 * time.Second)
		run := w.Run()
		assert.Equal(t, automation.StepCompleted, world.Step(t, run, "hello").Status)
		assert.EqualValues(t, 1, g.Attempts.Load(), "the email is not sent again")
		well.Store(true)
		world.Advance(10 * time.Second)
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
	})
}

func TestLookback_ThatFailsLosesNoOutcome(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Delivery: automation.AtMostOnce})
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.LookBack("wait", "active", "30 days")))
	store := &world.Store{Store: w.Memory}
	fails := 1
	store.BeforeListContactEvents = func(context.Context) error {
		if fails--; fails == 0 {
			return world.ErrOutage
		}
		return nil
	}
	node := w.On(store, w.Opts)
	w.Send(world.Signup("ada@example.com"))
	_, _ = node.Drain(w.Ctx)
	w.Clock.Add(2 * time.Second)
	_, err := node.Drain(w.Ctx)
	require.NoError(t, err)
	require.Len(t, w.Sent(), 1)
	assert.Equal(t, automation.RunRunning, w.Run().Status, fmt.Sprint(w.Run().Error))
}

func TestWait_ReceivesAnEventAlthoughTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "user.created", world.Wait("wait", "order.paid"), world.Email("thanks")))
	w.Send(world.ForAda("user.created", nil))
	w.Drain()
	w.Clock.Set(w.Clock.Now().Add(-time.Second))
	w.Send(world.ForAda("order.paid", nil))
	w.Drain()
	assert.Equal(t, []string{"thanks"}, w.Sent(), "the event came after the wait began, whatever the clock shows")
}

// The clocks of two nodes differ by a second. The node with the slower clock accepts the
// event, a moment after the other node has begun the wait.
func TestWait_ReceivesAnEventFromANodeWithASlowerClock(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]automation.Step{
		"a wait": world.Wait("paid", "order.paid"), "a wait with lookback": world.LookBack("paid", "order.paid", "30 days"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			slow := world.NewPacedClock()
			slow.Set(world.Start.Add(-time.Second))
			behind := w.Node(automation.Options{Clock: slow})
			w.Create(world.Flow("welcome", "signup", wait))
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			_, err := behind.Send(t.Context(), world.ForAda("order.paid", nil))
			require.NoError(t, err)
			w.Drain()
			assert.Equal(t, automation.RunCompleted, w.Run().Status)
		})
	}
}

// The slower clock does not make an event of the same claim come after the wait.
func TestWait_DoesNotReceiveAnEventThatWasReadBeforeIt(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Wait("first", "order.paid"), world.Wait("second", "order.paid")))
	w.Send(world.Signup("ada@example.com"))
	w.Send(world.ForAda("order.paid", nil))
	w.Pass(time.Second)
	assert.Equal(t, "first", w.Run().Step, "both events were read at once, before the run began to wait")
}
