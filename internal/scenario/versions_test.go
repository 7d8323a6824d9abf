package scenario_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestVersions_AutomationChangesUnderItsRuns(t *testing.T) {
	t.Parallel()
	t.Run("updated", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := runAtEveryStep(w)
		next := world.Flow("", "user.created", world.Email("other"))
		name := "Renamed"
		b, err := w.UpdateAutomation(t.Context(), a.ID, automation.AutomationUpdate{Name: &name, Steps: next.Steps, Connections: next.Connections})
		require.NoError(t, err)
		require.Equal(t, 2, b.Version)
		finish(w)
		requireAll(w, automation.RunCompleted)
		for _, r := range w.Runs() {
			assert.Equal(t, 1, r.Version)
			assert.Equal(t, automation.StepCompleted, world.Step(t, r, "end").Status)
		}
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		assert.Equal(t, 2, w.Runs()[0].Version)
		last := w.Mailer.Emails()
		assert.Equal(t, "other", last[len(last)-1].TemplateID)
	})
	t.Run("updated by two at once", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := w.Create(world.Flow("", "user.created", world.Email("welcome")))
		one, two := "One", "Two"
		_, err := w.UpdateAutomation(t.Context(), a.ID, automation.AutomationUpdate{Name: &one, Revision: a.Revision})
		require.NoError(t, err)
		_, err = w.UpdateAutomation(t.Context(), a.ID, automation.AutomationUpdate{Name: &two, Revision: a.Revision})
		require.ErrorIs(t, err, automation.ErrConflict)
		a, err = w.GetAutomation(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, "One", a.Name)
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := runAtEveryStep(w)
		_, err := w.StopAutomation(t.Context(), a.ID, automation.StopOptions{})
		require.NoError(t, err)
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		require.Len(t, w.Runs(), 3, "no new run starts")
		finish(w)
		requireAll(w, automation.RunCompleted)
	})
	t.Run("stopped, and its runs cancelled", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := runAtEveryStep(w)
		_, err := w.StopAutomation(t.Context(), a.ID, automation.StopOptions{CancelRuns: true})
		require.NoError(t, err)
		w.Drain()
		requireAll(w, automation.RunCancelled)
		finish(w)
		assert.Empty(t, w.Mailer.Emails())
	})
	t.Run("stopped between the claim and the start", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := w.Create(world.Flow("", "user.created", world.Email("welcome")))
		w.Send(world.ForAda("user.created", nil))
		drainToContact(w)
		w.Store.AfterClaim = func(works []automation.Work) {
			w.Store.AfterClaim = nil
			_, err := w.StopAutomation(t.Context(), a.ID, automation.StopOptions{})
			require.NoError(t, err)
		}
		w.Drain()
		assert.Empty(t, w.Runs())
		assert.Empty(t, w.Mailer.Emails())
		next, err := w.Store.NextDue(t.Context())
		require.NoError(t, err)
		assert.Zero(t, next)
	})
	t.Run("duplicated", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := runAtEveryStep(w)
		b, err := w.DuplicateAutomation(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, "Flow (Copy)", b.Name)
		assert.Equal(t, automation.StatusDisabled, b.Status)
		assert.NotEqual(t, a.ID, b.ID)
		finish(w)
		requireAll(w, automation.RunCompleted)
		assert.Len(t, w.Runs(), 3)
	})
	t.Run("deleted", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := runAtEveryStep(w)
		ids := w.Runs()
		require.NoError(t, w.DeleteAutomation(t.Context(), a.ID))
		w.Drain()
		for _, r := range ids {
			r, err := w.GetRun(t.Context(), r.ID)
			require.NoError(t, err, "runs stay readable")
			assert.Equal(t, automation.RunCancelled, r.Status)
			assert.Len(t, r.Steps, 6)
		}
		finish(w)
		assert.Empty(t, w.Mailer.Emails())
	})
	t.Run("deleted between the claim and the start", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := w.Create(world.Flow("", "user.created", world.Email("welcome")))
		w.Send(world.ForAda("user.created", nil))
		drainToContact(w)
		fresh := w.Node(w.Opts) // a node that has not read the definition
		w.Store.AfterClaim = func(works []automation.Work) {
			w.Store.AfterClaim = nil
			require.NoError(t, w.DeleteAutomation(t.Context(), a.ID))
		}
		_, err := fresh.Drain(t.Context())
		require.NoError(t, err)
		w.Pass(time.Minute)
		assert.Empty(t, w.Runs())
		assert.Empty(t, w.Mailer.Emails())
	})
}

