package automation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAdvance_Email(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(welcome, hour), CompileOptions{}, "")
	require.Equal(t, Action{Kind: ActionPerform, Step: "send_email", Attempt: 1, Delivery: AtLeastOnce}, f.action)
	assert.True(t, f.state.AttemptOpen())
	assert.Zero(t, f.state.DueAt())
	f.now = f.now.Add(time.Second)
	f.do(Input{Kind: InputSucceeded, Output: json.RawMessage(`{"email_id":"e1"}`)})
	sent := f.step("send_email")
	assert.Equal(t, StepCompleted, sent.Status)
	assert.JSONEq(t, `{"email_id":"e1"}`, string(sent.Output))
	assert.Equal(t, flowStart, sent.StartedAt)
	assert.Equal(t, f.now, sent.CompletedAt)
	assert.Equal(t, f.now.Add(time.Hour), f.action.Until)
}

func TestAdvance_EmailIsSkipped(t *testing.T) {
	t.Parallel()
	unsubscribed := func(f *flow) { f.data.Contact = &Contact{ID: "contact-1", Unsubscribed: true} }
	for _, tc := range []struct {
		name    string
		late    time.Duration
		happens func(f *flow)
		reason  string
	}{
		{"unsubscribed before", 0, func(f *flow) { unsubscribed(f); f.pass(time.Hour) }, SkippedUnsubscribed},
		{"unsubscribed during back-off", 0, func(f *flow) {
			f.pass(time.Hour)
			f.fail(errors.New("refused"))
			unsubscribed(f)
			f.pass(time.Minute)
		}, SkippedUnsubscribed},
		{"unsubscribed when the effect was resolved", 0, func(f *flow) {
			f.pass(time.Hour)
			f.do(Input{Kind: InputSkipped, Reason: SkippedUnsubscribed})
		}, SkippedUnsubscribed},
		{"too late", time.Minute, func(f *flow) { f.pass(time.Hour + time.Minute + 1000) }, SkippedTooLate},
		{"late, but not too late", time.Minute, func(f *flow) { f.pass(time.Hour + time.Minute) }, ""},
		{"late without a limit", 0, func(f *flow) { f.pass(1000 * time.Hour) }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, sequence(hour, welcome, hour), CompileOptions{MaxLateness: tc.late}, "")
			tc.happens(f)
			if tc.reason == "" {
				assert.Equal(t, ActionPerform, f.action.Kind)
				return
			}
			assert.Equal(t, "trigger:completed delay:completed send_email:skipped delay_2:waiting", f.statuses())
			assert.JSONEq(t, fmt.Sprintf(`{"reason":%q}`, tc.reason), string(f.step("send_email").Output))
			assert.Nil(t, f.step("send_email").Error)
			f.pass(time.Hour)
			f.requireEnd(RunCompleted, "")
			assert.Equal(t, StepSkipped, f.step("send_email").Status)
		})
	}
}

// Only emails are skipped. Lateness counts from the acceptance of the event, even if the
// event is handled late.
func TestAdvance_LatenessOfTheFirstSteps(t *testing.T) {
	t.Parallel()
	opts := CompileOptions{MaxLateness: time.Hour}
	f := newFlow(t, sequence(ContactUpdate{FirstName: String("Ada")}, welcome), opts)
	e := f.event("user.created", "")
	f.now = f.now.Add(2 * time.Hour)
	f.do(Input{Kind: InputStarted, Event: e})
	require.Equal(t, "contact_update", f.action.Step)
	f.succeed()
	f.requireEnd(RunCompleted, "")
	assert.Equal(t, StepSkipped, f.step("send_email").Status)
}

func TestAdvance_ContactSteps(t *testing.T) {
	t.Parallel()
	for _, c := range []StepConfig{ContactUpdate{FirstName: Null()}, AddToSegment{SegmentID: "beta"}} {
		t.Run(string(c.StepType()), func(t *testing.T) {
			t.Parallel()
			f := newFlow(t, sequence(c, hour), CompileOptions{})
			f.data.Contact.Unsubscribed = true
			f.do(Input{Kind: InputStarted})
			require.Equal(t, ActionPerform, f.action.Kind, "only emails are skipped for unsubscribed contacts")
			f.succeed()
			assert.Equal(t, "delay", f.action.Step)
		})
	}
}

