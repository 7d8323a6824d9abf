package automation

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ending is a sequence whose runs may end early.
func ending(x Exit, configs ...StepConfig) Automation {
	a := sequence(configs...)
	a.Exit = &x
	return a
}

// exits gives an event to the run as a Runner does, and reports whether it ended the run.
func (f *flow) exits(name, payload string) bool {
	e := f.event(name, payload)
	decoded, err := decodePayload(e.Payload, len(e.Payload))
	require.NoError(f.t, err)
	x, ends, err := f.graph.Exits(f.state, Input{Now: f.now, Event: e, Payload: decoded, Data: f.data})
	require.NoError(f.t, err)
	if ends {
		f.do(Input{Kind: InputExited, Exit: x})
	}
	return ends
}

var paid = Exit{Events: []Listener{
	{Name: "paid", EventName: "order.paid", Match: []Match{{Event: "cart_id"}}},
	{EventName: "order.paid", FilterRule: All(Field("event.total").Exists(), Field("event.total").Gt(100))},
}}

func TestExit_EndsARunWhereverItIs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config StepConfig
		before func(f *flow)
		step   string
	}{
		"in a delay":    {hour, func(*flow) {}, "delay"},
		"in a wait":     {WaitForEvent{EventName: "order.shipped"}, func(*flow) {}, "wait_for_event"},
		"in a back-off": {welcome, func(f *flow) { f.fail(errors.New("busy")) }, "send_email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, ending(paid, tc.config, hour), noJitter, `{"cart_id":5}`)
			tc.before(f)
			assert.False(t, f.exits("order.paid", `{"cart_id":"5"}`))
			assert.False(t, f.exits("order.shipped", `{"cart_id":5}`))
			assert.Equal(t, []string{"order.paid"}, f.graph.exitNames())
			require.True(t, f.exits("order.paid", `{"cart_id":5.0}`))
			f.requireEnd(RunCompleted, "")
			left := f.step(tc.step)
			assert.Equal(t, StepCancelled, left.Status)
			assert.Equal(t, f.now, left.CompletedAt)
			want := &RunExit{Reason: ExitEvent, Name: "paid", EventID: f.event("order.paid", "").ID, Step: tc.step, At: f.now}
			assert.Equal(t, want, f.state.Exit())
			assert.Equal(t, want, restored(t, f.state).Exit())
			assert.Zero(t, f.graph.dueAt(&f.state))
			_, _, err := f.try(Input{Kind: InputRetried})
			require.ErrorIs(t, err, ErrConflict)
		})
	}
}

func TestExit_NamesTheFirstThatMatches(t *testing.T) {
	t.Parallel()
	f := startFlow(t, ending(paid, hour), noJitter, `{"cart_id":5}`)
	require.True(t, f.exits("order.paid", `{"cart_id":6,"total":101}`))
	assert.Empty(t, f.state.Exit().Name)

	f = startFlow(t, ending(paid, hour), noJitter, `{"cart_id":5}`)
	e := f.event("order.paid", `{"cart_id":6,"total":"many"}`)
	_, ends, err := f.graph.Exits(f.state, Input{Now: f.now, Event: e, Payload: map[string]any{"cart_id": "6", "total": "many"}, Data: f.data})
	assert.False(t, ends)
	require.ErrorContains(t, err, "event.total")
}

// An attempt that a crash cut off is recorded, and not repeated.
func TestExit_RecordsAnAttemptThatWasCutOff(t *testing.T) {
	t.Parallel()
	for delivery, code := range map[Delivery]StepErrorCode{AtLeastOnce: FailedInterrupted, AtMostOnce: FailedUnknown} {
		email := welcome
		email.Delivery = delivery
		f := startFlow(t, ending(paid, email, hour), noJitter, `{"cart_id":5}`)
		require.Equal(t, ActionPerform, f.action.Kind)
		require.True(t, f.exits("order.paid", `{"cart_id":5}`))
		f.requireEnd(RunCompleted, "")
		require.Len(t, f.step("send_email").Attempts, 1)
		assert.Equal(t, code, f.step("send_email").Attempts[0].Error.Code)
		assert.Equal(t, StepCancelled, f.step("send_email").Status)
	}
}

