package automation

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flowStart is the time at which the runs of these tests start.
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

// startFlow starts a run with an event that has this payload.
func startFlow(t require.TestingT, a Automation, opts CompileOptions, payload string) *flow {
	f := newFlow(t, a, opts)
	var err error
	f.data.Event, err = decodePayload(json.RawMessage(payload), len(payload))
	require.NoError(t, err)
	f.do(Input{Kind: InputStarted, Event: f.event("user.created", payload)})
	return f
}

// do advances the run by an input that fits its state.
func (f *flow) do(in Input) Action {
	next, action, err := f.try(in)
	require.NoError(f.t, err)
	f.requireProgress(next, in)
	f.state, f.action = next, action
	return action
}

// try calls Advance with an input, and verifies that Advance is a pure function.
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

// requireProgress verifies the invariants of every transition.
func (f *flow) requireProgress(next State, in Input) {
	require.Equal(f.t, f.graph.Action(next), f.graph.Action(restored(f.t, next)), "a stored run needs something else")
	again := in.Kind == InputRetried || in.Kind == InputExited && f.state.Status() == RunFailed
	if f.state.Status() != RunRunning && !again {
		require.Equal(f.t, stateBytes(f.t, f.state), stateBytes(f.t, next), "a run that has ended has changed")
	}
	require.GreaterOrEqual(f.t, len(next.steps), len(f.state.steps), "a record is lost")
	seen := map[uint32]bool{}
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

// receive gives the run an event that is accepted now.
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

// step returns the record of the step with this key.
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

// requireEnd verifies the status and the error with which the run ended.
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

// restored returns the state after it is encoded and decoded, as a store returns it.
func restored(t require.TestingT, s State) State {
	back := State{RunID: s.RunID}
	require.NoError(t, back.UnmarshalBinary(stateBytes(t, s)))
	return back
}

// sequence is an automation whose steps follow one another. The key of a step is its
// type, with a number if an earlier step has the same type.
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

// fork is an automation with one step and a connection of each of these types. Each
// connection leads to a delay whose key is the type.
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
	// noJitter makes back-offs predictable.
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

// An event resumes a wait if it was accepted from the start of the wait to its deadline,
// both included, no matter when the run receives it.
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

func TestAdvance_ReportsWhetherAnEventResumedTheRun(t *testing.T) {
	t.Parallel()
	wait := WaitForEvent{EventName: "order.paid", Timeout: MustParseDuration("1 hour"), FilterRule: Field("event.amount").Gt(10)}
	for name, tc := range map[string]struct {
		bring func(f *flow) Action
		want  bool
	}{
		"the event":             {func(f *flow) Action { return f.receive("order.paid", `{"amount":11}`) }, true},
		"another name":          {func(f *flow) Action { return f.receive("order.sent", `{"amount":11}`) }, false},
		"not what it waits for": {func(f *flow) Action { return f.receive("order.paid", `{"amount":9}`) }, false},
		"a timeout":             {func(f *flow) Action { return f.pass(time.Hour) }, false},
		"after the deadline": {func(f *flow) Action {
			f.now = f.now.Add(2 * time.Hour)
			return f.receive("order.paid", `{"amount":11}`)
		}, true},
		"after the run has ended": {func(f *flow) Action {
			f.receive("order.paid", `{"amount":11}`)
			return f.receive("order.paid", `{"amount":11}`)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFlow(t, fork(wait, ConnectionEventReceived, ConnectionTimeout), CompileOptions{}, `{}`)
			assert.Equal(t, tc.want, tc.bring(f).Resumed)
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
			// The payload of the event that started the run matches the
			// filter.
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