func TestAdvance_ContactDeleteCompletesTheRun(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(ContactDelete{}, welcome), CompileOptions{}, "")
	assert.Equal(t, "trigger:completed contact_delete:running send_email:pending", f.statuses())
	f.succeed()
	f.requireEnd(RunCompleted, "")
	assert.Equal(t, "trigger:completed contact_delete:completed send_email:skipped", f.statuses())
}

func TestAdvance_CustomStepTakesItsBranch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		branch   ConnectionType
		branches []ConnectionType
		step     string
	}{
		{"its own", "answered", []ConnectionType{"answered", ConnectionDefault}, "answered"},
		{"default", ConnectionDefault, []ConnectionType{"answered", ConnectionDefault}, "default"},
		{"none means default", "", []ConnectionType{"answered", ConnectionDefault}, "default"},
		{"not connected", "answered", []ConnectionType{ConnectionDefault}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, fork(slack{Channel: "c"}, tc.branches...), CompileOptions{Registry: slackRegistry()}, "")
			require.Equal(t, AtMostOnce, f.action.Delivery, "the step type chooses")
			f.do(Input{Kind: InputSucceeded, Branch: tc.branch, Output: json.RawMessage(`{"ok":true}`)})
			if tc.step == "" {
				f.requireEnd(RunCompleted, "")
				return
			}
			assert.Equal(t, tc.step, f.action.Step)
		})
	}
}

func TestAdvance_RetriesWithBackOffUntilTheLimit(t *testing.T) {
	t.Parallel()
	opts := noJitter
	opts.Retry.MaxAttempts = 5
	f := startFlow(t, sequence(welcome), opts, "")
	for i, backOff := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		require.Equal(t, i+1, f.action.Attempt)
		f.fail(errors.New("no route to host"))
		require.Equal(t, Action{Kind: ActionSleep, Step: "send_email", Until: f.now.Add(backOff)}, f.action)
		require.Equal(t, StepRunning, f.step("send_email").Status)
		require.Equal(t, FailedEffect, f.step("send_email").Error.Code)
		f.pass(backOff - time.Millisecond)
		require.Equal(t, ActionSleep, f.action.Kind, "it is too early for the next attempt")
		f.state = restored(t, f.state)
		f.pass(time.Millisecond)
	}
	require.Equal(t, 5, f.action.Attempt)
	f.fail(errors.New("no route to host"))
	f.requireEnd(RunFailed, FailedEffect)
	attempts := f.step("send_email").Attempts
	require.Len(t, attempts, 5)
	for i, a := range attempts {
		assert.Equal(t, i+1, a.Number)
		assert.Equal(t, StepError{FailedEffect, "no route to host"}, a.Error)
	}
	assert.Equal(t, flowStart.Add(15*time.Second), attempts[4].At)
}

func TestAdvance_SuccessAfterAFailureLeavesNoError(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(welcome), noJitter, "")
	f.fail(errors.New("busy"))
	f.pass(time.Second)
	f.succeed()
	f.requireEnd(RunCompleted, "")
	assert.Nil(t, f.step("send_email").Error)
	assert.Len(t, f.step("send_email").Attempts, 1)
}

func TestAdvance_RateLimitSpendsNoAttempt(t *testing.T) {
	t.Parallel()
	opts := noJitter
	opts.Retry.MaxAttempts = 2
	f := startFlow(t, sequence(welcome), opts, "")
	for range 10 {
		require.Equal(t, 1, f.action.Attempt)
		f.fail(fmt.Errorf("post: %w", &RateLimitError{After: 90 * time.Second}))
		require.Equal(t, f.now.Add(90*time.Second), f.action.Until)
		f.pass(90 * time.Second)
	}
	f.fail(&RateLimitError{})
	require.Equal(t, f.now.Add(time.Second), f.action.Until, "without a time the first back-off is taken")
	f.pass(time.Second)
	f.fail(&RateLimitError{After: -time.Hour})
	require.Equal(t, f.now.Add(time.Second), f.action.Until)
	f.pass(time.Second)

	f.fail(errors.New("busy"))
	f.pass(time.Second)
	require.Equal(t, 2, f.action.Attempt)
	f.fail(errors.New("busy"))
	f.requireEnd(RunFailed, FailedEffect)
	attempts := f.step("send_email").Attempts
	require.Len(t, attempts, 3, "of those that spend nothing only the latest is kept")
	assert.Equal(t, Attempt{1, flowStart.Add(15*time.Minute + time.Second), StepError{FailedRateLimit, "rate limited"}}, attempts[0])
}

