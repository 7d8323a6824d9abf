package scenario_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

var sameCart = []automation.Match{{Event: "cart_id"}}

// anyStep is a wait for what happens to the run's cart.
func anyStep(key string, change func(*automation.WaitForAny)) automation.Step {
	wait := automation.WaitForAny{
		Events: []automation.Listener{
			{Name: "paid", EventName: "order.paid", Match: sameCart},
			{Name: "left", EventName: "cart.emptied", Match: sameCart},
		},
		Timeout: automation.MustParseDuration("4 hours"),
	}
	if change != nil {
		change(&wait)
	}
	return automation.Step{Key: key, Config: wait}
}

func lookingBack(w *automation.WaitForAny) { w.Lookback = true }

func untilQuiet(w *automation.WaitForAny) {
	w.ResetOn = []automation.Listener{{EventName: "cart.touched", Match: sameCart}}
}

// branchOut connects outcomes of the last step of a flow to emails with their names.
func branchOut(a automation.Automation, types ...automation.ConnectionType) automation.Automation {
	last := a.Steps[len(a.Steps)-1].Key
	for _, typ := range types {
		a.Steps = append(a.Steps, world.Email(string(typ)))
		a.Connections = append(a.Connections, automation.Connection{From: last, To: string(typ), Type: typ})
	}
	return a
}

func cart(id any) map[string]any { return map[string]any{"cart_id": id} }

// Runs of two carts wait for the same names. Each takes the event of its own cart only.
func TestWaitForAny_EachRunTakesTheEventOfItsOwnCart(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(branchOut(world.Flow("", "cart.updated", anyStep("wait", nil)), "paid", "left"))
	w.Send(world.ForAda("cart.updated", cart(5)), world.ForAda("cart.updated", cart("5")))
	w.Drain()
	ids := map[string]string{}
	for _, run := range w.Runs() {
		assert.Equal(t, []string{"cart.emptied", "order.paid"}, run.Listens)
		ids[run.EventID] = run.ID
	}
	require.Len(t, ids, 2)
	for _, id := range []any{nil, 6, "6", true} {
		receipt := w.Send(world.ForAda("order.paid", cart(id)))[0]
		w.Drain()
		e, err := w.GetEvent(t.Context(), receipt.ID)
		require.NoError(t, err)
		assert.Empty(t, e.Resumed)
		assert.Equal(t, automation.ReasonFilterNotMet, e.Reason)
	}
	w.Send(world.ForAda("order.paid", cart(5.0)), world.ForAda("cart.emptied", cart("5")))
	w.Drain()
	assert.ElementsMatch(t, []string{"paid", "left"}, w.Sent())
}

// The oldest event that matches wins, whichever of the names it has, and the entries of the
// wait are tried in their order only for one event.
func TestWaitForAny_LooksBackOverAllItsEvents(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		sent []string
		want automation.ConnectionType
	}{
		"left, paid": {[]string{"cart.emptied", "order.paid"}, "left"},
		"paid, left": {[]string{"order.paid", "cart.emptied"}, "paid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, gap := range []time.Duration{0, time.Minute} {
				w := world.New(t, automation.Options{})
				w.Create(branchOut(world.Flow("", "cart.updated", world.Pause("rest", "1 hour"), anyStep("wait", lookingBack)), "paid", "left"))
				w.Send(world.ForAda("cart.updated", cart(1)))
				w.Drain()
				for _, event := range tt.sent {
					w.Clock.Add(gap)
					w.Send(world.ForAda(event, cart(1)))
				}
				w.Drain()
				w.Pass(2 * time.Hour)
				assert.Equal(t, tt.want, world.Step(t, w.Run(), "wait").Branch)
				assert.Equal(t, automation.RunCompleted, w.Run().Status)
			}
		})
	}
}

// Two waits in a row look back, and there is one event for both. The first has it, also if its
// payload is so large that the store keeps the output of the wait apart.
func TestWaitForAny_EventEndsOneWaitOfARun(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small": 1, "stored apart": 10 << 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			waits := branchOut(world.Flow("", "cart.updated", world.Pause("rest", "1 hour"), anyStep("first", lookingBack)), "paid")
			waits.Steps = append(waits.Steps, world.Pause("again", "1 hour"), anyStep("second", lookingBack))
			waits.Connections = append(waits.Connections, automation.Connection{From: "paid", To: "again"}, automation.Connection{From: "again", To: "second"})
			w.Create(waits)
			w.Create(world.Flow("other", "cart.updated", anyStep("wait", nil)))
			payload := cart(1)
			payload["text"] = strings.Repeat("x", size)
			w.Send(world.ForAda("cart.updated", cart(1)))
			w.Drain()
			w.Send(world.ForAda("order.paid", payload))
			w.Pass(90 * time.Minute)
			w.Pass(90 * time.Minute)
			var statuses []automation.RunStatus
			for _, run := range w.Runs() {
				statuses = append(statuses, run.Status)
				if run.AutomationID != "other" {
					assert.Equal(t, "second", run.Step)
				}
			}
			assert.ElementsMatch(t, []automation.RunStatus{automation.RunRunning, automation.RunCompleted}, statuses, "another run is free to use the event")
			w.Send(world.ForAda("order.paid", cart(1)))
			w.Drain()
			for _, run := range w.Runs() {
				assert.Equal(t, automation.RunCompleted, run.Status)
			}
		})
	}
}

