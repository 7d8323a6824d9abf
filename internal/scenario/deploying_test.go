package scenario_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// pager is a step type that only newer nodes have.
type pager struct {
	Team string `json:"team"`
}

func (pager) StepType() automation.StepType { return "acme.pager" }

// deploy is a World whose Runner lacks the step type pager, with a newer node that has
// it.
type deploy struct {
	*world.World
	newer *automation.Runner
	paged int // executions of the step
}

func newDeploy(t *testing.T) *deploy {
	t.Helper()
	d := &deploy{World: world.New(t, automation.Options{})}
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, pager) (automation.Result, error) {
		d.paged++
		return automation.Result{}, nil
	}, automation.StepOptions{})
	opts := d.Opts
	opts.Registry = reg
	d.newer = d.Node(opts)
	return d
}

func (d *deploy) drainNewer() {
	d.T.Helper()
	_, err := d.newer.Drain(d.T.Context())
	require.NoError(d.T, err)
}

func TestDeploy_OlderAndNewerNodesShareAStore(t *testing.T) {
	t.Parallel()
	page := automation.Step{Key: "page", Config: pager{Team: "ops"}}

	t.Run("an older node starts a run that it cannot read", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		_, err := w.newer.CreateAutomation(t.Context(), world.Flow("", "user.created", page, world.Email("after")))
		require.NoError(t, err)
		w.Create(world.Flow("", "user.created", world.Email("welcome")))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		require.Len(t, w.Mailer.Emails(), 1, "what the older node can read goes on")
		runs := w.Runs()
		require.Len(t, runs, 2, "the event has started both")
		require.Equal(t, automation.RunRunning, runs[1].Status)
		for range 30 {
			w.Pass(10 * time.Minute)
		}
		require.Equal(t, automation.RunRunning, w.Runs()[1].Status, "it is left to a newer node, for ever")
		w.Clock.Add(10 * time.Minute)
		w.drainNewer()
		run, err := w.newer.GetRun(t.Context(), runs[1].ID)
		require.NoError(t, err)
		assert.Equal(t, automation.RunCompleted, run.Status)
		assert.Nil(t, run.Error)
		assert.Equal(t, 1, w.paged)
		assert.Len(t, w.Mailer.Emails(), 2)
	})
	t.Run("an older node comes across runs in progress", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		_, err := w.newer.CreateAutomation(t.Context(), world.Flow("", "user.created", world.Wait("wait", "order.paid"), page, world.Pause("pause", "1 hour")))
		require.NoError(t, err)
		w.Send(world.ForAda("user.created", nil))
		w.drainNewer()
		id := w.Run().ID
		w.Clock.Add(time.Minute)
		w.Send(world.ForAda("order.paid", nil))
		w.Drain() // the older node handles the event
		require.Zero(t, w.paged)
		w.Clock.Add(10 * time.Minute)
		w.drainNewer()
		require.Equal(t, 1, w.paged, "the event is not missed")
		w.Pass(2 * time.Hour)
		require.Equal(t, automation.RunRunning, w.Stored(id).Status)
		w.Clock.Add(10 * time.Minute)
		w.drainNewer()
		assert.Equal(t, automation.RunCompleted, w.Stored(id).Status)
		assert.Equal(t, 1, w.paged)
	})
	t.Run("a timeout that an older node comes across is not lost", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		timed := automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "order.paid", Timeout: automation.MustParseDuration("1 hour")}}
		_, err := w.newer.CreateAutomation(t.Context(), world.Flow("", "user.created", timed, page))
		require.NoError(t, err)
		w.Send(world.ForAda("user.created", nil))
		w.drainNewer()
		w.Pass(time.Hour) // the older node claims it when it is due
		w.Clock.Add(time.Minute)
		w.Send(world.ForAda("order.paid", nil)) // too late
		w.Clock.Add(10 * time.Minute)
		w.drainNewer()
		run, err := w.newer.GetRun(t.Context(), w.Run().ID)
		require.NoError(t, err)
		assert.Equal(t, automation.RunCompleted, run.Status)
		assert.Contains(t, string(world.Step(t, run, "wait").Output), "timed_out_at")
		assert.Equal(t, 1, w.paged)
	})
	t.Run("cancelling and retrying by way of an older node", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		_, err := w.newer.CreateAutomation(t.Context(), world.Flow("", "user.created", world.Email("first"), page))
		require.NoError(t, err)
		w.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(errors.New("no")) }
		w.Send(world.ForAda("user.created", nil))
		w.drainNewer()
		id := w.Run().ID
		require.Equal(t, automation.RunFailed, w.Stored(id).Status)
		w.Mailer.Respond = nil
		_, err = w.RetryRun(t.Context(), id)
		require.NoError(t, err)
		w.Drain() // the older node comes first
		w.Pass(time.Minute)
		require.Zero(t, w.paged)
		w.Clock.Add(10 * time.Minute)
		w.drainNewer()
		assert.Equal(t, automation.RunCompleted, w.Stored(id).Status, "the request is kept for a node that can read the run")
		assert.Equal(t, 1, w.paged)
	})
	t.Run("a run of an unknown type can be cancelled", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		_, err := w.newer.CreateAutomation(t.Context(), world.Flow("", "user.created", world.Pause("pause", "1 hour"), page))
		require.NoError(t, err)
		w.Send(world.ForAda("user.created", nil))
		w.drainNewer()
		_, err = w.CancelRun(t.Context(), w.Run().ID)
		require.NoError(t, err)
		w.Pass(time.Minute)
		assert.Equal(t, automation.RunCancelled, w.Run().Status)
	})
	t.Run("an automation of an unknown type is read and refused, not lost", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		a, err := w.newer.CreateAutomation(t.Context(), world.Flow("", "user.created", page))
		require.NoError(t, err)
		seen, err := w.GetAutomation(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, automation.RawConfig{Type: "acme.pager", Config: json.RawMessage(`{"team":"ops"}`)}, seen.Steps[1].Config)
		_, err = w.CreateAutomation(t.Context(), seen)
		require.ErrorIs(t, err, automation.ErrInvalid)
	})
}