// A long outage, or one retry after the other, must not make the state ever larger.
func TestAdvance_KeepsTheFirstAndTheLastAttempts(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(welcome), CompileOptions{Retry: RetryPolicy{MaxAttempts: 1000, Jitter: -1}}, "")
	var size int
	for i := range 1000 {
		before, previous := f.step("send_email"), f.state
		f.fail(fmt.Errorf("refused %04d", i+1))
		require.Len(t, f.step("send_email").Attempts, min(i+1, 15))
		require.Len(t, before.Attempts, min(i, 15), "the previous state stays as it was")
		require.NotEqual(t, before, f.step("send_email"))
		require.Len(t, f.graph.changes(previous, f.state), 1, "the Observer sees every failure")
		f.state = restored(t, f.state)
		if i == 100 {
			size = len(stateBytes(t, f.state))
		}
		f.pass(time.Hour)
	}
	f.requireEnd(RunFailed, FailedEffect)
	email := f.step("send_email")
	var numbers []int
	for _, a := range email.Attempts {
		numbers = append(numbers, a.Number)
		assert.Equal(t, fmt.Sprintf("refused %04d", a.Number), a.Error.Message)
	}
	assert.Equal(t, []int{1, 2, 3, 4, 5, 991, 992, 993, 994, 995, 996, 997, 998, 999, 1000}, numbers)
	assert.Equal(t, 985, email.AttemptsOmitted)
	assert.Contains(t, f.state.failure().Message, "1000 attempts failed")
	assert.InDelta(t, size, len(stateBytes(t, f.state)), 100)

	f.do(Input{Kind: InputRetried})
	f.fail(errors.New("refused again"))
	assert.Equal(t, 986, f.step("send_email").AttemptsOmitted)
	assert.Equal(t, 1, f.step("send_email").Attempts[14].Number)
}

func TestAdvance_RetryPolicyOfTheStepThenOfTheAutomationThenOfTheOptions(t *testing.T) {
	t.Parallel()
	attempts := func(n int) RetryPolicy { return RetryPolicy{MaxAttempts: n} }
	email := func(p RetryPolicy) SendEmail { return SendEmail{Template: TemplateRef{ID: "t"}, Retry: p} }
	custom := func(p RetryPolicy) *Registry {
		reg := NewRegistry()
		Handle(reg, func(context.Context, Call, slack) (Result, error) { return Result{}, nil }, StepOptions{Retry: p})
		return reg
	}
	none := RetryPolicy{}
	for name, tc := range map[string]struct {
		step                StepConfig
		reg                 *Registry
		automation, options RetryPolicy
		attempts            int
	}{
		"default":                   {email(none), nil, none, none, 36},
		"options":                   {email(none), nil, none, attempts(4), 4},
		"automation":                {email(none), nil, attempts(3), attempts(4), 3},
		"step":                      {email(attempts(2)), nil, attempts(3), attempts(4), 2},
		"step alone":                {email(attempts(2)), nil, none, none, 2},
		"custom step":               {slack{Channel: "c"}, custom(attempts(2)), attempts(3), attempts(4), 2},
		"custom step without":       {slack{Channel: "c"}, custom(none), attempts(3), attempts(4), 3},
		"change of a contact":       {ContactUpdate{FirstName: Null()}, nil, attempts(3), attempts(4), 3},
		"a policy applies as whole": {email(RetryPolicy{For: time.Minute, Jitter: -1}), nil, attempts(3), attempts(4), 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := sequence(tc.step)
			a.Retry = tc.automation
			if tc.options != none || tc.reg != nil {
				tc.options.Jitter = -1
			}
			f := startFlow(t, a, CompileOptions{Registry: tc.reg, Retry: tc.options}, "")
			failures := 0
			for f.action.Kind != ActionDone {
				failures++
				f.fail(errors.New("busy"))
				f.now = f.now.Add(time.Hour)
				f.do(Input{Kind: InputWoken})
			}
			f.requireEnd(RunFailed, FailedEffect)
			if name == "default" {
				assert.InDelta(t, tc.attempts, failures, 5, "with jitter")
				return
			}
			assert.Equal(t, tc.attempts, failures)
		})
	}
}

func TestAdvance_EveryAttemptThatCountsIsKept(t *testing.T) {
	t.Parallel()
	opts := noJitter
	opts.Retry.MaxAttempts = 1
	f := startFlow(t, sequence(welcome), opts, "")
	for n := range 3 {
		f.fail(errors.New("busy"))
		f.requireEnd(RunFailed, FailedEffect)
		require.Len(t, f.step("send_email").Attempts, n+1)
		f.do(Input{Kind: InputRetried})
	}
}