func TestWaitForAny_ResetPutsOffItsEnd(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(branchOut(world.Flow("", "cart.updated", anyStep("wait", untilQuiet)), "paid", automation.ConnectionTimeout))
	w.Send(world.ForAda("cart.updated", cart(1)))
	w.Drain()
	start := w.Clock.Now()
	assert.Equal(t, []string{"cart.emptied", "cart.touched", "order.paid"}, w.Run().Listens)
	for hours := range 3 {
		w.Pass(3 * time.Hour)
		require.Equal(t, automation.RunRunning, w.Run().Status, hours)
		w.Send(world.ForAda("cart.touched", cart(2)))
		receipt := w.Send(world.ForAda("cart.touched", cart(1)))[0]
		w.Drain()
		e, err := w.GetEvent(t.Context(), receipt.ID)
		require.NoError(t, err)
		assert.Equal(t, []string{w.Run().ID}, e.Resumed, "the event's page shows what it did")
		assert.Equal(t, w.Clock.Now().Add(4*time.Hour), w.Run().DueAt)
	}
	w.Pass(4 * time.Hour)
	assert.Equal(t, []string{"timeout"}, w.Sent())
	step := world.Step(t, w.Run(), "wait")
	assert.Equal(t, start.Add(13*time.Hour), step.CompletedAt)
}

// No process works while a cart is touched, and paid after its wait would have ended without
// that. The events decide, in their order, although the first end has passed.
func TestWaitForAny_ResetCountsAlthoughItIsHandledLate(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(branchOut(world.Flow("", "cart.updated", anyStep("wait", untilQuiet)), "paid", automation.ConnectionTimeout))
	w.Send(world.ForAda("cart.updated", cart(1)))
	w.Drain()
	w.Clock.Add(3 * time.Hour)
	w.Send(world.ForAda("cart.touched", cart(1)))
	w.Clock.Add(3 * time.Hour)
	w.Send(world.ForAda("order.paid", cart(1)))
	w.Clock.Add(30 * time.Hour)
	w.Drain()
	assert.Equal(t, []string{"paid"}, w.Sent())
}

func TestWaitForAny_LateResetIsNone(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(branchOut(world.Flow("", "cart.updated", anyStep("wait", untilQuiet)), "paid", automation.ConnectionTimeout))
	w.Send(world.ForAda("cart.updated", cart(1)))
	w.Drain()
	w.Clock.Add(4*time.Hour + time.Microsecond)
	receipt := w.Send(world.ForAda("cart.touched", cart(1)))[0]
	w.Drain()
	assert.Equal(t, []string{"timeout"}, w.Sent())
	e, err := w.GetEvent(t.Context(), receipt.ID)
	require.NoError(t, err)
	assert.Empty(t, e.Resumed)
}

// A run without a connection for the timeout fails, and its retry waits anew.
func TestWaitForAny_RetryWaitsAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(branchOut(world.Flow("", "cart.updated", anyStep("wait", lookingBack)), "paid"))
	w.Send(world.ForAda("cart.updated", cart(1)))
	w.Drain()
	w.Pass(4 * time.Hour)
	require.Equal(t, automation.FailedTimeout, w.Run().Error.Code)
	w.Send(world.ForAda("order.paid", cart(1)))
	w.Drain()
	_, err := w.RetryRun(t.Context(), w.Run().ID)
	require.NoError(t, err)
	w.Drain()
	assert.Equal(t, []string{"paid"}, w.Sent())
}

// With contacts in the store, leaving a segment is part of the commit. With the host's, it is a
// call of its directory.
func TestRemoveFromSegment_LeavesIt(t *testing.T) {
	t.Parallel()
	leave := world.Flow("", "user.paid", automation.Step{Key: "leave", Config: automation.RemoveFromSegment{SegmentID: "trial"}}, world.Email("thanks"))
	ada := automation.Contact{ID: "ada", Email: "ada@example.com", Segments: []string{"trial", "vip"}}
	t.Run("in the store", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(leave)
		w.AddContact(ada)
		for range 2 { // the second time it is no member
			w.Send(world.ForAda("user.paid", nil))
			w.Drain()
			assert.Equal(t, []string{"vip"}, w.Contact("ada@example.com").Segments)
		}
		for _, run := range w.Runs() {
			run, err := w.GetRun(t.Context(), run.ID)
			require.NoError(t, err)
			assert.JSONEq(t, `{"segment_id": "trial"}`, string(world.Step(t, run, "leave").Output))
		}
		assert.Equal(t, []string{"thanks", "thanks"}, w.Sent())
	})
	t.Run("in the host's directory", func(t *testing.T) {
		t.Parallel()
		users := world.NewUsers(ada)
		w := world.NewWithUsers(t, users, automation.Options{})
		w.Create(leave)
		w.Send(world.ForAda("user.paid", nil))
		w.Drain()
		assert.Equal(t, []string{"vip"}, users.Rows()["ada"].Segments)
		assert.Equal(t, []string{"thanks"}, w.Sent())
		assert.Equal(t, 1, users.Calls("change"))
	})
}
