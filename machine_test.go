package automation

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAdvance_CancelInEveryState(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		config StepConfig
		before func(f *flow)
		step   string
	}{
		{"not started", hour, nil, "trigger"},
		{"sleeping", hour, (*flow).start, "delay"},
		{"waiting", WaitForEvent{EventName: "order.paid"}, (*flow).start, "wait_for_event"},
		{"performing", welcome, (*flow).start, "send_email"},
		{"backing off", welcome, func(f *flow) { f.start(); f.fail(errors.New("busy")) }, "send_email"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFlow(t, sequence(tc.config, hour), noJitter)
			if tc.before != nil {
				tc.before(f)
			}
			f.do(Input{Kind: InputCancelled, Code: CancelledByRequest, Reason: "enough"})
			f.requireEnd(RunCancelled, CancelledByRequest)
			cancelled := f.step(tc.step)
			assert.Equal(t, StepCancelled, cancelled.Status)
			assert.Equal(t, &StepError{CancelledByRequest, "enough"}, cancelled.Error)
			assert.Equal(t, f.now, cancelled.CompletedAt)
			assert.Zero(t, f.state.DueAt())
			assert.False(t, f.state.AttemptOpen())

			_, _, err := f.try(Input{Kind: InputRetried})
			require.ErrorIs(t, err, ErrConflict)
		})
	}
}

func (f *flow) start() { f.do(Input{Kind: InputStarted}) }

func TestAdvance_AnEndedRunTakesNoInput(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(WaitForEvent{EventName: "order.paid"}), CompileOptions{}, "")
	f.pay()
	f.requireEnd(RunCompleted, "")
	for kind := InputStarted; kind < InputRetried; kind++ {
		f.do(Input{Kind: kind, Event: f.event("order.paid", ""), Err: errors.New("late")})
		f.requireEnd(RunCompleted, "")
	}
	next, _, err := f.try(Input{Kind: InputRetried})
	require.ErrorIs(t, err, ErrConflict)
	require.ErrorContains(t, err, "run-1")
	require.Equal(t, stateBytes(t, f.state), stateBytes(t, next))
}

func TestAdvance_RetryGoesOnFromTheFailedStep(t *testing.T) {
	t.Parallel()
	tries := noJitter
	tries.Retry.MaxAttempts = 1
	tries.Registry = slackRegistry()
	timeout := WaitForEvent{EventName: "order.paid", Timeout: DurationOf(time.Hour)}
	for _, tc := range []struct {
		name  string
		a     Automation
		fails func(f *flow)
		fixed func(f *flow)
		again Action
	}{
		{
			"condition", sequence(Condition{Rule: Field("contact.properties.seats").Gt(1)}, hour),
			func(*flow) {},
			func(f *flow) { f.data.Contact.Properties = map[string]any{"seats": 5} },
			Action{Kind: ActionSleep, Step: "delay", Until: flowStart.Add(25 * time.Hour)},
		},
		{
			"wait, with its full timeout", fork(timeout, ConnectionEventReceived),
			(*flow).timeOut, func(*flow) {},
			Action{Kind: ActionWait, Step: "wait_for_event", Event: "order.paid", Until: flowStart.Add(26 * time.Hour)},
		},
		{
			"email", sequence(welcome),
			func(f *flow) { f.fail(errors.New("busy")) }, func(*flow) {},
			Action{Kind: ActionPerform, Step: "send_email", Attempt: 1, Delivery: AtLeastOnce},
		},
		{
			"contact update", sequence(ContactUpdate{FirstName: Var("event.name")}),
			func(f *flow) { f.fail(&ReferenceError{"event.name"}) }, func(*flow) {},
			Action{Kind: ActionPerform, Step: "contact_update", Attempt: 1, Delivery: AtLeastOnce},
		},
		{
			"a custom step whose outcome is unknown", sequence(slack{Channel: "c"}),
			func(f *flow) { f.pass(time.Minute); f.now = flowStart }, func(*flow) {},
			Action{Kind: ActionPerform, Step: "acme.slack", Attempt: 1, Delivery: AtMostOnce},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFlow(t, tc.a, tries)
			f.data.Contact.Properties = map[string]any{"seats": "many"}
			f.start()
			tc.fails(f)
			require.Equal(t, RunFailed, f.state.Status())
			failed := f.action.Step
			attempts := len(f.step(failed).Attempts)

			f.now = f.now.Add(24 * time.Hour)
			tc.fixed(f)
			f.state = restored(t, f.state)
			again := f.do(Input{Kind: InputRetried})
			again.Until = f.action.Until
			assert.Equal(t, tc.again, again)
			assert.Equal(t, RunRunning, f.state.Status())
			assert.Len(t, f.step(failed).Attempts, attempts, "earlier attempts stay on record")
			if f.action.Step == failed {
				assert.Nil(t, f.step(failed).Error)
				assert.Nil(t, f.step(failed).Output)
				assert.Zero(t, f.step(failed).CompletedAt)
			}
			before := f.state
			f.do(Input{Kind: InputRetried})
			assert.Equal(t, before, f.state, "retrying twice is retrying once")
		})
	}
}

