package scenario_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestDecode_RunThatCannotBeDecodedIsSetAside(t *testing.T) {
	t.Parallel()
	newer := func(b []byte) []byte { b[0] = 200; return b }
	damaged := func(b []byte) []byte { return b[:len(b)/2] }
	for name, tc := range map[string]struct {
		spoil func([]byte) []byte
		fails bool
	}{
		"damaged":                {damaged, true},
		"written by a newer one": {newer, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "user.created", world.Pause("pause", "1 hour"), world.Email("later")))
			for range 3 {
				w.Send(world.ForAda("user.created", nil))
			}
			w.Drain()
			bad := w.Runs()[1].ID
			good := w.Stored(bad).State
			w.Rewrite(bad, tc.spoil)
			kept := w.Stored(bad).State

			w.Pass(time.Hour)
			assert.Len(t, w.Mailer.Emails(), 2, "all others go on")
			run, err := w.GetRun(t.Context(), bad)
			require.NoError(t, err)
			assert.Equal(t, automation.RunRunning, run.Status)
			assert.Equal(t, automation.FailedDamaged, run.Error.Code)
			assert.Empty(t, run.Steps)
			assert.Equal(t, w.Clock.Now().Add(time.Second), run.DueAt, "it is tried again after a back-off")

			for range 20 {
				w.Pass(5 * time.Minute)
			}
			rec := w.Stored(bad)
			assert.Equal(t, kept, rec.State, "what is stored stays untouched")
			if tc.fails {
				assert.Equal(t, automation.RunFailed, rec.Status)
				assert.NotZero(t, rec.CompletedAt)
			} else {
				assert.Equal(t, automation.RunRunning, rec.Status, "it is left to a node that can read it")
			}

			w.Rewrite(bad, func([]byte) []byte { return good })
			if tc.fails {
				_, err := w.RetryRun(t.Context(), bad)
				require.NoError(t, err)
			}
			w.Pass(5 * time.Minute)
			run, err = w.GetRun(t.Context(), bad)
			require.NoError(t, err)
			assert.Equal(t, automation.RunCompleted, run.Status, "once it can be read it goes on")
			assert.Nil(t, run.Error)
			assert.Len(t, w.Mailer.Emails(), 3)
		})
	}
	t.Run("it can be cancelled", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Pause("pause", "1 hour")))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		id := w.Run().ID
		w.Rewrite(id, damaged)
		_, err := w.CancelRun(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, automation.RunCancelled, w.Stored(id).Status)
	})
	t.Run("its contact can be deleted", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Pause("pause", "1 hour")))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		id := w.Run().ID
		w.Rewrite(id, newer)
		w.Pass(time.Hour)
		require.NoError(t, w.DeleteContact(t.Context(), w.Contact("ada@example.com").ID))
		w.Drain()
		assert.Equal(t, automation.RunCancelled, w.Stored(id).Status)
	})
	t.Run("an event that came meanwhile is not missed", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Wait("wait", "order.paid"), world.Email("thanks")))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		id := w.Run().ID
		good := w.Stored(id).State
		w.Rewrite(id, newer)
		w.Clock.Add(time.Minute)
		w.Send(world.ForAda("order.paid", nil))
		w.Drain()
		require.Empty(t, w.Mailer.Emails())
		w.Rewrite(id, func([]byte) []byte { return good })
		w.Pass(time.Minute)
		assert.Len(t, w.Mailer.Emails(), 1)
	})
}

func TestDecode_EventsDoNotCountAsFailures(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	w.Create(world.Flow("welcome", "signup", world.WaitUpTo("wait", "active", "30 days"), world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	store := &world.Store{Store: w.Memory}
	bad := true
	store.BeforeFindAutomationVersion = func(context.Context) error {
		if bad {
			return automation.ErrNotFound // as for a damaged definition
		}
		return nil
	}
	node := w.On(store, w.Opts)
	w.Clock.Add(time.Second)
	for range 15 {
		w.Send(automation.Event{Name: "active", ContactID: "ada"})
		_, err := node.Drain(w.Ctx)
		require.NoError(t, err)
	}
	assert.Equal(t, automation.RunRunning, w.Run().Status, "a moment has passed, not ten back-offs")
	bad = false
	w.Clock.Add(time.Hour)
	_, err := node.Drain(w.Ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"hello"}, w.Sent())
}

// acmeStep is a custom step.
type acmeStep struct{}

func (acmeStep) StepType() automation.StepType { return "acme.step" }

func TestDecode_RunOfADeletedContactDoesNotSpin(t *testing.T) {
	t.Parallel()
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, acmeStep) (automation.Result, error) {
		return automation.Result{}, nil
	}, automation.StepOptions{})
	w := world.New(t, automation.Options{Registry: reg})
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	w.Create(world.Flow("welcome", "signup", automation.Step{Key: "acme", Config: acmeStep{}}))
	store := &world.Store{Store: w.Memory}
	commits := 0
	ctx, cancel := context.WithCancel(w.Ctx)
	defer cancel()
	store.OnCommit = func(c context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
		if commits++; commits == 1 {
			require.NoError(t, w.DeleteContact(w.Ctx, "ada")) // between claim and commit
		}
		if commits > 1000 {
			cancel()
		}
		return next.Commit(c, ts)
	}
	old := w.Opts
	old.Registry = nil // a process without the step type
	node := w.On(store, old)
	w.Send(world.Signup("ada@example.com"))
	_, err := node.Drain(ctx)
	assert.NoError(t, err)
	assert.Less(t, commits, 10)
	assert.Equal(t, automation.RunCancelled, w.Run().Status)
}

func TestDecode_RetryOfADamagedWaitPerformsOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	w.Create(world.Flow("welcome", "signup", world.WaitUpTo("wait", "active", "30 days"), world.Email("hello"), world.Email("again")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	store := &world.Store{Store: w.Memory}
	bad := true
	store.BeforeFindAutomationVersion = func(context.Context) error {
		if bad {
			return automation.ErrNotFound // as for a damaged definition
		}
		return nil
	}
	node := w.On(store, w.Opts)
	w.Clock.Add(time.Second)
	w.Send(automation.Event{Name: "active", ContactID: "ada"})
	for range 20 {
		_, err := node.Drain(w.Ctx)
		require.NoError(t, err)
		w.Clock.Add(10 * time.Minute)
	}
	require.Equal(t, automation.RunFailed, w.Run().Status)
	bad = false
	calls := map[string]int{}
	unwritten := 0
	w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		calls[e.TemplateID]++
		if w.Run().Step != e.TemplateID {
			unwritten++
		}
		return nil
	}
	_, err := w.Memory.RecordRunRequest(w.Ctx, w.Run().ID, automation.RequestRetry, w.Clock.Now())
	require.NoError(t, err)
	_, err = node.Drain(w.Ctx)
	require.NoError(t, err)
	t.Logf("%+v", w.Run())
	assert.Equal(t, map[string]int{"hello": 1, "again": 1}, calls)
	assert.Zero(t, unwritten, "an effect was performed before its state was written")
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
}
