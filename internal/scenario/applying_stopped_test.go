package scenario_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// stops are the ways in which an operator stops an automation.
var stops = map[string]func(w *world.World) error{
	"StopAutomation": func(w *world.World) error {
		_, err := w.StopAutomation(w.Ctx, "welcome", automation.StopOptions{})
		return err
	},
	"UpdateAutomation": func(w *world.World) error {
		disabled := automation.StatusDisabled
		_, err := w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Status: &disabled})
		return err
	},
}

func TestApply_LeavesStoppedWhatAnOperatorStopped(t *testing.T) {
	t.Parallel()
	for label, stop := range stops {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			flow := world.Flow("welcome", "signup", world.Email("hello"))
			_, err := w.Apply(w.Ctx, flow)
			require.NoError(t, err)
			require.NoError(t, stop(w))

			_, err = w.Node(w.Opts).Apply(w.Ctx, flow) // a process that starts
			require.NoError(t, err)
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			assert.Empty(t, w.Runs(), "what an operator stopped starts nothing")
		})
	}
}

func TestApply_LeavesDeletedWhatAnOperatorDeleted(t *testing.T) {
	t.Parallel()
	for label, prune := range map[string]bool{"with runs": false, "after its runs were pruned": true} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			flow := world.Flow("welcome", "signup", world.Email("hello"))
			_, err := w.Apply(w.Ctx, flow)
			require.NoError(t, err)
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			require.NoError(t, w.DeleteAutomation(w.Ctx, "welcome"))
			if prune {
				w.Clock.Add(time.Hour)
				_, err = w.Prune(w.Ctx, time.Minute)
				require.NoError(t, err)
			}
			_, err = w.Node(w.Opts).Apply(w.Ctx, flow)
			require.NoError(t, err, "an application must start after an operator's delete")
			_, err = w.GetAutomation(w.Ctx, "welcome")
			assert.ErrorIs(t, err, automation.ErrNotFound)
		})
	}
}

func TestApply_WithoutStatusEnables(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("welcome", "signup", world.Email("hello"))
	flow.Status = ""
	_, err := w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Len(t, w.Runs(), 1)
}

func TestParse_WithoutStatusIsDisabled(t *testing.T) {
	t.Parallel()
	document := func(status string) []byte {
		return []byte(`{` + status + `"id": "welcome", "name": "Welcome", "connections": [],
			"steps": [{"key": "start", "type": "trigger", "config": {"event_name": "signup"}}]}`)
	}
	for label, status := range map[string]string{"absent": "", "null": `"status": null, `} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			a, err := automation.Parse(document(status), nil)
			require.NoError(t, err)
			assert.Equal(t, automation.StatusDisabled, a.Status)
			w := world.New(t, automation.Options{})
			applied, err := w.Apply(w.Ctx, a)
			require.NoError(t, err)
			assert.Equal(t, automation.StatusDisabled, applied.Automation.Status)
		})
	}
	_, err := automation.Parse(document(`"status": "", `), nil)
	assert.Equal(t, []string{"status"}, world.Paths(world.Problems(t, err)))
}

// stoppedByOperator returns a world in which an operator stopped the automation welcome.
func stoppedByOperator(t *testing.T) (*world.World, automation.Automation) {
	t.Helper()
	w := world.New(t, automation.Options{})
	flow := world.Flow("welcome", "signup", world.Email("hello"))
	_, err := w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	w.Clock.Add(time.Hour)
	_, err = w.StopAutomation(w.Ctx, "welcome", automation.StopOptions{})
	require.NoError(t, err)
	return w, flow
}

func TestApply_ReportsWhatItLeftStopped(t *testing.T) {
	t.Parallel()
	w, flow := stoppedByOperator(t)
	result, err := w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyLeftStopped, result.Outcome)
	assert.Equal(t, world.Start.Add(time.Hour), result.Automation.StoppedAt)
	assert.Equal(t, 2, result.Automation.Revision, "nothing was changed")

	flow.Steps[1] = world.Email("better")
	flow.Connections[0].To = "better"
	result, err = w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyLeftStopped, result.Outcome)
	assert.Equal(t, 2, result.Automation.Version, "the graph is that of the code once the stop is lifted")
	assert.Equal(t, world.Start.Add(time.Hour), result.Automation.StoppedAt)
	assert.Equal(t, `automation "welcome": left stopped at version 2: an operator stopped it at 2026-03-02T10:00:00Z; `+
		`enable it with UpdateAutomation, or apply it with Restart`, result.String())
}

func TestApply_AfterTheStopWasLifted(t *testing.T) {
	t.Parallel()
	for label, lift := range map[string]func(w *world.World, flow automation.Automation) error{
		"by an operator": func(w *world.World, _ automation.Automation) error {
			enabled := automation.StatusEnabled
			_, err := w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Status: &enabled})
			return err
		},
		"by Restart": func(w *world.World, flow automation.Automation) error {
			result, err := w.Apply(w.Ctx, flow, automation.Restart())
			assert.Equal(w.T, automation.ApplyChanged, result.Outcome)
			return err
		},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			w, flow := stoppedByOperator(t)
			require.NoError(t, lift(w, flow))
			result, err := w.Apply(w.Ctx, flow)
			require.NoError(t, err)
			assert.Equal(t, automation.ApplyUnchanged, result.Outcome)
			assert.Zero(t, result.Automation.StoppedAt)
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			assert.Len(t, w.Runs(), 1)
		})
	}
}