func TestAdvance_RefusesInputThatDoesNotFit(t *testing.T) {
	t.Parallel()
	t.Run("not started", func(t *testing.T) {
		t.Parallel()
		f := newFlow(t, sequence(hour), CompileOptions{})
		for _, kind := range []InputKind{InputWoken, InputReceived, InputSucceeded, InputFailed, InputReleased, InputRetried, 0, 99} {
			next, _, err := f.try(Input{Kind: kind})
			require.Error(t, err, kind)
			require.Equal(t, stateBytes(t, f.state), stateBytes(t, next))
		}
	})
	t.Run("no effect in flight", func(t *testing.T) {
		t.Parallel()
		f := startFlow(t, sequence(hour), CompileOptions{}, "")
		for _, kind := range []InputKind{InputSucceeded, InputFailed, InputSkipped, InputInterrupted, InputReleased, 99} {
			next, _, err := f.try(Input{Kind: kind, Err: errors.New("x")})
			require.Error(t, err, kind)
			require.Equal(t, stateBytes(t, f.state), stateBytes(t, next))
		}
	})
	t.Run("no such kind", func(t *testing.T) {
		t.Parallel()
		f := startFlow(t, sequence(welcome), CompileOptions{}, "")
		_, _, err := f.try(Input{Kind: 99})
		require.Error(t, err)
	})
	t.Run("started twice", func(t *testing.T) {
		t.Parallel()
		f := startFlow(t, sequence(welcome), CompileOptions{}, "")
		_, _, err := f.try(Input{Kind: InputStarted})
		require.Error(t, err)
	})
}

// Advance refuses a state of another graph, and a damaged state, without a panic.
func TestAdvance_RefusesAStateOfAnotherGraph(t *testing.T) {
	t.Parallel()
	small := newFlow(t, sequence(hour), CompileOptions{})
	long := startFlow(t, sequence(hour, welcome), CompileOptions{}, "")
	long.pass(time.Hour)
	records := func(index int) []stepState {
		return []stepState{{index: uint32(index), status: StepRunning, startedAt: flowStart}}
	}
	for name, s := range map[string]State{
		"of a longer graph":                  long.state,
		"at a step without record":           {started: true, at: 1, steps: records(0)},
		"started without records":            {started: true},
		"records without start":              {steps: records(0)},
		"an effect where there is none":      {started: true, attemptOpen: true, tries: 1, at: 1, steps: records(1)},
		"beyond the steps":                   {started: true, at: 7, steps: records(7)},
		"a record of a step that is unknown": {started: true, at: 1, steps: append(records(9), records(1)...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind := InputStarted; kind <= InputRetried; kind++ {
				_, _, err := small.graph.Advance(s, Input{Kind: kind, Now: flowStart})
				require.ErrorIs(t, err, errDamagedState, kind)
			}
			require.Nil(t, small.graph.StepRuns(s))
			_, err := small.graph.Effect(s, Data{Contact: &Contact{}})
			require.Error(t, err)
		})
	}
}
