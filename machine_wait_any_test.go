package automation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// paidOrLeft waits for an order of the cart, or for the cart to be emptied, for an hour.
var paidOrLeft = WaitForAny{
	Events: []Listener{
		{Name: "paid", EventName: "order.paid", Match: []Match{{Event: "cart_id"}}},
		{Name: "left", EventName: "cart.emptied", FilterRule: Field("event.cart_id").Eq(Var("trigger.cart_id"))},
	},
	Timeout: DurationOf(time.Hour),
}

func TestAdvance_WaitForAnyTakesTheFirstEventThatMatches(t *testing.T) {
	t.Parallel()
	all := []ConnectionType{"paid", "left", ConnectionTimeout}
	unnamed := WaitForAny{Events: []Listener{{EventName: "order.paid"}, {Name: "left", EventName: "cart.emptied"}}, Timeout: DurationOf(time.Hour)}
	for name, tt := range map[string]struct {
		wait           WaitForAny
		connections    []ConnectionType
		event, payload string
		want           string
		branch         ConnectionType
		output         string
	}{
		"the first": {
			paidOrLeft, all, "order.paid", `{"cart_id":5.0}`, "paid", "paid",
			`{"name":"paid","event_id":"event-order.paid","event_name":"order.paid","payload":{"cart_id":5.0}}`,
		},
		"the second": {
			paidOrLeft, all, "cart.emptied", `{"cart_id":5}`, "left", "left",
			`{"name":"left","event_id":"event-cart.emptied","event_name":"cart.emptied","payload":{"cart_id":5}}`,
		},
		"another cart":          {paidOrLeft, all, "order.paid", `{"cart_id":6}`, "wait_for_any", "", ``},
		"a text":                {paidOrLeft, all, "order.paid", `{"cart_id":"5"}`, "wait_for_any", "", ``},
		"null":                  {paidOrLeft, all, "order.paid", `{"cart_id":null}`, "wait_for_any", "", ``},
		"another event":         {paidOrLeft, all, "cart.updated", `{"cart_id":5}`, "wait_for_any", "", ``},
		"the filter has failed": {paidOrLeft, all, "cart.emptied", `{}`, "wait_for_any", "", ``},
		"no connection of its name": {
			paidOrLeft, []ConnectionType{"left", ConnectionEventReceived, ConnectionDefault}, "order.paid", `{"cart_id":5}`, "event_received", ConnectionEventReceived,
			`{"name":"paid","event_id":"event-order.paid","event_name":"order.paid","payload":{"cart_id":5}}`,
		},
		"the default connection only": {
			paidOrLeft, []ConnectionType{"left", ConnectionDefault}, "order.paid", `{"cart_id":5}`, "default", "paid",
			`{"name":"paid","event_id":"event-order.paid","event_name":"order.paid","payload":{"cart_id":5}}`,
		},
		"no connection": {
			paidOrLeft, []ConnectionType{"left"}, "order.paid", `{"cart_id":5}`, "", "paid",
			`{"name":"paid","event_id":"event-order.paid","event_name":"order.paid","payload":{"cart_id":5}}`,
		},
		"without a name": {
			unnamed, []ConnectionType{"left", ConnectionEventReceived}, "order.paid", `{}`, "event_received", ConnectionEventReceived,
			`{"name":null,"event_id":"event-order.paid","event_name":"order.paid","payload":{}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, fork(tt.wait, tt.connections...), CompileOptions{}, `{"cart_id":5}`)
			require.Equal(t, Action{
				Kind: ActionWait, Step: "wait_for_any", Until: flowStart.Add(time.Hour), Events: []string{"cart.emptied", "order.paid"},
			}, f.action)
			action := f.receive(tt.event, tt.payload)
			assert.Equal(t, tt.branch != "", action.Resumed)
			if tt.want == "" {
				f.requireEnd(RunCompleted, "")
			} else {
				assert.Equal(t, tt.want, action.Step)
			}
			assert.Equal(t, tt.branch, f.step("wait_for_any").Branch)
			if tt.output == "" {
				assert.Empty(t, f.step("wait_for_any").Output)
			} else {
				assert.Equal(t, tt.output, string(f.step("wait_for_any").Output))
			}
		})
	}
}

func TestAdvance_WaitForAnyTimesOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		connections []ConnectionType
		want        string
		code        StepErrorCode
	}{
		"its connection":         {[]ConnectionType{"paid", ConnectionTimeout, ConnectionDefault}, "timeout", ""},
		"the default connection": {[]ConnectionType{"paid", ConnectionDefault}, "default", ""},
		"none":                   {[]ConnectionType{"paid", ConnectionEventReceived}, "", FailedTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, fork(paidOrLeft, tt.connections...), CompileOptions{}, `{"cart_id":5}`)
			f.pass(time.Hour)
			if tt.code != "" {
				f.requireEnd(RunFailed, tt.code)
				assert.Equal(t, `timed out waiting for "order.paid" or "cart.emptied"`, f.state.failure().Message)
				return
			}
			assert.Equal(t, tt.want, f.action.Step)
			assert.Equal(t, ConnectionTimeout, f.step("wait_for_any").Branch)
			assert.JSONEq(t, `{"timed_out_at":"2026-03-01T10:00:00Z"}`, string(f.step("wait_for_any").Output))
		})
	}
}

func TestAdvance_WaitForAnyLosesToItsTimeout(t *testing.T) {
	t.Parallel()
	for late, want := range map[time.Duration]string{time.Hour: "paid", time.Hour + time.Microsecond: "timeout"} {
		f := startFlow(t, fork(paidOrLeft, "paid", ConnectionTimeout), CompileOptions{}, `{"cart_id":5}`)
		e := f.event("order.paid", `{"cart_id":5}`)
		e.AcceptedAt, f.now = flowStart.Add(late), flowStart.Add(9*time.Hour)
		assert.True(t, f.bring(e).Resumed)
		assert.Equal(t, want, f.action.Step)
	}
}

// cartLoop waits until a cart has been quiet for an hour.
func cartLoop() WaitForAny {
	wait := paidOrLeft
	wait.ResetOn = []Listener{{EventName: "cart.updated", Match: []Match{{Event: "cart_id"}}}, {EventName: "order.paid"}}
	return wait
}

func TestAdvance_ResetPutsOffTheEndOfAWait(t *testing.T) {
	t.Parallel()
	f := startFlow(t, fork(cartLoop(), "paid", ConnectionTimeout), CompileOptions{}, `{"cart_id":5}`)
	require.Equal(t, []string{"cart.emptied", "cart.updated", "order.paid"}, f.action.Events)
	f.now = flowStart.Add(40 * time.Minute)
	assert.False(t, f.receive("cart.updated", `{"cart_id":6}`).Resumed)
	assert.Equal(t, flowStart.Add(time.Hour), f.action.Until)

	assert.True(t, f.receive("cart.updated", `{"cart_id":5}`).Resumed)
	assert.Equal(t, flowStart.Add(100*time.Minute), f.action.Until)
	assert.Equal(t, ActionWait, f.action.Kind)
	assert.False(t, f.receive("cart.updated", `{"cart_id":5}`).Resumed, "the same event twice changes nothing")

	early := f.event("cart.updated", `{"cart_id":5}`)
	early.AcceptedAt = flowStart.Add(20 * time.Minute)
	assert.False(t, f.bring(early).Resumed, "a reset never moves the end forward")

	f.pass(time.Minute)
	assert.Equal(t, flowStart.Add(100*time.Minute), f.action.Until, "a wake-up for the old end changes nothing")
	f.pass(time.Hour)
	assert.Equal(t, "timeout", f.action.Step)
	assert.JSONEq(t, `{"timed_out_at":"2026-03-01T10:40:00Z"}`, string(f.step("wait_for_any").Output))
}

func TestAdvance_ResetComesInTime(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		accepted time.Duration // after the start of the run; the wait starts after ten minutes
		until    time.Duration
	}{
		"before the wait":      {9 * time.Minute, 70 * time.Minute},
		"as it begins":         {10 * time.Minute, 70 * time.Minute},
		"in the wait":          {11 * time.Minute, 71 * time.Minute},
		"at its end":           {70 * time.Minute, 130 * time.Minute},
		"just after its end":   {70*time.Minute + time.Microsecond, 70 * time.Minute},
		"long after its end":   {5 * time.Hour, 70 * time.Minute},
		"before the run began": {-time.Minute, 70 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait := cartLoop()
			wait.Lookback = true
			f := startFlow(t, sequence(Delay{Duration: DurationOf(10 * time.Minute)}, wait), CompileOptions{}, `{"cart_id":5}`)
			f.pass(10 * time.Minute)
			require.True(t, f.action.Lookback)
			e := f.event("cart.updated", `{"cart_id":5}`)
			e.AcceptedAt, f.now = flowStart.Add(tt.accepted), flowStart.Add(10*time.Hour)
			assert.Equal(t, tt.until != 70*time.Minute, f.bring(e).Resumed)
			assert.Equal(t, flowStart.Add(tt.until), f.action.Until)
		})
	}
}

// An event that matches an entry ends the wait, although it matches a reset too.
func TestAdvance_EntryComesBeforeAReset(t *testing.T) {
	t.Parallel()
	f := startFlow(t, fork(cartLoop(), "paid", ConnectionTimeout), CompileOptions{}, `{"cart_id":5}`)
	f.now = flowStart.Add(time.Minute)
	assert.True(t, f.receive("order.paid", `{"cart_id":6}`).Resumed, "no entry matches it, and the reset does")
	assert.Equal(t, flowStart.Add(61*time.Minute), f.action.Until)
	f.receive("order.paid", `{"cart_id":5}`)
	assert.Equal(t, "paid", f.action.Step)
}

// An event that ended a wait ends no later wait_for_any of the run, but does end a later
// wait_for_event with lookback, as before.
func TestAdvance_EventEndsOneWaitForAnyOfARun(t *testing.T) {
	t.Parallel()
	paid := WaitForAny{Events: []Listener{{EventName: "order.paid"}}, Lookback: true}
	old := WaitForEvent{EventName: "order.paid", Lookback: true}
	for name, tt := range map[string]struct {
		first, second StepConfig
		want          RunStatus
	}{
		"wait_for_any twice":           {paid, paid, RunRunning},
		"wait_for_event, wait_for_any": {old, paid, RunRunning},
		"wait_for_any, wait_for_event": {paid, old, RunCompleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, sequence(tt.first, tt.second), CompileOptions{}, `{}`)
			e := f.event("order.paid", `{"n":1}`)
			require.True(t, f.bring(e).Resumed)
			assert.Equal(t, tt.want == RunCompleted, f.bring(e).Resumed)
			require.Equal(t, tt.want, f.state.Status())
			if tt.want == RunRunning {
				again := *e
				again.ID = "another"
				assert.True(t, f.bring(&again).Resumed)
				f.requireEnd(RunCompleted, "")
			}
		})
	}
}

// The id of an event is in an output that a store may keep apart.
func TestGraph_NeedsTheOutputsOfWaitsBeforeAWaitForAny(t *testing.T) {
	t.Parallel()
	paid := WaitForAny{Events: []Listener{{EventName: "order.paid"}}}
	for name, tt := range map[string]struct {
		first, second StepConfig
		want          bool
	}{
		"the same event":    {WaitForEvent{EventName: "order.paid"}, paid, true},
		"both for any":      {paid, WaitForAny{Events: []Listener{{EventName: "x"}, {EventName: "order.paid"}}}, true},
		"another event":     {WaitForEvent{EventName: "order.sent"}, paid, false},
		"no wait for any":   {WaitForEvent{EventName: "order.paid"}, WaitForEvent{EventName: "order.paid"}, false},
		"it is read itself": {paid, ContactUpdate{FirstName: Var("wait_events.order.paid.name")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := Compile(sequence(tt.first, tt.second), CompileOptions{})
			require.NoError(t, err)
			s := State{steps: []stepState{{}, {index: 1, apart: true}, {index: 2}}}
			assert.Equal(t, tt.want, g.needsOutputs(&s))
			s.steps[1].output = []byte(`{}`)
			assert.False(t, g.needsOutputs(&s))
		})
	}
}

func TestAdvance_WaitForAnyGivesItsPayload(t *testing.T) {
	t.Parallel()
	check := Condition{Rule: All(
		Field("wait_events.order.paid.total").Eq(Var("steps.wait_for_any.payload.total")),
		Field("steps.wait_for_any.name").Eq("paid"),
		Field("wait_events.cart.emptied.total").IsEmpty(),
	)}
	f := startFlow(t, sequence(paidOrLeft, check, hour), CompileOptions{}, `{"cart_id":5}`)
	f.receive("order.paid", `{"cart_id":5,"total":9}`)
	assert.Equal(t, "delay", f.action.Step)
}
