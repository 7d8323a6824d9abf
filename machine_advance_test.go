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

// flowStart is when the runs of these tests start.
var flowStart = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// flow drives one run of a graph by hand.
type flow struct {
	t      require.TestingT
	graph  *Graph
	now    time.Time
	data   Data
	state  State
	action Action
}

func newFlow(t require.TestingT, a Automation, opts CompileOptions) *flow {
	g, err := Compile(a, opts)
	require.NoError(t, err)
	return &flow{
		t: t, graph: g, now: flowStart, state: State{RunID: "run-1"},
		data: Data{Contact: &Contact{ID: "contact-1", Email: "ada@example.com"}},
	}
}

// startFlow starts a run that is triggered by an event with this payload.
func startFlow(t require.TestingT, a Automation, opts CompileOptions, payload string) *flow {
	f := newFlow(t, a, opts)
	var err error
	f.data.Event, err = decodePayload(json.RawMessage(payload), len(payload))
	require.NoError(t, err)
	f.do(Input{Kind: InputStarted, Event: f.event("user.created", payload)})
	return f
}

// do gives the run an input that fits its state.
func (f *flow) do(in Input) Action {
	next, action, err := f.try(in)
	require.NoError(f.t, err)
	f.checkProgress(next, in)
	f.state, f.action = next, action
	return action
}

// try gives the run an input, and checks that Advance is a pure function.
func (f *flow) try(in Input) (State, Action, error) {
	in.Now, in.Data = f.now, f.data
	before := stateBytes(f.t, f.state)
	next, action, err := f.graph.Advance(f.state, in)
	again, actionAgain, _ := f.graph.Advance(f.state, in)
	require.Equal(f.t, before, stateBytes(f.t, f.state), "the input state was changed")
	require.Equal(f.t, stateBytes(f.t, next), stateBytes(f.t, again), "the same input gave another state")
	require.Equal(f.t, action, actionAgain, "the same input gave another action")
	return next, action, err
}

// checkProgress checks what is true of every transition.
func (f *flow) checkProgress(next State, in Input) {
	require.Equal(f.t, f.graph.Action(next), f.graph.Action(restored(f.t, next)), "a stored run needs something else")
	if f.state.Status() != RunRunning && in.Kind != InputRetried {
		require.Equal(f.t, stateBytes(f.t, f.state), stateBytes(f.t, next), "a run that has ended has changed")
	}
	require.GreaterOrEqual(f.t, len(next.steps), len(f.state.steps), "a record is lost")
	seen := map[int]bool{}
	for i, st := range next.steps {
		require.False(f.t, seen[st.index], "step %d is recorded twice", st.index)
		seen[st.index] = true
		if i+1 < len(f.state.steps) {
			require.Equal(f.t, f.state.steps[i], st, "the record of an earlier step has changed")
		}
		if i+1 < len(next.steps) {
			require.Contains(f.t, []StepStatus{StepCompleted, StepSkipped}, st.status)
		}
	}
	require.False(f.t, next.attemptOpen && !next.dueAt.IsZero(), "an effect in flight is also due")
}

func (f *flow) pass(d time.Duration) Action {
	f.now = f.now.Add(d)
	return f.do(Input{Kind: InputWoken})
}

func (f *flow) event(name, payload string) *Event {
	return &Event{ID: "event-" + name, Name: name, Payload: json.RawMessage(payload), AcceptedAt: f.now}
}

// receive brings the run an event that is accepted now.
func (f *flow) receive(name, payload string) Action {
	return f.bring(f.event(name, payload))
}

func (f *flow) bring(e *Event) Action {
	payload, err := decodePayload(e.Payload, len(e.Payload))
	require.NoError(f.t, err)
	return f.do(Input{Kind: InputReceived, Event: e, Payload: payload})
}

func (f *flow) succeed() Action { return f.do(Input{Kind: InputSucceeded}) }

func (f *flow) fail(err error) Action { return f.do(Input{Kind: InputFailed, Err: err}) }

// step returns the record of a step.
func (f *flow) step(key string) StepRun {
	for _, s := range f.graph.StepRuns(f.state) {
		if s.Key == key {
			return s
		}
	}
	require.FailNow(f.t, "no such step", key)
	return StepRun{}
}

