package automation

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// genPayload draws a payload for the references of genAutomation. Some fields are absent,
// and some have unexpected types.
func genPayload(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		``, `null`, `{}`,
		`{"plan":"pro","amount":5,"response":"yes","opt_out":false,"items":[{"sku":"s-1"}]}`,
		`{"plan":"free","amount":1000.5,"response":"2026-02-01","opt_out":true}`,
		`{"plan":null,"amount":"5","response":{"a":[1]},"opt_out":null,"items":{}}`,
		`{"plan":["pro"],"amount":9007199254740993,"response":null}`,
	}).Draw(t, "payload")
}

func genCompileOptions(t *rapid.T) CompileOptions {
	return CompileOptions{
		Retry:       RetryPolicy{MaxAttempts: rapid.IntRange(1, 3).Draw(t, "attempts")},
		Delivery:    rapid.SampledFrom([]Delivery{"", AtLeastOnce, AtMostOnce}).Draw(t, "delivery"),
		MaxLateness: rapid.SampledFrom([]time.Duration{0, 0, time.Minute, 100 * time.Hour}).Draw(t, "lateness"),
	}
}

func genEffectError(t *rapid.T) error {
	return rapid.SampledFrom([]error{
		errors.New("busy"), Permanent(errors.New("no")), context.DeadlineExceeded, ErrOutcomeUnknown,
		&RateLimitError{}, &RateLimitError{After: time.Hour}, &ReferenceError{"event.plan"},
	}).Draw(t, "error")
}

// play draws an input that is possible in the run's state, and applies it.
func (f *flow) play(t *rapid.T) {
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0:
		f.do(Input{Kind: InputCancelled, Code: CancelledByRequest, Reason: "enough"})
	case 1:
		contact := f.data.Contact.Clone()
		contact.Unsubscribed = rapid.Bool().Draw(t, "unsubscribed")
		contact.FirstName = rapid.SampledFrom([]string{"", "Ada"}).Draw(t, "name")
		f.data.Contact = &contact
	case 2, 3, 4:
		f.receiveAny(t)
	default:
		f.playAction(t)
	}
}

func (f *flow) receiveAny(t *rapid.T) {
	e := f.event(rapid.SampledFrom(genEventNames).Draw(t, "event"), genPayload(t))
	e.AcceptedAt = f.now.Add(-time.Duration(rapid.IntRange(0, 48).Draw(t, "late")) * time.Hour)
	payload, err := decodePayload(e.Payload, len(e.Payload))
	require.NoError(t, err)
	if x, ends, _ := f.graph.Exits(f.state, Input{Now: f.now, Event: e, Payload: payload, Data: f.data}); ends {
		f.do(Input{Kind: InputExited, Exit: x, inFlight: f.state.AttemptOpen() && rapid.Bool().Draw(t, "in flight")})
		return
	}
	f.bring(e)
}

func (f *flow) playAction(t *rapid.T) {
	switch f.action.Kind {
	case ActionPerform:
		f.playEffect(t)
	case ActionDone:
		if f.state.Status() == RunFailed {
			f.do(Input{Kind: InputRetried})
		}
	default:
		f.pass(time.Duration(rapid.IntRange(0, 200).Draw(t, "hours")) * time.Hour)
	}
}

func (f *flow) playEffect(t *rapid.T) {
	switch rapid.IntRange(0, 6).Draw(t, "outcome") {
	case 0:
		f.do(Input{Kind: InputInterrupted})
	case 1:
		f.do(Input{Kind: InputReleased})
	case 2:
		f.pass(time.Hour) // the process is gone
	case 3:
		f.fail(genEffectError(t))
	default:
		f.perform()
	}
}

// perform performs the run's effect with success.
func (f *flow) perform() {
	effect, err := f.graph.Effect(f.state, f.data)
	switch effect.(type) {
	case *SkipEffect:
		f.do(Input{Kind: InputSkipped, Reason: SkippedUnsubscribed})
	default:
		if err != nil {
			f.fail(permanentUnlessMarked(err))
			return
		}
		f.do(Input{Kind: InputSucceeded, Output: json.RawMessage(`{}`)})
	}
}

// settle performs effects with success and moves the time, until the run ends or waits
// for an event without a timeout.
func (f *flow) settle() {
	for range 10 * len(f.graph.steps) {
		switch {
		case f.action.Kind == ActionDone:
			return
		case f.action.Kind == ActionPerform:
			f.perform()
		case f.action.Until.IsZero():
			require.Equal(f.t, ActionWait, f.action.Kind, "the run is stuck")
			require.Zero(f.t, f.graph.steps[f.state.at].duration, "a wait with a timeout is never due")
			return
		default:
			f.now = f.action.Until
			f.do(Input{Kind: InputWoken})
		}
	}
	require.Fail(f.t, "the run does not end")
}

// For any graph and any inputs, the run ends at last, or waits for an event without a
// timeout. The function do verifies every transition.
func TestAdvance_AnyRunOfAnyGraphEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := genAutomation(t)
		f := startFlow(t, a, genCompileOptions(t), genPayload(t))
		for range rapid.IntRange(0, 40).Draw(t, "plays") {
			f.play(t)
		}
		f.settle()
		f.requireRecords()
	})
}

// requireRecords verifies the records of a run's steps.
func (f *flow) requireRecords() {
	runs := f.graph.StepRuns(f.state)
	require.Len(f.t, runs, len(f.graph.steps))
	open := 0
	for _, r := range runs {
		require.True(f.t, len(r.Output) == 0 || r.Output[0] == '{' && json.Valid(r.Output), "%s: %s", r.Key, r.Output)
		switch r.Status {
		case StepRunning, StepWaiting:
			open++
			require.Zero(f.t, r.CompletedAt)
		case StepPending:
			require.Equal(f.t, RunRunning, f.state.Status(), "nothing is pending when a run has ended")
		case StepFailed, StepCancelled:
			if f.state.Exit() == nil {
				require.NotNil(f.t, r.Error)
				require.Equal(f.t, f.state.failure(), r.Error)
			}
		}
	}
	if f.state.Status() == RunRunning {
		require.Equal(f.t, 1, open)
		return
	}
	require.Zero(f.t, open)
	require.Zero(f.t, f.state.DueAt())
	require.Equal(f.t, f.state.Status() == RunCompleted, f.state.failure() == nil)
}