// What the code disabled, the code enables. A rename by an operator is no stop.
func TestApply_EnablesWhatTheCodeDisabled(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("welcome", "signup", world.Email("hello"))
	for _, status := range []automation.Status{automation.StatusEnabled, automation.StatusDisabled, automation.StatusEnabled} {
		flow.Status = status
		result, err := w.Apply(w.Ctx, flow)
		require.NoError(t, err)
		assert.Equal(t, status, result.Automation.Status)
		assert.Zero(t, result.Automation.StoppedAt)
		name := "Renamed"
		_, err = w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Name: &name})
		require.NoError(t, err)
	}
}

// An operator can stop what the code has disabled: it stays so when the code enables it.
func TestStopAutomation_StopsWhatTheCodeDisabled(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("welcome", "signup", world.Email("hello"))
	flow.Status = automation.StatusDisabled
	w.Create(flow)
	for range 2 {
		a, err := w.StopAutomation(w.Ctx, "welcome", automation.StopOptions{})
		require.NoError(t, err)
		assert.Equal(t, 2, a.Revision, "the second stop changes nothing")
	}
	result, err := w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyUnchanged, result.Outcome, "the code and the operator agree")
	flow.Status = automation.StatusEnabled
	result, err = w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyLeftStopped, result.Outcome)
}

// A process of an older version enables an automation and leaves the mark of the stop.
func TestApply_MarkOfAnEnabledAutomationIsNoStop(t *testing.T) {
	t.Parallel()
	w, flow := stoppedByOperator(t)
	rec, err := w.Store.FindAutomation(w.Ctx, "welcome")
	require.NoError(t, err)
	rec.Status, rec.Revision = automation.StatusEnabled, rec.Revision+1
	require.NoError(t, w.Store.UpdateAutomation(w.Ctx, rec))
	for _, status := range []automation.Status{automation.StatusEnabled, automation.StatusDisabled, automation.StatusEnabled} {
		flow.Status = status
		result, err := w.Apply(w.Ctx, flow)
		require.NoError(t, err)
		assert.Equal(t, status, result.Automation.Status)
		assert.Zero(t, result.Automation.StoppedAt)
	}
}

// A stop that comes while Apply enables the automation wins.
func TestApply_RacesAStop(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("welcome", "signup", world.Email("hello"))
	flow.Status = automation.StatusDisabled
	w.Create(flow)
	flow.Status = automation.StatusEnabled
	w.Store.OnFindAutomation = func(ctx context.Context, s automation.Store, id string) (automation.AutomationRecord, error) {
		w.Store.OnFindAutomation = nil
		rec, err := s.FindAutomation(ctx, id)
		_, stopErr := w.StopAutomation(ctx, id, automation.StopOptions{})
		assert.NoError(t, stopErr)
		return rec, err
	}
	result, err := w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyLeftStopped, result.Outcome)
}

// deleted returns a world in which an operator deleted the automation welcome, which has
// a run.
func deleted(t *testing.T) (*world.World, automation.Automation) {
	t.Helper()
	w := world.New(t, automation.Options{})
	flow := world.Flow("welcome", "signup", world.Email("hello"))
	w.Create(flow)
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	require.NoError(t, w.DeleteAutomation(w.Ctx, "welcome"))
	return w, flow
}

func TestApply_RestartCreatesWhatWasDeletedOnceItsRunsAreGone(t *testing.T) {
	t.Parallel()
	w, flow := deleted(t)
	result, err := w.Apply(w.Ctx, flow, automation.Restart())
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyLeftDeleted, result.Outcome, "its runs are kept")
	assert.Equal(t, `automation "welcome": left deleted: an operator deleted it; remove it from the code, or apply it with Restart once its runs are pruned`, result.String())

	w.Clock.Add(time.Hour)
	_, err = w.Prune(w.Ctx, time.Minute)
	require.NoError(t, err)
	result, err = w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyLeftDeleted, result.Outcome)
	result, err = w.Apply(w.Ctx, flow, automation.Restart())
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyCreated, result.Outcome)
	assert.Equal(t, 2, result.Automation.Version)
	result, err = w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyUnchanged, result.Outcome)
}

// A mistake in the code shows although an operator deleted the automation.
func TestApply_RefusesWhatIsInvalidAlsoAfterADelete(t *testing.T) {
	t.Parallel()
	w, flow := deleted(t)
	flow.Name = ""
	_, err := w.Apply(w.Ctx, flow)
	assert.Equal(t, []string{"name"}, world.Paths(world.Problems(t, err)))
}

// An automation that is deleted while Apply changes it stays deleted.
func TestApply_RacesADelete(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("welcome", "signup", world.Email("hello"))
	w.Create(flow)
	flow.Name = "Renamed"
	w.Store.OnFindAutomation = func(ctx context.Context, s automation.Store, id string) (automation.AutomationRecord, error) {
		w.Store.OnFindAutomation = nil
		rec, err := s.FindAutomation(ctx, id)
		assert.NoError(t, w.DeleteAutomation(ctx, id))
		return rec, err
	}
	result, err := w.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Equal(t, automation.ApplyLeftDeleted, result.Outcome)
}

func TestApply_LogsEachResult(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w, flow := stoppedByOperator(t)
	opts := w.Opts
	opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	node := w.Node(opts)
	_, err := node.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Contains(t, log.String(), `level=INFO msg="automation: applied" automation=welcome outcome="left stopped" version=1 status=disabled stopped_at=2026-03-02T10:00:00.000Z`)
	log.Reset()
	require.NoError(t, node.DeleteAutomation(w.Ctx, "welcome"))
	_, err = node.Apply(w.Ctx, flow)
	require.NoError(t, err)
	assert.Contains(t, log.String(), `level=INFO msg="automation: applied" automation=welcome outcome="left deleted"`)
}
