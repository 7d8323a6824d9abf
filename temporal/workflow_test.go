package temporal_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/temporal"
)

func rest(d time.Duration) automation.Step {
	return automation.Step{Key: "rest", Config: automation.Delay{Duration: automation.DurationOf(d)}}
}

// asking returns a flow that waits for an answer, with an email for each branch.
func asking(timeout time.Duration) automation.Automation {
	a := flow(automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "answer", Timeout: automation.DurationOf(timeout)}})
	a.Steps = append(a.Steps, email("thanks"), email("sorry"))
	a.Connections = append(a.Connections,
		automation.Connection{From: "wait", To: "thanks", Type: automation.ConnectionEventReceived},
		automation.Connection{From: "wait", To: "sorry", Type: automation.ConnectionTimeout})
	return a
}

func TestWorkflow_SleepsExactlyAsLongAsADelay(t *testing.T) {
	w := newWorld(t, flow(email("hello"), rest(30*24*time.Hour), email("tips")))
	w.at(0, func() { w.send("signup") })
	w.run()
	assert.Equal(t, []string{"hello", "tips"}, w.templates())
	run := w.only()
	assert.Equal(t, automation.RunCompleted, run.Status)
	slept := run.Steps[2].CompletedAt.Sub(run.Steps[2].StartedAt)
	assert.GreaterOrEqual(t, slept, 30*24*time.Hour)
	assert.Less(t, slept, 30*24*time.Hour+time.Minute)
}

func TestWorkflow_TakesExactlyOneBranch(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour - time.Second: "thanks",
		time.Hour:               "sorry", // the wait began a moment after the event of the trigger
		time.Hour + time.Second: "sorry",
	} {
		t.Run(d.String(), func(t *testing.T) {
			w := newWorld(t, asking(time.Hour))
			w.at(0, func() { w.send("signup") })
			if d != time.Hour {
				w.at(d, func() { w.send("answer") })
			}
			w.run()
			assert.Equal(t, []string{want}, w.templates())
			assert.Equal(t, automation.RunCompleted, w.only().Status)
		})
	}
}

func TestWorkflow_HandlesEventsInTheirOrder(t *testing.T) {
	w := newWorld(t, flow(automation.Step{Key: "set", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"last": automation.Var("event.n")}}}, rest(time.Minute)))
	const n = 50
	last := 0 // that was sent: callbacks of one time have no order
	for i := range n {
		w.at(time.Duration(i/10)*time.Second, func() {
			last = i
			_, err := w.Send(t.Context(), automation.Event{Name: "signup", ContactID: w.contact.ID, Payload: automation.Payload(map[string]any{"n": i})})
			require.NoError(t, err)
		})
	}
	w.run()
	c, err := w.GetContact(t.Context(), automation.ContactRef{ID: w.contact.ID})
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint(last), fmt.Sprint(c.Properties["last"]))
	counts, err := w.CountRuns(t.Context(), "flow")
	require.NoError(t, err)
	assert.Equal(t, n, counts[0].Count)
}

func TestWorkflow_IsCancelledWhileItSleeps(t *testing.T) {
	w := newWorld(t, flow(rest(time.Hour), email("never")))
	w.at(0, func() { w.send("signup") })
	w.at(time.Minute, func() {
		_, err := w.CancelRun(t.Context(), w.only().ID)
		require.NoError(t, err)
	})
	w.run()
	assert.Equal(t, automation.RunCancelled, w.only().Status)
	assert.Empty(t, w.templates())
}

func TestWorkflow_LosesNoSignalWhenItEnds(t *testing.T) {
	w := newWorld(t, flow(email("hello")))
	w.at(0, func() { w.send("signup") })
	ended := false
	w.mailer.Respond = func(context.Context, automation.Email) error {
		if !ended { // the event comes while the last effect is in flight
			ended = true
			w.send("signup")
		}
		return nil
	}
	w.run()
	assert.Equal(t, []string{"hello", "hello"}, w.templates())
}

func TestWorkflow_ContinuesAsNewWhenItsHistoryIsLong(t *testing.T) {
	w := newWorld(t, flow(email("hello"), rest(time.Hour), email("tips")))
	w.at(0, func() { w.send("signup") })
	w.at(time.Minute, func() { // while it sleeps
		w.grow(temporal.MaxHistoryEvents)
		w.send("other")
	})
	assert.Equal(t, 1, w.runAll())
	assert.Equal(t, []string{"hello", "tips"}, w.templates())
	run := w.only()
	assert.Equal(t, automation.RunCompleted, run.Status)
	assert.GreaterOrEqual(t, run.Steps[2].CompletedAt.Sub(run.Steps[2].StartedAt), time.Hour)
}

// TestWorkflow_LosesNoSignalWhenItContinuesAsNew sends an event while the last turn before that is
// taken.
func TestWorkflow_LosesNoSignalWhenItContinuesAsNew(t *testing.T) {
	w := newWorld(t, flow(email("hello")))
	w.at(0, func() {
		w.grow(temporal.MaxHistoryEvents)
		w.send("signup")
		during := func() { w.send("signup") }
		w.catalog.during.Store(&during)
	})
	assert.Equal(t, 1, w.runAll())
	assert.Equal(t, []string{"hello", "hello"}, w.templates())
}