// statuses returns the status of each step, in graph order.
func (f *flow) statuses() string {
	text := ""
	for _, s := range f.graph.StepRuns(f.state) {
		text += fmt.Sprintf("%s:%s ", s.Key, s.Status)
	}
	return text[:max(len(text)-1, 0)]
}

// requireEnd checks how the run has ended.
func (f *flow) requireEnd(status RunStatus, code StepErrorCode) {
	require.Equal(f.t, ActionDone, f.action.Kind)
	require.Equal(f.t, status, f.action.Status)
	require.Equal(f.t, status, f.state.Status())
	if code == "" {
		require.Nil(f.t, f.state.failure())
		return
	}
	require.NotNil(f.t, f.state.failure())
	require.Equal(f.t, code, f.state.failure().Code, f.state.failure().Message)
}

func stateBytes(t require.TestingT, s State) []byte {
	b, err := s.MarshalBinary()
	require.NoError(t, err)
	return b
}

// restored returns the state as a store gives it back.
func restored(t require.TestingT, s State) State {
	back := State{RunID: s.RunID}
	require.NoError(t, back.UnmarshalBinary(stateBytes(t, s)))
	return back
}

// sequence is an automation whose steps follow one another. Their keys are their
// types; a second step of a type is counted.
func sequence(configs ...StepConfig) Automation {
	a := Automation{Name: "Sequence", Status: StatusEnabled, Steps: []Step{{Key: "trigger", Config: Trigger{EventName: "user.created"}}}}
	used := map[string]int{}
	for _, c := range configs {
		key := string(c.StepType())
		if used[key]++; used[key] > 1 {
			key = fmt.Sprintf("%s_%d", key, used[key])
		}
		last := a.Steps[len(a.Steps)-1]
		conn := Connection{From: last.Key, To: key}
		if last.Config.StepType() == TypeCondition {
			conn.Type = ConnectionConditionMet
		}
		a.Connections = append(a.Connections, conn)
		a.Steps = append(a.Steps, Step{Key: key, Config: c})
	}
	return a
}

// fork is an automation with one step from which connections of these types
// lead to delays that are named like them.
func fork(c StepConfig, branches ...ConnectionType) Automation {
	a := sequence(c)
	for _, b := range branches {
		a.Steps = append(a.Steps, Step{Key: string(b), Config: Delay{Duration: DurationOf(time.Hour)}})
		a.Connections = append(a.Connections, Connection{From: a.Steps[1].Key, To: string(b), Type: b})
	}
	return a
}

var (
	hour    = Delay{Duration: DurationOf(time.Hour)}
	welcome = SendEmail{Template: TemplateRef{ID: "welcome"}}
	// noJitter makes back-offs easy to foresee.
	noJitter = CompileOptions{Retry: RetryPolicy{Jitter: -1}}
)

func TestAdvance_TriggerAlone(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(), CompileOptions{}, "")
	f.requireEnd(RunCompleted, "")
	assert.Equal(t, "trigger:completed", f.statuses())
	assert.Equal(t, flowStart, f.step("trigger").StartedAt)
	assert.Equal(t, flowStart, f.step("trigger").CompletedAt)
}

func TestAdvance_Condition(t *testing.T) {
	t.Parallel()
	both := []ConnectionType{ConnectionConditionMet, ConnectionConditionNotMet}
	for name, tc := range map[string]struct {
		payload  string
		branches []ConnectionType
		step     string
		code     StepErrorCode
		output   string
	}{
		"met": {
			`{"plan":"pro"}`, both, "condition_met", "",
			`{"branch":"condition_met","rules":[{"field":"event.plan","operator":"eq","value":"pro","result":true}]}`,
		},
		"not met": {
			`{"plan":"free"}`, both, "condition_not_met", "",
			`{"branch":"condition_not_met","rules":[{"field":"event.plan","operator":"eq","value":"pro","result":false}]}`,
		},
		"met, but nothing follows":     {`{"plan":"pro"}`, both[1:], "", "", ""},
		"not met, but nothing follows": {`{"plan":"free"}`, both[:1], "", "", ""},
		"an absent field fails":        {`{}`, both, "", FailedCondition, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, fork(Condition{Rule: Field("event.plan").Eq("pro")}, tc.branches...), CompileOptions{}, tc.payload)
			switch {
			case tc.code != "":
				f.requireEnd(RunFailed, tc.code)
				assert.Equal(t, StepFailed, f.step("condition").Status)
				assert.Contains(t, f.step("condition").Error.Message, "event.plan")
			case tc.step == "":
				f.requireEnd(RunCompleted, "")
			default:
				assert.Equal(t, Action{Kind: ActionSleep, Step: tc.step, Until: flowStart.Add(time.Hour)}, f.action)
			}
			if tc.output != "" {
				assert.JSONEq(t, tc.output, string(f.step("condition").Output))
			}
		})
	}
}