func TestAdvance_SomeFailuresEndTheRunAtOnce(t *testing.T) {
	t.Parallel()
	lost := &os.PathError{Op: "read", Path: "socket", Err: os.ErrDeadlineExceeded}
	for _, tc := range []struct {
		name     string
		delivery Delivery
		err      error
		code     StepErrorCode // "" means that the effect is tried again
	}{
		{"permanent", AtLeastOnce, fmt.Errorf("send: %w", Permanent(errors.New("no such address"))), FailedPermanently},
		{"reference", AtLeastOnce, Permanent(&ReferenceError{"event.plan"}), FailedReference},
		{"transient", AtLeastOnce, errors.New("busy"), ""},
		{"timeout", AtLeastOnce, context.DeadlineExceeded, ""},
		{"outcome unknown", AtLeastOnce, ErrOutcomeUnknown, ""},
		{"permanent, at most once", AtMostOnce, Permanent(errors.New("no such address")), FailedPermanently},
		{"transient, at most once", AtMostOnce, errors.New("busy"), ""},
		{"rate limit, at most once", AtMostOnce, &RateLimitError{Err: context.DeadlineExceeded}, ""},
		{"timeout, at most once", AtMostOnce, fmt.Errorf("send: %w", context.DeadlineExceeded), FailedUnknown},
		{"cancelled, at most once", AtMostOnce, context.Canceled, FailedUnknown},
		{"network timeout, at most once", AtMostOnce, fmt.Errorf("send: %w", lost), FailedUnknown},
		{"outcome unknown, at most once", AtMostOnce, fmt.Errorf("EOF: %w", ErrOutcomeUnknown), FailedUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, sequence(SendEmail{Template: TemplateRef{ID: "t"}, Delivery: tc.delivery}, hour), noJitter, "")
			require.Equal(t, tc.delivery, f.action.Delivery)
			f.fail(tc.err)
			if tc.code == "" {
				assert.Equal(t, ActionSleep, f.action.Kind)
				return
			}
			f.requireEnd(RunFailed, tc.code)
			assert.Equal(t, StepSkipped, f.step("delay").Status)
		})
	}
}

// If the process of a run stops or is gone, the run repeats the effect with the same
// attempt number. It fails if the effect may happen at most once.
func TestAdvance_UnknownOutcomes(t *testing.T) {
	t.Parallel()
	woken := func(f *flow) { f.pass(time.Minute) }
	interrupted := func(f *flow) { f.do(Input{Kind: InputInterrupted}) }
	released := func(f *flow) { f.do(Input{Kind: InputReleased}) }
	for _, tc := range []struct {
		name     string
		delivery Delivery
		happens  func(f *flow)
		again    ActionKind
		attempts int
	}{
		{"crash, at least once", AtLeastOnce, woken, ActionPerform, 1},
		{"crash, at most once", AtMostOnce, woken, ActionDone, 1},
		{"interrupted, at least once", AtLeastOnce, interrupted, ActionSleep, 1},
		{"interrupted, at most once", AtMostOnce, interrupted, ActionDone, 1},
		{"released, at least once", AtLeastOnce, released, ActionSleep, 0},
		{"released, at most once", AtMostOnce, released, ActionSleep, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, sequence(SendEmail{Template: TemplateRef{ID: "t"}, Delivery: tc.delivery}), noJitter, "")
			tc.happens(f)
			require.Equal(t, tc.again, f.action.Kind)
			require.Len(t, f.step("send_email").Attempts, tc.attempts)
			if tc.attempts > 0 {
				require.Equal(t, FailedInterrupted, f.step("send_email").Attempts[0].Error.Code)
			}
			if tc.again == ActionDone {
				f.requireEnd(RunFailed, FailedUnknown)
				return
			}
			if tc.again == ActionSleep {
				require.Equal(t, f.now, f.action.Until, "it goes on at once")
				f.pass(0)
			}
			require.Equal(t, 1, f.action.Attempt, "no attempt was spent")
			f.succeed()
			f.requireEnd(RunCompleted, "")
		})
	}
}

func TestAdvance_WithoutAnAttemptNoneIsInFlight(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(welcome), CompileOptions{}, "")
	s := f.state
	s.tries = 0
	_, _, err := f.graph.Advance(s, Input{Kind: InputReleased, Now: flowStart})
	require.ErrorIs(t, err, errDamagedState)
}