// runAtEveryStep starts runs, and leaves one in a delay, one in a wait and one in a
// back-off.
func runAtEveryStep(w *world.World) automation.Automation {
	w.T.Helper()
	a := world.Flow("", "user.created",
		automation.Step{Key: "is", Config: automation.Condition{Rule: automation.Field("event.at").Eq("send")}},
		world.Email("send"), world.Pause("pause", "1 day"), world.Wait("wait", "order.paid"), world.Email("end"))
	a.Connections = []automation.Connection{
		{From: "start", To: "is"},
		{From: "is", To: "send", Type: automation.ConnectionConditionMet},
		{From: "is", To: "pause", Type: automation.ConnectionConditionNotMet},
		{From: "send", To: "wait"},
		{From: "pause", To: "wait"},
		{From: "wait", To: "end"},
	}
	a = w.Create(a)
	w.Send(world.ForAda("user.created", map[string]string{"at": "send"}))
	w.Drain() // is at wait
	require.Len(w.T, w.Mailer.Emails(), 1)
	w.Mailer.Reset()
	w.Mailer.Respond = func(context.Context, automation.Email) error { return errors.New("busy") }
	w.Send(world.ForAda("user.created", map[string]string{"at": "send"}))
	w.Drain() // is backing off
	w.Mailer.Respond = nil
	w.Send(world.ForAda("user.created", map[string]string{"at": "pause"}))
	w.Drain() // is at pause
	var at []string
	for _, r := range w.Runs() {
		at = append(at, r.Step)
	}
	require.Equal(w.T, []string{"pause", "send", "wait"}, at)
	return a
}

// finish makes all runs end.
func finish(w *world.World) {
	w.T.Helper()
	w.Pass(time.Minute)
	w.Pass(24 * time.Hour)
	w.Clock.Add(time.Second)
	w.Send(world.ForAda("order.paid", nil))
	w.Drain()
}

func requireAll(w *world.World, status automation.RunStatus) {
	w.T.Helper()
	for _, r := range w.Runs() {
		require.Equal(w.T, status, r.Status, "%s: %v", r.Step, r.Error)
		require.Zero(w.T, r.DueAt)
		require.False(w.T, r.CompletedAt.IsZero())
	}
	next, err := w.Store.NextDue(w.T.Context())
	require.NoError(w.T, err)
	require.Zero(w.T, next)
}

func TestVersions_RunsStayOnTheirs(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day"), world.Email("old")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	graph := world.Flow("", "joined", world.Email("new"))
	_, err := w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(t, err)
	w.Send(world.Signup("bob@example.com"), automation.Event{Name: "joined", Email: "eve@example.com"})
	w.Pass(24 * time.Hour)
	assert.ElementsMatch(t, []string{"old", "new"}, w.Sent())
	runs := w.Runs()
	require.Len(t, runs, 2, "the old trigger starts nothing any more")
	assert.Equal(t, []int{2, 1}, []int{runs[0].Version, runs[1].Version})
	assert.Len(t, runs[1].Steps, 3)
}

func TestVersions_AutomationMadeAgainRunsItsOwnGraph(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("old")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	require.NoError(t, w.DeleteAutomation(w.Ctx, "welcome"))
	w.Clock.Add(time.Hour)
	_, err := w.Prune(w.Ctx, time.Minute)
	require.NoError(t, err)
	w.Create(world.Flow("welcome", "signup", world.Email("new")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Equal(t, []string{"old", "new"}, w.Sent())
}

func TestVersions_GraphIsReadOnceForAllItsRuns(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Clock: automation.SystemClock()})
	_, err := w.Apply(t.Context(), world.Flow("sleep", "signup"))
	require.NoError(t, err)
	const contacts = 200
	before := w.Store.Calls("FindAutomationVersion")
	ends := make(world.Endings, contacts)
	fresh := w.Opts
	fresh.Observer = ends
	node := w.Node(fresh) // a node that has not compiled the graph
	_, err = node.Send(t.Context(), world.Signups(contacts)...)
	require.NoError(t, err)
	stop := w.Serve(node)
	for range contacts {
		<-ends
	}
	require.ErrorIs(t, stop(), context.Canceled)
	assert.Equal(t, 1, w.Store.Calls("FindAutomationVersion")-before)
}