func TestAdvance_Delay(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(hour, hour), CompileOptions{}, "")
	due := flowStart.Add(time.Hour)
	require.Equal(t, Action{Kind: ActionSleep, Step: "delay", Until: due}, f.action)
	assert.Equal(t, due, f.state.DueAt())
	assert.JSONEq(t, `{"resume_at":"2026-03-01T10:00:00Z"}`, string(f.step("delay").Output))

	f.receive("user.created", "")
	assert.Equal(t, due, f.action.Until, "an event does not end a delay")
	f.pass(time.Hour - time.Microsecond)
	assert.Equal(t, due, f.action.Until, "a wake-up that comes early changes nothing")

	f.pass(24 * time.Hour)
	assert.Equal(t, "trigger:completed delay:completed delay_2:waiting", f.statuses())
	assert.Equal(t, f.now.Add(time.Hour), f.action.Until, "the second delay counts from its own start")
	f.pass(time.Hour)
	f.requireEnd(RunCompleted, "")
}

func TestAdvance_WaitOutcomes(t *testing.T) {
	t.Parallel()
	wait := WaitForEvent{EventName: "order.paid", Timeout: DurationOf(time.Hour)}
	received, timeout, def := ConnectionEventReceived, ConnectionTimeout, ConnectionDefault
	for _, tc := range []struct {
		name     string
		branches []ConnectionType
		happens  func(f *flow)
		step     string
		status   RunStatus
	}{
		{"received takes event_received", []ConnectionType{received, timeout}, (*flow).pay, "event_received", RunRunning},
		{"received falls back to default", []ConnectionType{def, timeout}, (*flow).pay, "default", RunRunning},
		{"received prefers event_received", []ConnectionType{def, received}, (*flow).pay, "event_received", RunRunning},
		{"received and nothing follows", []ConnectionType{timeout}, (*flow).pay, "wait_for_event", RunCompleted},
		{"timeout takes timeout", []ConnectionType{received, timeout}, (*flow).timeOut, "timeout", RunRunning},
		{"timeout falls back to default", []ConnectionType{def, received}, (*flow).timeOut, "default", RunRunning},
		{"timeout prefers timeout", []ConnectionType{def, timeout}, (*flow).timeOut, "timeout", RunRunning},
		{"timeout without connection fails", []ConnectionType{received}, (*flow).timeOut, "wait_for_event", RunFailed},
		{"timeout with no connection at all fails", nil, (*flow).timeOut, "wait_for_event", RunFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, fork(wait, tc.branches...), CompileOptions{}, "")
			require.Equal(t, Action{
				Kind: ActionWait, Step: "wait_for_event", Event: "order.paid", Until: flowStart.Add(time.Hour),
			}, f.action)
			tc.happens(f)
			assert.Equal(t, tc.step, f.action.Step)
			assert.Equal(t, tc.status, f.state.Status())
			if tc.status == RunFailed {
				f.requireEnd(RunFailed, FailedTimeout)
				assert.Contains(t, f.state.failure().Message, "timed out")
			}
		})
	}
}

func (f *flow) pay()     { f.receive("order.paid", `{"amount":5}`) }
func (f *flow) timeOut() { f.pass(time.Hour) }