// For an engine in which an effect may be in flight, the run ends once that is settled.
func TestExit_WaitsForAnAttemptInFlight(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		outcome Input
		status  StepStatus
		failed  StepErrorCode
	}{
		"it succeeds":       {Input{Kind: InputSucceeded, Output: []byte(`{"email_id":"1"}`)}, StepCompleted, ""},
		"it is skipped":     {Input{Kind: InputSkipped, Reason: SkippedUnsubscribed}, StepSkipped, ""},
		"it fails":          {Input{Kind: InputFailed, Err: errors.New("busy")}, StepCancelled, FailedEffect},
		"it is interrupted": {Input{Kind: InputInterrupted}, StepCancelled, FailedInterrupted},
		"it never began":    {Input{Kind: InputReleased}, StepCancelled, ""},
		"the process ends":  {Input{Kind: InputWoken}, StepCancelled, FailedInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, ending(paid, welcome, hour), noJitter, `{"cart_id":5}`)
			f.do(Input{Kind: InputExited, Exit: RunExit{Reason: ExitEvent, Name: "paid", EventID: "e"}, inFlight: true})
			assert.Equal(t, ActionPerform, f.action.Kind)
			assert.Nil(t, f.state.Exit(), "the run is running")
			f.state = restored(t, f.state)
			f.do(tc.outcome)
			f.requireEnd(RunCompleted, "")
			assert.Equal(t, "paid", f.state.Exit().Name)
			st := f.step("send_email")
			assert.Equal(t, tc.status, st.Status)
			assert.Equal(t, tc.failed != "", len(st.Attempts) == 1)
			if tc.failed != "" {
				assert.Equal(t, tc.failed, st.Attempts[0].Error.Code)
			}
			assert.Zero(t, f.step("delay").StartedAt)
		})
	}
}

func TestExit_OfAFailedRun(t *testing.T) {
	t.Parallel()
	f := startFlow(t, ending(paid, welcome, hour), noJitter, `{"cart_id":5}`)
	f.fail(Permanent(errors.New("refused")))
	f.requireEnd(RunFailed, FailedPermanently)
	require.True(t, f.exits("order.paid", `{"cart_id":5}`))
	f.requireEnd(RunCompleted, "")
	assert.Equal(t, StepFailed, f.step("send_email").Status)
	assert.Equal(t, "paid", f.state.Exit().Name)
}

func TestWhileRule_IsReadWheneverTheRunActs(t *testing.T) {
	t.Parallel()
	x := Exit{WhileRule: Field("contact.properties.plan").Neq("pro")}
	newRun := func(configs ...StepConfig) *flow {
		f := newFlow(t, ending(x, configs...), noJitter)
		f.data.Contact.Properties = map[string]any{"plan": "free"}
		f.start()
		return f
	}
	upgrade := func(f *flow) { f.data.Contact.Properties = map[string]any{"plan": "pro"} }

	f := newRun(hour, welcome)
	upgrade(f)
	f.pass(time.Minute)
	assert.Equal(t, ActionSleep, f.action.Kind, "between, nothing looks")
	f.pass(time.Hour)
	f.requireEnd(RunCompleted, "")
	assert.Equal(t, &RunExit{Reason: ExitCondition, Step: "send_email", At: f.now}, f.state.Exit())
	assert.Equal(t, StepCancelled, f.step("send_email").Status)

	f = newRun(hour, welcome)
	upgrade(f)
	f.data.Contact.Properties = map[string]any{"plan": "free"}
	f.pass(time.Hour)
	assert.Equal(t, ActionPerform, f.action.Kind, "what holds again was not noticed")
	f.fail(errors.New("busy"))
	upgrade(f)
	f.pass(time.Hour)
	f.requireEnd(RunCompleted, "")
	assert.Equal(t, "send_email", f.state.Exit().Step)
	assert.Len(t, f.step("send_email").Attempts, 1)

	x.WhileRule = Field("contact.properties.seats").Lt(5)
	f = newFlow(t, ending(x, hour, welcome), noJitter)
	f.data.Contact.Properties = map[string]any{"seats": 1}
	f.start()
	f.data.Contact.Properties = map[string]any{"seats": "many"}
	f.pass(time.Hour)
	f.requireEnd(RunFailed, FailedCondition)
	assert.Contains(t, f.state.failure().Message, "while_rule")
	assert.Nil(t, f.state.Exit())
}