// callsOf returns the idempotency keys of all calls of the mailer, in their order.
func callsOf(w *world) *[]string {
	keys, mu := &[]string{}, sync.Mutex{}
	w.mailer.Respond = func(_ context.Context, e automation.Email) error {
		mu.Lock()
		defer mu.Unlock()
		*keys = append(*keys, e.IdempotencyKey)
		return nil
	}
	return keys
}

// losesWorkers makes the activity of effects time out for every effect whose number lost chooses.
func losesWorkers(w *world, lost func(n int) bool) {
	var calls atomic.Int64
	w.env.OnActivity(temporal.EffectActivity, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(
		func(ctx context.Context, input, record, state []byte) (temporal.EffectResult, error) {
			n := int(calls.Add(1))
			if !lost(n) {
				return w.worker.PerformEffect(ctx, input, record, state)
			}
			if n%2 == 0 { // the worker is lost after the effect
				_, _ = w.worker.PerformEffect(ctx, input, record, state)
			}
			return temporal.EffectResult{}, sdktemporal.NewHeartbeatTimeoutError()
		})
}

func TestWorkflow_RepeatsAnEffectWhoseWorkerIsLost(t *testing.T) {
	w := newWorld(t, flow(email("hello"), email("tips")))
	calls := callsOf(w)
	losesWorkers(w, func(n int) bool { return n == 2 })
	w.at(0, func() { w.send("signup") })
	w.run()
	id := w.only().ID
	assert.Equal(t, []string{"run/" + id + "/hello", "run/" + id + "/tips", "run/" + id + "/tips"}, *calls)
	assert.Equal(t, automation.RunCompleted, w.only().Status)
}

// TestWorkflow_SurvivesTheLossOfFiftyWorkers loses fifty workers, one half before the effect and
// the other half after it.
func TestWorkflow_SurvivesTheLossOfFiftyWorkers(t *testing.T) {
	w := newWorld(t, flow(email("hello"), rest(time.Minute), email("tips")))
	calls := callsOf(w)
	losesWorkers(w, func(n int) bool { return n <= 50 })
	const n = 20
	for i := range n {
		w.at(time.Duration(i)*time.Second, func() { w.send("signup") })
	}
	w.run()
	counts, err := w.CountRuns(t.Context(), "flow")
	require.NoError(t, err)
	require.Len(t, counts, 1)
	assert.Equal(t, automation.RunCompleted, counts[0].Status)
	assert.Equal(t, n, counts[0].Count)
	assert.Len(t, w.mailer.Emails(), 2*n)
	assert.Len(t, *calls, 2*n+25, "each loss after an effect repeats it once")
}

// TestWorkflow_SetsAMessageAsideThatIsDamaged also sends one that a newer release has written.
func TestWorkflow_SetsAMessageAsideThatIsDamaged(t *testing.T) {
	newer, err := temporal.Pack(map[string]any{"format": temporal.NewerFormat})
	require.NoError(t, err)
	w := newWorld(t, flow(email("hello")))
	w.at(0, func() {
		w.env.SignalWorkflow(temporal.EntriesSignal, []byte("damaged"))
		w.env.SignalWorkflow(temporal.EntriesSignal, map[string]any{"of": "another program"})
		w.env.SignalWorkflow(temporal.EntriesSignal, newer)
		w.send("signup")
	})
	w.at(10*time.Second, func() {
		assert.Equal(t, []string{"hello"}, w.templates())
		w.grow(temporal.MaxHistoryEvents)
		w.send("other")
	})
	w.env.ExecuteWorkflow(temporal.ContactWorkflow, temporal.InputOf(automation.ContactRef{ID: w.contact.ID}))
	var more *workflow.ContinueAsNewError
	require.ErrorAs(t, w.env.GetWorkflowError(), &more)
	var next temporal.Carried
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(more.Input, &next))
	assert.Len(t, next.Damaged, 3, "they wait for a process that can decode them")
	assert.Equal(t, newer, next.Damaged[2])
}

// TestWorkflow_SetsTheContactAsideWhileTheCatalogFails loses nothing in the meantime.
func TestWorkflow_SetsTheContactAsideWhileTheCatalogFails(t *testing.T) {
	w := newWorld(t, flow(email("hello"), rest(2*time.Hour)))
	w.at(0, func() { w.send("signup") })
	w.at(time.Second, func() {
		w.send("signup")
		w.catalog.broken.Store(true)
	})
	w.at(time.Hour, func() {
		assert.Len(t, w.templates(), 1)
		w.catalog.broken.Store(false)
	})
	w.run()
	assert.Equal(t, []string{"hello", "hello"}, w.templates())
}

func TestWorkflow_OfANewerFormatWaitsForANewerWorker(t *testing.T) {
	w := newWorld(t)
	input := temporal.InputOf(automation.ContactRef{ID: w.contact.ID})
	input.Format = temporal.NewerFormat
	w.env.ExecuteWorkflow(temporal.ContactWorkflow, input)
	var failure *sdktemporal.PanicError
	require.ErrorAs(t, w.env.GetWorkflowError(), &failure)
	assert.Contains(t, failure.Error(), "update this process")
}
