package scenario_test

import (
	"context"
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

// An event whose transaction commits late is handled, although younger events are handled
// already.
func TestOrder_EventThatCommitsLateIsHandled(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "user.created", world.Email("welcome")))
	w.Drain()
	late := &transaction{EventWriter: w.Store}
	_, err := w.SendTo(t.Context(), late, automation.Event{Name: "user.created", Email: "ada@example.com"})
	require.NoError(t, err)
	old := late.held[0]

	w.Clock.Add(time.Minute)
	w.Send(world.ForAda("user.created", nil))
	w.Drain()
	require.Len(t, w.Mailer.Emails(), 1)

	require.NoError(t, late.commit(t.Context()))
	w.Drain()
	runs := w.Runs()
	require.Len(t, runs, 2)
	assert.Equal(t, old.Event.ID, runs[0].EventID)
	assert.Less(t, runs[0].EventID, runs[1].EventID, "it has the lower id")
	assert.Len(t, w.Mailer.Emails(), 2)
}

func TestOrder_EventsOfAContactAreHandledAsAccepted(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for _, name := range []string{"a", "b", "c"} {
		w.Create(world.Flow(name, name, world.Email(name)))
	}
	var events []automation.Event
	for _, name := range []string{"c", "a", "b", "a"} {
		events = append(events, automation.Event{Name: name, Email: "ada@example.com"})
	}
	w.Send(events...)
	w.Drain()
	assert.Equal(t, []string{"c", "a", "b", "a"}, w.Sent())
}

func TestOrder_WaitsResumeBeforeRunsStart(t *testing.T) {
	t.Parallel()
	j := &world.Journal{}
	w := world.New(t, automation.Options{Observer: j})
	w.Create(world.Flow("late", "signup", world.WaitUpTo("again", "order", "30 days"), world.Email("resumed")))
	w.Create(world.Flow("early", "order", world.Email("started")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	j.Take()
	w.Send(automation.Event{Name: "order", Email: "ada@example.com"})
	w.Drain()
	lines := j.Take()
	assert.Equal(t, []string{"accepted order", "step again completed, 0 failed", "step resumed running, 0 failed", "started early"}, lines[:4])
	assert.Contains(t, lines, "handled order, started 1, resumed 1")
	assert.Equal(t, []string{"resumed", "started"}, w.Sent())
}

func TestOrder_DrainPerformsOneEffectAfterTheOther(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	busy := 0 // without a lock, so that the race detector reports parallel effects
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		busy++
		defer func() { busy-- }()
		assert.Equal(t, 1, busy)
		return nil
	}
	for i := range 3 {
		w.Create(world.Flow(fmt.Sprint(i), "signup", world.Email("hello")))
	}
	w.Send(world.Signups(50)...)
	w.Drain()
	assert.Len(t, w.Sent(), 150)
}

// Runs of one contact do not wait for each other's effects.
func TestOrder_EffectsOfOneContactArePerformedSideBySide(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		for i := range 3 {
			w.Create(world.Flow(fmt.Sprint("flow", i), "signup", world.Email("one"), world.Email("two")))
		}
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		assert.EqualValues(t, 3, g.Inside.Load())
		g.Open()
		synctest.Wait()
		assert.Len(t, w.Mailer.Emails(), 6)
		for _, run := range w.Runs() {
			assert.Equal(t, automation.RunCompleted, run.Status)
		}
	})
}

func TestOrder_ManyNodesHandleEachEventOnce(t *testing.T) {
	t.Parallel()
	const runners, contacts, each = 4, 50, 4
	var ended sync.WaitGroup
	ended.Add(contacts * each)
	w := world.New(t, automation.Options{
		Clock: automation.SystemClock(), Concurrency: 4,
		Observer: world.Observe(func(n automation.Notice) {
			if _, ok := n.(*automation.RunEnded); ok {
				ended.Done()
			}
		}),
	})
	w.Create(world.Flow("welcome", "signup",
		automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.String("Ada")}}, world.Email("hello")))
	for range runners {
		w.Serve(w.Node(w.Opts))
	}
	for range each {
		w.Send(world.Signups(contacts)...)
	}
	ended.Wait()
	counts, err := w.CountRuns(w.Ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{
		{AutomationID: "welcome", Version: 1, Step: "hello", Status: automation.RunCompleted, Count: contacts * each},
	}, counts)
	assert.Len(t, w.Mailer.Emails(), contacts*each)
	people, err := w.ListContacts(w.Ctx, automation.ContactQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(t, err)
	assert.Len(t, people.Data, contacts)
}

// Two Runners in one process stand for two processes.
func TestOrder_NodesGoOnWithEachOthersRuns(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	other := w.Node(w.Opts)
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day"), world.Email("tips")))
	w.Send(world.Signup("ada@example.com"))

	_, err := other.Drain(w.Ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"hello"}, w.Sent())
	w.Pass(24 * time.Hour)
	assert.Equal(t, []string{"hello", "tips"}, w.Sent())
}
