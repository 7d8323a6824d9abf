package scenario_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestOutage_OfTheStoreLosesNothing(t *testing.T) {
	t.Parallel()
	t.Run("Send and Drain return the error, and nothing is lost", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Email("welcome"), world.Pause("pause", "10 seconds"), world.Email("later")))
		w.Send(world.ForAda("user.created", nil))
		w.Store.Down.Store(true)
		_, err := w.Runner.Send(t.Context(), automation.Event{Name: "user.created", Email: "ada@example.com"})
		require.ErrorIs(t, err, world.ErrOutage)
		for range 6 {
			_, err := w.Runner.Drain(t.Context())
			require.ErrorIs(t, err, world.ErrOutage)
			w.Clock.Add(10 * time.Second)
		}
		w.Store.Down.Store(false)
		w.Drain()
		w.Pass(10 * time.Second)
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
		assert.Len(t, w.Mailer.Emails(), 2)
	})
	t.Run("in the middle of Drain", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Email("welcome"), world.Email("more")))
		w.Mailer.Respond = func(context.Context, automation.Email) error {
			w.Mailer.Respond = nil
			w.Store.Down.Store(true)
			return nil
		}
		w.Send(world.ForAda("user.created", nil))
		_, err := w.Runner.Drain(t.Context())
		require.ErrorIs(t, err, world.ErrOutage)
		w.Clock.Add(time.Minute)
		w.Store.Down.Store(false)
		w.Drain()
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
		assert.Len(t, w.Mailer.Emails(), 2)
	})
	t.Run("Run backs off and recovers", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Email("welcome"), world.Pause("pause", "10 seconds"), world.Email("later")))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Runner.Run(ctx) }()
		var sent atomic.Int32
		w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
			if sent.Add(1) == 1 {
				w.Store.Down.Store(true) // while an email is in flight
			}
			return nil
		}
		w.Send(world.ForAda("user.created", nil))
		w.Clock.Pace(w.Store.Down.Load)
		back := w.Clock.Now().Add(time.Minute)
		calls := w.Store.Calls("AppendEvents", "NextDue", "Claim", "Commit")
		_, err := w.Runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
		require.ErrorIs(t, err, world.ErrOutage)
		w.Clock.Pace(func() bool { return !w.Clock.Now().Before(back) })
		calls = w.Store.Calls("AppendEvents", "NextDue", "Claim", "Commit") - calls
		assert.Less(t, calls, 200, "it does not storm a store that is down")

		w.Store.Down.Store(false)
		w.Send(world.ForAda("user.created", nil))
		w.Clock.Pace(func() bool { return len(w.Mailer.Emails()) == 4 })
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		for _, r := range w.Runs() {
			assert.Equal(t, automation.RunCompleted, r.Status)
		}
	})
}

func TestOutage_DrainReturnsTheStoresError(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Email("tips")))
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		w.Store.WorkDown.Store(true)
		return nil
	}
	w.Send(automation.Event{Name: "signup", ContactID: "ada"})
	n, err := w.Runner.Drain(w.Ctx)
	require.ErrorIs(t, err, world.ErrOutage)
	assert.Equal(t, 2, n)
	assert.Equal(t, "hello", w.Run().Step, "what was committed before stays")

	w.Store.WorkDown.Store(false)
	w.Mailer.Respond = nil
	w.Pass(time.Minute)
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.Equal(t, []string{"hello", "tips"}, w.Sent(), "the key of the first is honoured")
}

func TestOutage_ErrorOfOneTransitionLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Delivery: automation.AtMostOnce})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.AddContacts(3)
	failed := false
	store := &world.Store{Store: w.Memory}
	store.OnCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
		if failed || len(ts) < 3 {
			return next.Commit(ctx, ts)
		}
		failed = true
		rest, err := next.Commit(ctx, ts[1:])
		return append([]automation.CommitResult{{Err: world.ErrOutage}}, rest...), err
	}
	node := w.On(store, w.Opts)
	w.Send(world.Signups(3)...)
	_, err := node.Drain(w.Ctx)
	require.ErrorIs(t, err, world.ErrOutage)
	assert.Len(t, w.Mailer.Emails(), 2, "the two whose transitions were written go on")
	w.Clock.Add(2 * time.Second)
	_, err = node.Drain(w.Ctx)
	require.NoError(t, err)
	for _, run := range w.Runs() {
		assert.Equal(t, automation.RunCompleted, run.Status, fmt.Sprint(run.Error))
	}
}

func TestOutage_RunBacksOffWhileTheStoreFails(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		w.Store.WorkDown.Store(true)
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		world.Advance(time.Minute)
		assert.Less(t, w.Store.Calls("Claim"), 40)
		assert.Empty(t, w.Sent())
		w.Store.WorkDown.Store(false)
		world.Advance(6 * time.Second)
		assert.Equal(t, []string{"hello"}, w.Sent())
	})
}

// A Runner cannot get the outcome of an effect a second time.
func TestOutage_RunKeepsOutcomesWhileTheStoreFails(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Delivery: automation.AtMostOnce})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		w.Store.WorkDown.Store(true)
		g.Open()
		world.Advance(20 * time.Second)
		require.Equal(t, automation.RunRunning, w.Run().Status)
		w.Store.WorkDown.Store(false)
		world.Advance(6 * time.Second)
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
		assert.Len(t, w.Mailer.Emails(), 1)
	})
}

func TestOutage_OutcomeSurvivesAnErrorOfItsTransition(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Delivery: automation.AtMostOnce})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
		store := &world.Store{Store: w.Memory}
		n := 0
		store.OnCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
			if n++; n == 2 { // for example, a serialization failure
				return []automation.CommitResult{{Err: world.ErrOutage}}, nil
			}
			return next.Commit(ctx, ts)
		}
		w.Serve(w.On(store, w.Opts))
		w.Send(world.Signup("ada@example.com"))
		world.Advance(time.Minute)
		assert.Len(t, w.Sent(), 1)
		assert.Equal(t, automation.RunCompleted, w.Run().Status, fmt.Sprint(w.Run().Error))
	})
}

func TestOutage_CallsOfPlanningAreBounded(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.LookBack("wait", "active", "30 days")))
	store := &world.Store{Store: w.Memory}
	bounded := map[string]bool{}
	note := func(name string) func(context.Context) error {
		return func(ctx context.Context) error { _, bounded[name] = ctx.Deadline(); return nil }
	}
	store.BeforeFindAutomationVersion, store.BeforeFindContact, store.BeforeListContactEvents = note("FindAutomationVersion"), note("FindContact"), note("ListContactEvents")
	node := w.On(store, w.Opts)
	w.Send(world.Signup("ada@example.com"))
	_, err := node.Drain(w.Ctx)
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"FindAutomationVersion": true, "FindContact": true, "ListContactEvents": true}, bounded)
}