func TestMaxAge_CancelsARun(t *testing.T) {
	t.Parallel()
	x := Exit{MaxAge: MustParseDuration("90 minutes"), Events: paid.Events}
	for name, tc := range map[string]struct {
		configs []StepConfig
		play    func(f *flow)
		step    string
	}{
		"in a delay":                  {[]StepConfig{Delay{Duration: MustParseDuration("1 day")}}, func(*flow) {}, "delay"},
		"in a wait without a timeout": {[]StepConfig{WaitForEvent{EventName: "order.paid"}}, func(*flow) {}, "wait_for_event"},
		"in a second delay":           {[]StepConfig{hour, hour, welcome}, func(f *flow) { f.pass(time.Hour) }, "delay2"},
		"between the attempts of a step": {[]StepConfig{hour, welcome}, func(f *flow) {
			f.pass(time.Hour)
			f.fail(&RateLimitError{After: 2 * time.Hour})
		}, "send_email"},
		"after an attempt that took long": {[]StepConfig{hour, welcome, hour}, func(f *flow) {
			f.pass(time.Hour)
			f.now = flowStart.Add(2 * time.Hour)
			f.succeed()
			f.now = flowStart.Add(90 * time.Minute)
		}, "delay2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, ending(x, tc.configs...), noJitter, `{"cart_id":5}`)
			tc.play(f)
			if f.state.Status() == RunRunning {
				assert.Equal(t, flowStart.Add(90*time.Minute), f.graph.dueAt(&f.state))
				assert.Equal(t, flowStart.Add(90*time.Minute), f.action.Until)
				f.now = flowStart.Add(90 * time.Minute)
				f.do(Input{Kind: InputWoken})
			}
			f.requireEnd(RunCancelled, CancelledMaxAge)
			assert.Equal(t, "the run has reached its maximum age of 1 hour 30 minutes", f.state.failure().Message)
		})
	}
}

// What was due before the end comes first, however late, and so does an event that was
// accepted by then.
func TestMaxAge_ComesAfterWhatWasDueBefore(t *testing.T) {
	t.Parallel()
	x := Exit{MaxAge: MustParseDuration("90 minutes"), Events: paid.Events}
	f := startFlow(t, ending(x, hour, welcome), noJitter, `{"cart_id":5}`)
	f.pass(24 * time.Hour)
	assert.Equal(t, ActionPerform, f.action.Kind)
	f.succeed()
	f.requireEnd(RunCompleted, "")

	f = startFlow(t, ending(x, hour, hour), noJitter, `{"cart_id":5}`)
	e := f.event("order.paid", `{"cart_id":5}`)
	e.AcceptedAt = flowStart.Add(90 * time.Minute)
	late := *e
	late.AcceptedAt = e.AcceptedAt.Add(time.Microsecond)
	f.now = flowStart.Add(24 * time.Hour)
	in := Input{Now: f.now, Payload: f.data.Event, Data: f.data}
	in.Event = &late
	_, ends, _ := f.graph.Exits(f.state, in)
	assert.False(t, ends)
	in.Event = e
	_, ends, _ = f.graph.Exits(f.state, in)
	assert.True(t, ends)
}

func TestMaxAge_CancelsAWaitWhoseEventCameTooLate(t *testing.T) {
	t.Parallel()
	f := startFlow(t, ending(Exit{MaxAge: MustParseDuration("90 minutes")}, WaitForEvent{EventName: "order.paid"}, welcome), noJitter, `{}`)
	f.now = flowStart.Add(2 * time.Hour)
	f.pay()
	f.requireEnd(RunCancelled, CancelledMaxAge)
}

// A run without rules of exit keeps the bytes of its state.
func TestState_KeepsItsBytesWithoutAnExit(t *testing.T) {
	t.Parallel()
	plain := startFlow(t, sequence(hour, welcome), noJitter, `{}`)
	ruled := startFlow(t, ending(paid, hour, welcome), noJitter, `{}`)
	assert.Equal(t, stateBytes(t, plain.state), stateBytes(t, ruled.state))
	assert.Equal(t, byte(wholeVersion), stateBytes(t, ruled.state)[0])
}
