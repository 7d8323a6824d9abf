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

// history returns a World with runs of custom steps in every status, and a Runner on the
// same store without a Registry.
func history(t *testing.T) (w *world.World, reader *automation.Runner) {
	t.Helper()
	w, h := setupHooks(t, automation.StepOptions{Branches: []automation.ConnectionType{"vip"}})
	h.do = func(_ context.Context, call automation.Call, _ webhook) (automation.Result, error) {
		switch call.Contact.Email {
		case "0@example.com":
			return automation.Result{Branch: "vip", Output: map[string]any{"score": 7}}, nil
		case "1@example.com":
			return automation.Result{}, automation.Permanent(world.ErrOutage)
		case "2@example.com":
			return automation.Result{}, world.ErrOutage // is tried again later
		}
		return automation.Result{}, nil
	}
	flow := world.Flow("flow", "signup",
		automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("contact.email").Contains("@")}},
		world.Pause("rest", "1 hour"), hook, world.WaitUpTo("wait", "active", "1 day"), world.Email("hello"))
	flow.Steps = append(flow.Steps, world.Email("vip"))
	flow.Connections = append(flow.Connections, automation.Connection{From: "hook", To: "vip", Type: "vip"})
	w.Create(flow)
	w.Send(world.Signups(6)...)
	w.Drain()
	canceled := w.Contact("3@example.com")
	for _, run := range w.Runs() {
		if run.ContactID == canceled.ID {
			_, err := w.CancelRun(w.Ctx, run.ID)
			require.NoError(t, err)
		}
	}
	w.Pass(time.Hour)
	w.Send(automation.Event{Name: "active", Email: "4@example.com"})
	w.Drain()

	plain := w.Opts
	plain.Registry = nil
	return w, w.Node(plain)
}

func TestRead_RunsOfUnknownStepTypesAreShownWhole(t *testing.T) {
	t.Parallel()
	w, reader := history(t)
	statuses := map[automation.RunStatus]int{}
	for _, run := range w.Runs() {
		statuses[run.Status]++
		got, err := reader.GetRun(w.Ctx, run.ID)
		require.NoError(t, err)
		require.Len(t, run.Steps, 7)
		assert.Equal(t, run, got)
	}
	assert.Equal(t, map[automation.RunStatus]int{
		automation.RunCompleted: 2, automation.RunFailed: 1, automation.RunCancelled: 1, automation.RunRunning: 2,
	}, statuses)

	want, err := w.ListRuns(w.Ctx, automation.RunQuery{})
	require.NoError(t, err)
	got, err := reader.ListRuns(w.Ctx, automation.RunQuery{})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	counts, err := w.CountRuns(w.Ctx, "flow")
	require.NoError(t, err)
	read, err := reader.CountRuns(w.Ctx, "flow")
	require.NoError(t, err)
	assert.Equal(t, counts, read)
}

func TestRead_ChangesNothing(t *testing.T) {
	t.Parallel()
	w, reader := history(t)
	before := w.Runs()
	commits := w.Store.Calls("Claim", "Commit")
	for _, run := range before {
		_, err := reader.GetRun(w.Ctx, run.ID)
		require.NoError(t, err)
	}
	_, err := reader.GetAutomation(w.Ctx, "flow")
	require.NoError(t, err)
	assert.Equal(t, commits, w.Store.Calls("Claim", "Commit"))
	assert.Equal(t, before, w.Runs())
	w.Pass(24 * time.Hour)
	assert.Len(t, w.Sent(), 3, "the runs go on in the process that knows the type")
}

func TestRead_RunThatWasSetAsideHasItsStepsAndTheReason(t *testing.T) {
	t.Parallel()
	w, older := history(t)
	_, err := older.Drain(w.Ctx)
	require.NoError(t, err)
	w.Clock.Add(time.Minute)
	_, err = older.Drain(w.Ctx)
	require.NoError(t, err)
	aside := w.RunOf(w.Contact("2@example.com").ID)
	require.Positive(t, w.Stored(aside.ID).DecodeFailures)
	run, err := older.GetRun(w.Ctx, aside.ID)
	require.NoError(t, err)
	require.NotNil(t, run.Error)
	assert.Contains(t, run.Error.Message, "acme.webhook")
	assert.Equal(t, automation.StepRunning, world.Step(t, run, "hook").Status)
	assert.Len(t, world.Step(t, run, "hook").Attempts, 1)
}

func TestRead_RunThatNoProcessCouldStartHasPendingSteps(t *testing.T) {
	t.Parallel()
	d := newDeploy(t)
	_, err := d.newer.CreateAutomation(d.Ctx, world.Flow("pages", "signup", automation.Step{Key: "page", Config: pager{Team: "ops"}}))
	require.NoError(t, err)
	d.Send(world.Signup("ada@example.com"))
	d.Drain()
	run := d.Run()
	assert.Equal(t, automation.RunRunning, run.Status)
	require.Len(t, run.Steps, 2)
	assert.Equal(t, automation.StepPending, run.Steps[1].Status)
	assert.Equal(t, automation.StepType("acme.pager"), run.Steps[1].Type)
	assert.Contains(t, run.Error.Message, `"acme.pager" is not registered`)
}