// An event is seen if it was accepted between the wait's start and its
// deadline, both included, whenever it is brought.
func TestAdvance_WaitTiming(t *testing.T) {
	t.Parallel()
	const early, tick = 10 * time.Minute, time.Microsecond
	waitStart := flowStart.Add(early)
	deadline := waitStart.Add(time.Hour)
	for _, tc := range []struct {
		name     string
		accepted time.Time
		lookback bool
		brought  time.Time
		step     string
	}{
		{"when the wait begins", waitStart, false, waitStart, "event_received"},
		{"in time", waitStart.Add(time.Minute), false, waitStart.Add(time.Minute), "event_received"},
		{"at the deadline", deadline, false, deadline, "event_received"},
		{"in time and brought late", deadline, false, deadline.Add(time.Hour), "event_received"},
		{"too late", deadline.Add(tick), false, deadline.Add(tick), "timeout"},
		{"before the wait", waitStart.Add(-tick), false, waitStart, "wait_for_event"},
		{"before the wait, with lookback", waitStart.Add(-tick), true, waitStart, "event_received"},
		{"when the run began, with lookback", flowStart, true, waitStart, "event_received"},
		{"before the run, with lookback", flowStart.Add(-tick), true, waitStart, "wait_for_event"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wait := WaitForEvent{EventName: "order.paid", Timeout: DurationOf(time.Hour), Lookback: tc.lookback}
			a := sequence(Delay{Duration: DurationOf(early)}, wait, hour, hour)
			a.Steps[3].Key, a.Steps[4].Key = "event_received", "timeout"
			a.Connections = append(a.Connections[:2],
				Connection{From: "wait_for_event", To: "event_received", Type: ConnectionEventReceived},
				Connection{From: "wait_for_event", To: "timeout", Type: ConnectionTimeout})
			f := startFlow(t, a, CompileOptions{}, "")
			f.pass(early)
			require.Equal(t, tc.lookback, f.action.Lookback)

			e := f.event("order.paid", "")
			e.AcceptedAt, f.now = tc.accepted, tc.brought
			f.bring(e)
			assert.Equal(t, tc.step, f.action.Step)
			if tc.step == "timeout" {
				assert.JSONEq(t, `{"timed_out_at":"2026-03-01T10:10:00Z","late_event_id":"event-order.paid"}`,
					string(f.step("wait_for_event").Output), "the event that lost is recorded")
			}
		})
	}
}

