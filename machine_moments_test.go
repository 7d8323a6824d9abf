package automation

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func instantOf(t require.TestingT, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at.UTC()
}

func at(text string) Value { return Var(text) }

func nextAt(text string, days ...Weekday) *NextTime {
	return &NextTime{Weekdays: days, Time: MustParseLocalTime(text)}
}

// momentFlow is a flow at a time, whose contact has properties and whose event has a payload.
func momentFlow(t require.TestingT, a Automation, opts CompileOptions, now, payload string, properties map[string]any) *flow {
	f := newFlow(t, a, opts)
	f.now = instantOf(t, now)
	f.data.Contact.Properties = properties
	if payload != "" {
		require.NoError(t, json.Unmarshal([]byte(payload), &f.data.Event))
	}
	f.do(Input{Kind: InputStarted, Event: f.event("user.created", payload)})
	return f
}

// A run sleeps until the instant, and its output has it with the zone.
func TestAdvance_DelayUntil(t *testing.T) {
	t.Parallel()
	berlin := map[string]any{"timezone": "Europe/Berlin"}
	for name, tc := range map[string]struct {
		step       DelayUntil
		now        string
		payload    string
		properties map[string]any
		until      string // "" if the run goes on at once
		output     string
	}{
		"a date-time": {
			DelayUntil{At: at("event.at")}, "2026-01-01T00:00:00Z", `{"at":"2026-01-02T09:00:00+02:00"}`, nil,
			"2026-01-02T07:00:00Z", `{"at":"2026-01-02T09:00:00+02:00","resume_at":"2026-01-02T07:00:00Z","zone":"UTC"}`,
		},
		"an offset without a time counts hours": {
			DelayUntil{At: at("event.at"), Offset: MustParseOffset("-1 day"), Zone: ZoneOf("Europe/Berlin")},
			"2026-03-01T00:00:00Z", `{"at":"2026-03-29T12:00:00+02:00"}`, nil,
			"2026-03-28T10:00:00Z", `{"at":"2026-03-29T12:00:00+02:00","resume_at":"2026-03-28T10:00:00Z","zone":"Europe/Berlin"}`,
		},
		"an offset with a time counts days": {
			DelayUntil{At: at("event.at"), Offset: MustParseOffset("-1 day"), Time: MustParseLocalTime("09:00"), Zone: ContactZone()},
			"2026-03-01T00:00:00Z", `{"at":"2026-03-30"}`, berlin,
			"2026-03-29T07:00:00Z", `{"at":"2026-03-30","resume_at":"2026-03-29T07:00:00Z","zone":"Europe/Berlin"}`,
		},
		"a time in a gap is the end of the gap": {
			DelayUntil{At: String("2026-03-29"), Time: MustParseLocalTime("02:30"), Zone: ZoneOf("Europe/Berlin")},
			"2026-03-01T00:00:00Z", "", nil,
			"2026-03-29T01:00:00Z", `{"at":"2026-03-29","resume_at":"2026-03-29T01:00:00Z","zone":"Europe/Berlin"}`,
		},
		"a time that comes twice is the first": {
			DelayUntil{At: String("2026-10-25"), Time: MustParseLocalTime("02:30"), Zone: ZoneOf("Europe/Berlin")},
			"2026-03-01T00:00:00Z", "", nil,
			"2026-10-25T00:30:00Z", `{"at":"2026-10-25","resume_at":"2026-10-25T00:30:00Z","zone":"Europe/Berlin"}`,
		},
		"a weekday at its time is today": {
			DelayUntil{Next: nextAt("09:00", Saturday)}, "2026-01-03T08:00:00Z", "", nil,
			"2026-01-03T09:00:00Z", `{"resume_at":"2026-01-03T09:00:00Z","zone":"UTC"}`,
		},
		"a weekday at this very instant": {
			DelayUntil{Next: nextAt("09:00", Saturday)}, "2026-01-03T09:00:00Z", "", nil,
			"", `{"resume_at":"2026-01-03T09:00:00Z","zone":"UTC"}`,
		},
		"a weekday after two days": {
			DelayUntil{Next: nextAt("09:00", Monday, Thursday), After: MustParseDuration("2 days"), Zone: ContactZone()},
			"2026-01-03T08:00:00Z", "", berlin,
			"2026-01-05T08:00:00Z", `{"resume_at":"2026-01-05T08:00:00Z","zone":"Europe/Berlin"}`,
		},
		"a day that the zone leaves out": {
			DelayUntil{Next: nextAt("09:00"), Zone: ZoneOf("Pacific/Apia")}, "2011-12-29T20:00:00Z", "", nil,
			"2011-12-30T10:00:00Z", `{"resume_at":"2011-12-30T10:00:00Z","zone":"Pacific/Apia"}`,
		},
		"no zone": {
			DelayUntil{Next: nextAt("09:00"), Zone: ContactZone()}, "2026-01-03T08:00:00Z", "", nil,
			"2026-01-03T09:00:00Z", `{"resume_at":"2026-01-03T09:00:00Z","zone":"UTC","zone_source":"fallback_missing"}`,
		},
		"a zone that does not exist": {
			DelayUntil{Next: nextAt("09:00"), Zone: ZoneAt("event.zone")}, "2026-01-03T08:00:00Z", `{"zone":"Mars/Olympus"}`, nil,
			"2026-01-03T09:00:00Z",
			`{"resume_at":"2026-01-03T09:00:00Z","zone":"UTC","zone_source":"fallback_invalid","zone_given":"Mars/Olympus"}`,
		},
		"a zone that is no text": {
			DelayUntil{Next: nextAt("09:00"), Zone: ZoneAt("event.zone")}, "2026-01-03T08:00:00Z", `{"zone":2}`, nil,
			"2026-01-03T09:00:00Z", `{"resume_at":"2026-01-03T09:00:00Z","zone":"UTC","zone_source":"fallback_invalid"}`,
		},
		"a minute ago is now": {
			DelayUntil{At: at("event.at"), IfPast: OtherwiseFail}, "2026-01-02T09:01:00Z", `{"at":"2026-01-02T09:00:00Z"}`, nil,
			"", `{"at":"2026-01-02T09:00:00Z","resume_at":"2026-01-02T09:00:00Z","zone":"UTC"}`,
		},
		"past": {
			DelayUntil{At: at("event.at")}, "2026-01-02T09:01:01Z", `{"at":"2026-01-02T09:00:00Z"}`, nil,
			"", `{"at":"2026-01-02T09:00:00Z","resume_at":"2026-01-02T09:00:00Z","result":"past","zone":"UTC"}`,
		},
		"missing": {
			DelayUntil{At: at("event.at"), IfMissing: OtherwiseContinue}, "2026-01-02T09:00:00Z", `{"at":null}`, nil,
			"", `{"result":"missing","zone":"UTC"}`,
		},
		"a date without a time": {
			DelayUntil{At: at("event.at"), IfMissing: OtherwiseContinue}, "2026-01-02T09:00:00Z", `{"at":"2026-01-05"}`, nil,
			"", `{"result":"missing","zone":"UTC"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.step.Next == nil && tc.step.IfPast == "" {
				tc.step.IfPast = OtherwiseContinue
			}
			f := momentFlow(t, sequence(tc.step, hour), CompileOptions{}, tc.now, tc.payload, tc.properties)
			assert.JSONEq(t, tc.output, string(f.step("delay_until").Output))
			if tc.until == "" {
				assert.Equal(t, "delay", f.action.Step)
				return
			}
			assert.Equal(t, Action{Kind: ActionSleep, Step: "delay_until", Until: instantOf(t, tc.until)}, f.action)
			assert.Equal(t, StepWaiting, f.step("delay_until").Status)
			f.state = restored(t, f.state)
			f.data.Event, f.data.Contact.Properties = nil, map[string]any{"timezone": "Asia/Tokyo"}
			f.now = instantOf(t, tc.until).Add(-time.Microsecond)
			f.do(Input{Kind: InputWoken})
			assert.Equal(t, "delay_until", f.action.Step, "it woke too early")
			f.now = instantOf(t, tc.until).Add(48 * time.Hour)
			f.do(Input{Kind: InputWoken})
			assert.Equal(t, "delay", f.action.Step, "an instant that was waited for has come, however late")
			assert.JSONEq(t, tc.output, string(f.step("delay_until").Output))
		})
	}
}

// The author states what happens without an instant.
func TestAdvance_DelayUntilOtherwise(t *testing.T) {
	t.Parallel()
	const past, missing, far = `{"at":"2020-01-01T00:00:00Z"}`, `{"at":5}`, `{"at":"2027-01-03T00:00:00Z"}`
	for name, tc := range map[string]struct {
		step    DelayUntil
		payload string
		status  RunStatus
		code    StepErrorCode
	}{
		"past, end":            {DelayUntil{At: at("event.at"), IfPast: OtherwiseEnd}, past, RunCompleted, ""},
		"past, fail":           {DelayUntil{At: at("event.at"), IfPast: OtherwiseFail}, past, RunFailed, FailedPast},
		"past, continue":       {DelayUntil{At: at("event.at"), IfPast: OtherwiseContinue}, past, RunRunning, ""},
		"missing":              {DelayUntil{At: at("event.at"), IfPast: OtherwiseContinue}, missing, RunFailed, FailedNoDate},
		"missing, fail":        {DelayUntil{At: at("event.at"), IfPast: OtherwiseContinue, IfMissing: OtherwiseFail}, missing, RunFailed, FailedNoDate},
		"missing, end":         {DelayUntil{At: at("event.at"), IfPast: OtherwiseContinue, IfMissing: OtherwiseEnd}, missing, RunCompleted, ""},
		"missing, continue":    {DelayUntil{At: at("event.at"), IfPast: OtherwiseFail, IfMissing: OtherwiseContinue}, missing, RunRunning, ""},
		"too far":              {DelayUntil{At: at("event.at"), IfPast: OtherwiseContinue}, far, RunFailed, FailedTooFar},
		"as far as is allowed": {DelayUntil{At: at("event.at"), IfPast: OtherwiseContinue}, `{"at":"2027-01-02T00:00:00Z"}`, RunRunning, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := momentFlow(t, sequence(tc.step, hour), CompileOptions{}, "2026-01-01T00:00:00Z", tc.payload, nil)
			if tc.status != RunRunning {
				f.requireEnd(tc.status, tc.code)
				return
			}
			assert.NotEqual(t, ActionDone, f.action.Kind)
		})
	}
	t.Run("past, connected", func(t *testing.T) {
		t.Parallel()
		f := momentFlow(t, fork(DelayUntil{At: at("event.at")}, ConnectionDefault, ConnectionPast), CompileOptions{}, "2026-01-01T00:00:00Z", past, nil)
		assert.Equal(t, "past", f.action.Step)
		assert.Equal(t, ConnectionPast, f.step("delay_until").Branch)
	})
	t.Run("a limit of the host", func(t *testing.T) {
		t.Parallel()
		opts := CompileOptions{Limits: Limits{Until: time.Hour}}
		step := DelayUntil{At: at("event.at"), IfPast: OtherwiseContinue}
		f := momentFlow(t, sequence(step, hour), opts, "2026-01-01T00:00:00Z", `{"at":"2026-01-01T01:00:01Z"}`, nil)
		f.requireEnd(RunFailed, FailedTooFar)
	})
}

// A date of the contact is read again when its instant has come, and when the run is looked at
// before.
func TestAdvance_DelayUntilADateThatMoves(t *testing.T) {
	t.Parallel()
	step := DelayUntil{At: at("contact.properties.date"), Offset: MustParseOffset("-1 day"), Time: MustParseLocalTime("09:00"), Zone: ContactZone(), IfMissing: OtherwiseEnd}
	for name, tc := range map[string]struct {
		now        string
		date, zone any
		step       string // that the run is at; "" if it has ended
		until      string
	}{
		"the same":                          {"2026-05-01T07:00:00Z", "2026-05-02", "Europe/Berlin", "default", ""},
		"the same, three days late":         {"2026-05-04T07:00:00Z", "2026-05-02", "Europe/Berlin", "default", ""},
		"later":                             {"2026-05-01T07:00:00Z", "2026-05-09", "Europe/Berlin", "delay_until", "2026-05-08T07:00:00Z"},
		"later, looked at before":           {"2026-04-20T07:00:00Z", "2026-05-09", "Europe/Berlin", "delay_until", "2026-05-08T07:00:00Z"},
		"later, but passed while down":      {"2026-06-01T07:00:00Z", "2026-05-09", "Europe/Berlin", "past", ""},
		"earlier":                           {"2026-05-01T07:00:00Z", "2026-05-01", "Europe/Berlin", "past", ""},
		"earlier, looked at before":         {"2026-04-20T07:00:00Z", "2026-05-01", "Europe/Berlin", "delay_until", "2026-04-30T07:00:00Z"},
		"in the past":                       {"2026-05-01T07:00:00Z", "2020-01-01", "Europe/Berlin", "past", ""},
		"in the past, looked at before":     {"2026-04-20T07:00:00Z", "2020-01-01", "Europe/Berlin", "past", ""},
		"null":                              {"2026-05-01T07:00:00Z", nil, "Europe/Berlin", "", ""},
		"a text":                            {"2026-05-01T07:00:00Z", "next week", "Europe/Berlin", "", ""},
		"a number":                          {"2026-05-01T07:00:00Z", json.Number("5"), "Europe/Berlin", "", ""},
		"a zone west of it":                 {"2026-05-01T07:00:00Z", "2026-05-02", "America/New_York", "delay_until", "2026-05-01T13:00:00Z"},
		"a zone east of it":                 {"2026-05-01T07:00:00Z", "2026-05-02", "Asia/Tokyo", "past", ""},
		"the same instant, another zone":    {"2026-05-05T07:00:00Z", "2026-05-02", "Europe/Paris", "default", ""},
		"another text for the same instant": {"2026-05-05T07:00:00Z", "2026-05-02T12:00:00+02:00", "Europe/Berlin", "default", ""},
		"too far":                           {"2026-05-01T07:00:00Z", "2028-05-02", "Europe/Berlin", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := momentFlow(t, fork(step, ConnectionDefault, ConnectionPast), CompileOptions{}, "2026-04-01T00:00:00Z", "",
				map[string]any{"date": "2026-05-02", "timezone": "Europe/Berlin"})
			require.Equal(t, instantOf(t, "2026-05-01T07:00:00Z"), f.action.Until)
			f.state = restored(t, f.state)
			f.now = instantOf(t, tc.now)
			f.data.Contact.Properties = map[string]any{"date": tc.date, "timezone": tc.zone}
			f.do(Input{Kind: InputWoken})
			if tc.step == "" {
				assert.Equal(t, ActionDone, f.action.Kind)
				return
			}
			assert.Equal(t, tc.step, f.action.Step)
			if tc.until != "" {
				assert.Equal(t, instantOf(t, tc.until), f.action.Until)
			}
		})
	}
}

// A process that cannot load the zone, or has other data about it, does not move an instant
// that was computed.
func TestAdvance_DelayUntilWithoutTheZone(t *testing.T) {
	t.Parallel()
	step := DelayUntil{At: at("contact.properties.date"), Time: MustParseLocalTime("09:00"), Zone: ContactZone(), IfPast: OtherwiseFail}
	for name, zones := range map[string][2]string{
		"loaded there":     {"Mars/Olympus", "Mars/Olympus"},
		"a long name":      {string(make([]byte, 100)), string(make([]byte, 200))},
		"loaded elsewhere": {"Europe/Berlin", "Europe/Berlin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := momentFlow(t, sequence(step, hour), CompileOptions{}, "2026-04-01T00:00:00Z", "", map[string]any{"date": "2026-05-02", "timezone": zones[0]})
			until := f.action.Until
			st := f.state.current()
			if name == "loaded elsewhere" { // as a process without zone data has written it
				until = instantOf(t, "2026-05-02T09:00:00Z")
				f.state.dueAt = until
				st.setOutput(json.RawMessage(`{"at":"2026-05-02","resume_at":"2026-05-02T09:00:00Z","zone":"UTC","zone_source":"fallback_invalid","zone_given":"Europe/Berlin"}`))
			}
			f.data.Contact.Properties["timezone"] = zones[1]
			f.now = until
			f.do(Input{Kind: InputWoken})
			assert.Equal(t, "delay", f.action.Step)
		})
	}
}

func TestAdvance_DelayUntilIsComputedAnewOnRetry(t *testing.T) {
	t.Parallel()
	step := DelayUntil{At: at("contact.properties.date"), IfPast: OtherwiseFail}
	f := momentFlow(t, sequence(step, hour), CompileOptions{}, "2026-04-01T00:00:00Z", "", map[string]any{"date": "2026-03-01T00:00:00Z"})
	f.requireEnd(RunFailed, FailedPast)
	f.do(Input{Kind: InputRetried})
	f.requireEnd(RunFailed, FailedPast)
	f.data.Contact.Properties["date"] = "2026-06-01T00:00:00Z"
	f.do(Input{Kind: InputRetried})
	assert.Equal(t, instantOf(t, "2026-06-01T00:00:00Z"), f.action.Until)
	assert.NotContains(t, string(f.step("delay_until").Output), "result")

	next := DelayUntil{Next: nextAt("09:00")}
	f = momentFlow(t, sequence(next, welcome), CompileOptions{}, "2026-04-01T10:00:00Z", "", nil)
	f.pass(24 * time.Hour)
	assert.Equal(t, ActionPerform, f.action.Kind)
}

func office(zone Zone) Window {
	return Window{Hours: []Hours{{From: MustParseLocalTime("09:00"), To: MustParseLocalTime("17:00")}}, Zone: zone}
}

func TestAdvance_Window(t *testing.T) {
	t.Parallel()
	berlin := map[string]any{"timezone": "Europe/Berlin"}
	t.Run("open", func(t *testing.T) {
		t.Parallel()
		f := momentFlow(t, sequence(office(ContactZone()), hour), CompileOptions{}, "2026-01-01T08:00:00Z", "", berlin)
		assert.Equal(t, "delay", f.action.Step)
		assert.JSONEq(t, `{"resume_at":"2026-01-01T08:00:00Z","zone":"Europe/Berlin"}`, string(f.step("window").Output))
	})
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		f := momentFlow(t, sequence(office(ContactZone()), hour), CompileOptions{}, "2026-01-01T16:00:00Z", "", berlin)
		assert.Equal(t, Action{Kind: ActionSleep, Step: "window", Until: instantOf(t, "2026-01-02T08:00:00Z")}, f.action)
		f.now = instantOf(t, "2026-01-02T07:59:59Z")
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, "window", f.action.Step)
		f.pass(time.Second)
		assert.Equal(t, "delay", f.action.Step)
	})
	t.Run("late, and closed again", func(t *testing.T) {
		t.Parallel()
		f := momentFlow(t, sequence(office(ContactZone()), hour), CompileOptions{}, "2026-01-01T16:00:00Z", "", berlin)
		f.now = instantOf(t, "2026-01-02T16:00:00Z")
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, instantOf(t, "2026-01-03T08:00:00Z"), f.action.Until)
	})
	t.Run("in another zone", func(t *testing.T) {
		t.Parallel()
		f := momentFlow(t, sequence(office(ContactZone()), hour), CompileOptions{}, "2026-01-01T16:00:00Z", "", berlin)
		f.data.Contact.Properties = map[string]any{"timezone": "America/New_York"}
		f.now = f.action.Until
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, instantOf(t, "2026-01-02T14:00:00Z"), f.action.Until)
		f.data.Contact.Properties = map[string]any{"timezone": "Atlantic/Azores"}
		f.now = f.action.Until
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, "delay", f.action.Step)
	})
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		w := office(Zone{})
		w.Hours[0].Days = []Weekday{Monday}
		for date := MustParseDate("2030-01-07"); len(w.Except) < 51; date = date.AddDays(7) {
			w.Except = append(w.Except, date)
		}
		f := momentFlow(t, sequence(w, hour), CompileOptions{}, "2026-01-01T16:00:00Z", "", nil)
		assert.Equal(t, ActionSleep, f.action.Kind)
		g := f.graph
		g.steps[1].window.window.Hours = nil
		f.state = State{RunID: "run-2"}
		f.do(Input{Kind: InputStarted, Event: f.event("user.created", "")})
		f.requireEnd(RunFailed, FailedWindow)
	})
}

// Every attempt of an email is made while its window is open. A wait for the window spends no
// attempt.
func TestAdvance_EmailWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	opts := CompileOptions{Retry: RetryPolicy{Jitter: -1, Initial: time.Hour, MaxAttempts: 3}, MaxLateness: 2 * time.Hour}
	email := welcome
	email.Window = office(Zone{})
	start := func(t *testing.T, now string) *flow {
		return momentFlow(t, sequence(email), opts, now, "", nil)
	}
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		f := start(t, "2026-01-01T20:00:00Z")
		assert.Equal(t, Action{Kind: ActionSleep, Step: "send_email", Until: instantOf(t, "2026-01-02T09:00:00Z")}, f.action)
		assert.Equal(t, StepWaiting, f.step("send_email").Status)
		assert.JSONEq(t, `{"resume_at":"2026-01-02T09:00:00Z","zone":"UTC"}`, string(f.step("send_email").Output))
		f.state = restored(t, f.state)
		f.now = f.action.Until
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, 1, f.action.Attempt)
		assert.Equal(t, StepRunning, f.step("send_email").Status)
		assert.Empty(t, f.step("send_email").Output)
		f.do(Input{Kind: InputSucceeded, Output: json.RawMessage(`{"to":"x"}`)})
		f.requireEnd(RunCompleted, "")
		assert.JSONEq(t, `{"to":"x"}`, string(f.step("send_email").Output))
	})
	t.Run("retries", func(t *testing.T) {
		t.Parallel()
		f := start(t, "2026-01-01T16:30:00Z")
		f.fail(errors.New("down"))
		f.now = instantOf(t, "2026-01-01T17:30:00Z")
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, Action{Kind: ActionSleep, Step: "send_email", Until: instantOf(t, "2026-01-02T09:00:00Z")}, f.action)
		f.now = f.action.Until
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, 2, f.action.Attempt, "the lateness counts from the opening")
	})
	t.Run("a contact that unsubscribes meanwhile", func(t *testing.T) {
		t.Parallel()
		f := start(t, "2026-01-01T20:00:00Z")
		f.data.Contact.Unsubscribed = true
		f.now = f.action.Until
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, StepSkipped, f.step("send_email").Status)
		assert.JSONEq(t, `{"reason":"unsubscribed"}`, string(f.step("send_email").Output))
	})
	t.Run("a request to cancel", func(t *testing.T) {
		t.Parallel()
		f := start(t, "2026-01-01T20:00:00Z")
		f.do(Input{Kind: InputCancelled, Code: CancelledByRequest})
		f.requireEnd(RunCancelled, CancelledByRequest)
	})
	t.Run("late after the opening", func(t *testing.T) {
		t.Parallel()
		f := start(t, "2026-01-01T20:00:00Z")
		f.now = instantOf(t, "2026-01-02T11:00:01Z")
		f.do(Input{Kind: InputWoken})
		assert.JSONEq(t, `{"reason":"too_late"}`, string(f.step("send_email").Output))
	})
	t.Run("late, but before the first opening", func(t *testing.T) {
		t.Parallel()
		f := momentFlow(t, sequence(hour, email), opts, "2026-01-01T20:00:00Z", "", nil)
		f.now = instantOf(t, "2026-01-02T08:59:00Z")
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, instantOf(t, "2026-01-02T09:00:00Z"), f.action.Until)
		f.pass(time.Minute)
		assert.Equal(t, ActionPerform, f.action.Kind)
	})
	t.Run("late in the window, and closed by now", func(t *testing.T) {
		t.Parallel()
		f := momentFlow(t, sequence(hour, email), opts, "2026-01-01T09:00:00Z", "", nil)
		f.now = instantOf(t, "2026-01-01T18:00:00Z")
		f.do(Input{Kind: InputWoken})
		assert.JSONEq(t, `{"reason":"too_late"}`, string(f.step("send_email").Output), "it was due when the window was open")
	})
	t.Run("an attempt that a crash has cut off", func(t *testing.T) {
		t.Parallel()
		f := start(t, "2026-01-01T16:59:00Z")
		require.Equal(t, ActionPerform, f.action.Kind)
		f.now = instantOf(t, "2026-01-01T17:01:00Z")
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, instantOf(t, "2026-01-02T09:00:00Z"), f.action.Until)
		f.now = f.action.Until
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, 1, f.action.Attempt)
	})
	t.Run("an open attempt that waits for its turn", func(t *testing.T) {
		t.Parallel()
		f := start(t, "2026-01-01T16:59:00Z")
		assert.False(t, f.graph.closed(f.state, f.data, f.now))
		f.now = instantOf(t, "2026-01-01T17:00:00Z")
		assert.True(t, f.graph.closed(f.state, f.data, f.now))
		f.do(Input{Kind: InputReleased})
		f.do(Input{Kind: InputWoken})
		assert.Equal(t, instantOf(t, "2026-01-02T09:00:00Z"), f.action.Until)
		assert.False(t, f.graph.closed(f.state, f.data, f.now), "there is no attempt")
	})
	t.Run("the window of all emails", func(t *testing.T) {
		t.Parallel()
		all := opts
		all.Window = Window{Hours: []Hours{{From: MustParseLocalTime("12:00"), To: MustParseLocalTime("13:00")}}, Zone: ContactZone()}
		f := momentFlow(t, sequence(welcome, hour), all, "2026-01-01T09:00:00Z", "", nil)
		assert.Equal(t, instantOf(t, "2026-01-01T12:00:00Z"), f.action.Until)
		assert.Contains(t, string(f.step("send_email").Output), "fallback_missing")
		f.now = f.action.Until
		f.do(Input{Kind: InputWoken})
		f.do(Input{Kind: InputSucceeded, Output: json.RawMessage(`{"to":"x"}`)})
		assert.JSONEq(t, `{"to":"x","zone_source":"fallback_missing"}`, string(f.step("send_email").Output))
		f = momentFlow(t, sequence(email), all, "2026-01-01T09:00:00Z", "", nil)
		assert.Equal(t, ActionPerform, f.action.Kind, "the step's own window counts instead")
	})
	t.Run("a window without an end of its day", func(t *testing.T) {
		t.Parallel()
		night := welcome
		night.Window = Window{
			Hours:  []Hours{{From: MustParseLocalTime("22:00"), To: MustParseLocalTime("06:00")}},
			Except: []Date{MustParseDate("2026-01-02")},
		}
		f := momentFlow(t, sequence(night), opts, "2026-01-02T05:59:00Z", "", nil)
		assert.Equal(t, ActionPerform, f.action.Kind, "the night began on the day before")
		f = momentFlow(t, sequence(night), opts, "2026-01-02T23:00:00Z", "", nil)
		assert.Equal(t, instantOf(t, "2026-01-03T22:00:00Z"), f.action.Until)
	})
}