// A process without a step type can still manage the automation.
func TestDeploy_CustomStepSurvivesANodeWithoutItsType(t *testing.T) {
	t.Parallel()
	w, h := setupHooks(t, automation.StepOptions{})
	step := automation.Step{Key: "hook", Config: webhook{URL: "https://example.com/?a=1&b=<2>", Body: map[string]automation.Value{
		"n": automation.ValueOf(json.Number("12345678901234567890")),
	}}}
	w.Create(world.Flow("flow", "signup", world.Pause("rest", "1 day"), step))
	plain := w.Opts
	plain.Registry = nil
	stranger := w.Node(plain)

	a, err := stranger.GetAutomation(w.Ctx, "flow")
	require.NoError(t, err)
	raw, ok := a.Steps[2].Config.(automation.RawConfig)
	require.True(t, ok, "%T", a.Steps[2].Config)
	assert.Equal(t, automation.StepType("acme.webhook"), raw.Type)

	name, disabled, enabled := "Renamed", automation.StatusDisabled, automation.StatusEnabled
	_, err = stranger.UpdateAutomation(w.Ctx, "flow", automation.AutomationUpdate{Name: &name, Status: &disabled})
	require.NoError(t, err)
	a, err = stranger.UpdateAutomation(w.Ctx, "flow", automation.AutomationUpdate{Status: &enabled})
	require.NoError(t, err)
	assert.Equal(t, 1, a.Version)
	a.Name = "Applied"
	_, err = stranger.Apply(w.Ctx, a)
	require.NoError(t, err)
	_, err = stranger.StopAutomation(w.Ctx, "flow", automation.StopOptions{})
	require.NoError(t, err)
	_, err = w.UpdateAutomation(w.Ctx, "flow", automation.AutomationUpdate{Status: &enabled})
	require.NoError(t, err)

	a, err = w.GetAutomation(w.Ctx, "flow")
	require.NoError(t, err)
	assert.Equal(t, step, a.Steps[2])
	assert.Equal(t, "Applied", a.Name)
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Pass(24 * time.Hour)
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.Len(t, h.calls, 1)
}