func TestAdvance_WaitFilter(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		event, payload string
		resumes        bool
	}{
		"matches":                  {"order.paid", `{"amount":10}`, true},
		"does not match":           {"order.paid", `{"amount":1}`, false},
		"another event":            {"order.made", `{"amount":10}`, false},
		"a field is missing":       {"order.paid", `{}`, false},
		"no payload":               {"order.paid", ``, false},
		"a field of another type":  {"order.paid", `{"amount":"10"}`, false},
		"null in the filter field": {"order.paid", `{"amount":null}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait := WaitForEvent{EventName: "order.paid", FilterRule: Field("event.amount").Gte(5)}
			// The payload of the event that started the run would match.
			f := startFlow(t, sequence(wait), CompileOptions{}, `{"amount":100}`)
			f.receive(tc.event, tc.payload)
			if !tc.resumes {
				assert.Equal(t, Action{Kind: ActionWait, Step: "wait_for_event", Event: "order.paid"}, f.action)
				assert.Nil(t, f.step("wait_for_event").Output)
				return
			}
			f.requireEnd(RunCompleted, "")
			assert.JSONEq(t, `{"event_id":"event-order.paid","event_name":"order.paid","payload":{"amount":10}}`,
				string(f.step("wait_for_event").Output))
		})
	}
}

func TestAdvance_WaitWithoutTimeoutIsNeverDue(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(WaitForEvent{EventName: "order.paid"}), CompileOptions{}, "")
	assert.Zero(t, f.action.Until)
	f.pass(100 * 365 * 24 * time.Hour)
	assert.Equal(t, ActionWait, f.action.Kind)
	f.pay()
	f.requireEnd(RunCompleted, "")
}

func TestAdvance_LaterStepsReadTheLastEventOfAWait(t *testing.T) {
	t.Parallel()
	wait := WaitForEvent{EventName: "order.paid"}
	check := Condition{Rule: Field("wait_events.order.paid.amount").Eq(json.Number("9007199254740993"))}
	f := startFlow(t, sequence(wait, wait, check, hour), CompileOptions{}, "")
	f.receive("order.paid", `{"amount":1}`)
	require.Equal(t, "wait_for_event_2", f.action.Step)
	f.receive("order.paid", `{"amount":9007199254740993}`)
	assert.Equal(t, "delay", f.action.Step)
}

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

// Only emails are skipped; an event that is handled late counts from when it
// was accepted.
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
	f := startFlow(t, sequence(welcome), noJitter, "")
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
		code     StepErrorCode // "" means it is tried again
	}{
		{"permanent", AtLeastOnce, fmt.Errorf("send: %w", Permanent(errors.New("no such address"))), FailedPermanently},
		{"reference", AtLeastOnce, Permanent(&ReferenceError{"event.plan"}), FailedReference},
		{"transient", AtLeastOnce, errors.New("busy"), ""},
		{"time-out", AtLeastOnce, context.DeadlineExceeded, ""},
		{"outcome unknown", AtLeastOnce, ErrOutcomeUnknown, ""},
		{"permanent, at most once", AtMostOnce, Permanent(errors.New("no such address")), FailedPermanently},
		{"transient, at most once", AtMostOnce, errors.New("busy"), ""},
		{"rate limit, at most once", AtMostOnce, &RateLimitError{Err: context.DeadlineExceeded}, ""},
		{"time-out, at most once", AtMostOnce, fmt.Errorf("send: %w", context.DeadlineExceeded), FailedUnknown},
		{"cancelled, at most once", AtMostOnce, context.Canceled, FailedUnknown},
		{"network time-out, at most once", AtMostOnce, fmt.Errorf("send: %w", lost), FailedUnknown},
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

// A run whose process is gone, or stops, repeats the effect with the same
// attempt number, or fails if the effect may happen at most once.
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

// A state of another graph, or a damaged one, is refused and never a panic.
func TestAdvance_RefusesAStateOfAnotherGraph(t *testing.T) {
	t.Parallel()
	small := newFlow(t, sequence(hour), CompileOptions{})
	long := startFlow(t, sequence(hour, welcome), CompileOptions{}, "")
	long.pass(time.Hour)
	records := func(index int) []stepState {
		return []stepState{{index: index, status: StepRunning, startedAt: flowStart}}
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

func TestAdvance_WithoutAnAttemptNoneIsInFlight(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(welcome), CompileOptions{}, "")
	s := f.state
	s.tries = 0
	_, _, err := f.graph.Advance(s, Input{Kind: InputReleased, Now: flowStart})
	require.ErrorIs(t, err, errDamagedState)
}

func TestStepRuns_AreInGraphOrder(t *testing.T) {
	t.Parallel()
	a := Automation{
		Name: "Order",
		Steps: []Step{
			{Key: "trigger", Config: Trigger{EventName: "user.created"}},
			{Key: "end", Config: hour},
			{Key: "yes", Config: hour},
			{Key: "no", Config: hour},
			{Key: "check", Config: Condition{Rule: Field("event.plan").Eq("pro")}},
			{Key: "pause", Config: hour},
		},
		Connections: []Connection{
			{From: "trigger", To: "pause"},
			{From: "pause", To: "check"},
			{From: "check", To: "yes", Type: ConnectionConditionMet},
			{From: "check", To: "no", Type: ConnectionConditionNotMet},
			{From: "yes", To: "end"},
			{From: "no", To: "end"},
		},
	}
	f := newFlow(t, a, CompileOptions{})
	f.data.Event = map[string]any{"plan": "pro"}
	assert.Equal(t, "trigger:pending pause:pending check:pending yes:pending no:pending end:pending", f.statuses())
	f.start()
	assert.Equal(t, "trigger:completed pause:waiting check:pending yes:pending no:pending end:pending", f.statuses())
	f.pass(time.Hour)
	assert.Equal(t, "trigger:completed pause:completed check:completed yes:waiting no:skipped end:pending", f.statuses())
	f.pass(time.Hour)
	assert.Equal(t, "trigger:completed pause:completed check:completed yes:completed no:skipped end:waiting", f.statuses())
	f.pass(time.Hour)
	f.requireEnd(RunCompleted, "")
	for _, s := range f.graph.StepRuns(f.state) {
		if s.Key == "no" {
			assert.Equal(t, StepRun{Key: "no", Type: TypeDelay, Status: StepSkipped}, s)
			continue
		}
		assert.False(t, s.CompletedAt.IsZero(), s.Key)
		assert.Equal(t, s.CreatedAt, s.StartedAt)
	}
}
