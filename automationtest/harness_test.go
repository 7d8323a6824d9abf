package automationtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

const (
	ada = "ada@example.com"
	day = 24 * time.Hour
)

// setup returns a harness that runs the welcome flow.
func setup(t *testing.T) *automationtest.Harness {
	t.Helper()
	return automationtest.New(t, automationtest.Options{}, automationtest.Load(t, "testdata/welcome.json", nil))
}

// reporting returns the same with a TB that writes its messages to the builder.
func reporting(t *testing.T) (*automationtest.Harness, *strings.Builder) {
	t.Helper()
	var log strings.Builder
	tb := &printer{out: &log}
	return automationtest.New(tb, automationtest.Options{}, automationtest.Load(tb, "testdata/welcome.json", nil)), &log
}

func TestAdvance_EndsExactlyAfterTheDuration(t *testing.T) {
	t.Parallel()
	h := setup(t)
	start := h.Clock.Now()
	h.Send("user.created", ada, nil)
	h.Advance(10 * day)
	assert.Equal(t, start.Add(10*day), h.Clock.Now())
	assert.Equal(t, start.Add(3*day), h.Run(ada, "Welcome").Step("nudge").StartedAt, "a step happens at its own time")
}

func TestAdvance_DoesNotPerformLaterWork(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.Send("user.created", ada, nil)
	h.Advance(3*day - time.Microsecond)
	h.Run(ada, "Welcome").AssertWaiting("wait")
	h.Advance(time.Microsecond)
	h.Run(ada, "Welcome").AssertBranch("wait", automation.ConnectionTimeout)
}

func TestAdvance_RefusesToGoBack(t *testing.T) {
	t.Parallel()
	h, _ := reporting(t)
	assert.Equal(t, "automationtest: advance: -1s is negative", fatally(func() { h.Advance(-time.Second) }))
}

func TestAdvanceToEnd_LeavesWaitsWithoutTimeout(t *testing.T) {
	t.Parallel()
	h := automationtest.New(t, automationtest.Options{}, automation.Automation{
		Name: "Patient",
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "began"}},
			{Key: "month", Config: automation.Delay{Duration: automation.MustParseDuration("30 days")}},
			{Key: "wait", Config: automation.WaitForEvent{EventName: "never"}},
		},
		Connections: []automation.Connection{{From: "start", To: "month"}, {From: "month", To: "wait"}},
	})
	start := h.Clock.Now()
	h.Send("began", ada, nil)
	h.AdvanceToEnd()
	h.Run(ada, "Patient").AssertWaiting("wait")
	assert.Equal(t, start.Add(30*day), h.Clock.Now())
}

func TestAdvanceToEnd_FailsIfThereIsNone(t *testing.T) {
	t.Parallel()
	h, _ := reporting(t)
	h.Mailer.Respond = func(context.Context, automation.Email) error {
		return &automation.RateLimitError{After: 30 * day}
	}
	message := fatally(func() {
		h.Send("user.created", ada, nil)
		h.AdvanceToEnd()
	})
	assert.Contains(t, message, "there is no end")
}

func TestHarness_SameTestSameHistory(t *testing.T) {
	t.Parallel()
	play := func() string {
		h := setup(t)
		attempts := 0
		h.Mailer.Respond = func(context.Context, automation.Email) error {
			if attempts++; attempts%3 == 0 {
				return errors.New("busy")
			}
			return nil
		}
		h.Send("user.created", ada, map[string]any{"plan": "pro"})
		h.Send("user.created", "grace@example.com", map[string]any{"plan": "free"})
		h.Advance(day)
		h.Send("setup.completed", ada, nil)
		h.AdvanceToEnd()
		page, err := h.Runner.ListRuns(context.Background(), automation.RunQuery{})
		require.NoError(t, err)
		require.Len(t, page.Data, 2)
		var runs []automation.Run
		for _, r := range page.Data {
			run, err := h.Runner.GetRun(context.Background(), r.ID)
			require.NoError(t, err)
			runs = append(runs, run)
		}
		text, err := json.Marshal(runs)
		require.NoError(t, err)
		return string(text) + h.Timeline()
	}
	assert.Equal(t, play(), play())
}

func TestHarness_ThirtyDaysTakeMilliseconds(t *testing.T) {
	t.Parallel()
	a := automation.Automation{Name: "Daily", Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: "began"}}}}
	for i, last := 0, "start"; i < 30; i++ {
		pause, send := "pause"+string(rune('a'+i)), "send"+string(rune('a'+i))
		a.Steps = append(a.Steps,
			automation.Step{Key: pause, Config: automation.Delay{Duration: automation.MustParseDuration("1 day")}},
			automation.Step{Key: send, Config: automation.SendEmail{Template: automation.TemplateRef{ID: "daily"}}})
		a.Connections = append(a.Connections, automation.Connection{From: last, To: pause}, automation.Connection{From: pause, To: send})
		last = send
	}
	h := automationtest.New(t, automationtest.Options{}, a)
	began := time.Now()
	h.Send("began", ada, nil)
	h.Advance(30 * day)
	assert.Less(t, time.Since(began), time.Second, "generous: it takes about a millisecond")
	assert.Len(t, h.Emails(ada), 30)
	h.Run(ada, "Daily").AssertStatus(automation.RunCompleted)
}

func TestHarness_MovesTheClockOfTheHost(t *testing.T) {
	t.Parallel()
	mock := clock.NewMock()
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	h := automationtest.New(t, automationtest.Options{Clock: mock, Start: start})
	fired := mock.After(time.Hour)
	h.Advance(time.Hour)
	assert.Equal(t, start.Add(time.Hour), mock.Now())
	assert.Equal(t, start.Add(time.Hour), <-fired)
}

func TestClock_FiresWhatIsDue(t *testing.T) {
	t.Parallel()
	h := setup(t)
	now, soon, later := h.Clock.After(0), h.Clock.After(time.Hour), h.Clock.After(2*time.Hour)
	assert.Len(t, now, 1)
	h.Advance(time.Hour)
	assert.Len(t, soon, 1)
	assert.Empty(t, later)
}

// What passes with the harness must start in the application: a status means the same to
// New and to Apply.
func TestHarness_StatusMeansWhatItMeansToApply(t *testing.T) {
	t.Parallel()
	enabled := automationtest.Load(t, "testdata/welcome.json", nil)
	disabled, code := enabled, enabled
	disabled.Status, code.Status = automation.StatusDisabled, ""
	document, err := automation.Parse([]byte(`{"id": "Welcome", "name": "Welcome", "connections": [],
		"steps": [{"key": "start", "type": "trigger", "config": {"event_name": "user.created"}}]}`), nil)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		given automation.Automation
		runs  int
	}{
		"enabled": {enabled, 1}, "disabled": {disabled, 0}, "code without status": {code, 1}, "document without status": {document, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := automationtest.New(t, automationtest.Options{}, tt.given)
			h.Send("user.created", ada, nil)
			assert.Len(t, h.Runs(ada, ""), tt.runs)

			app, err := automation.New(memory.New(), capture.New(), automation.Options{})
			require.NoError(t, err)
			tt.given.ID = "Welcome"
			applied, err := app.Apply(t.Context(), tt.given)
			require.NoError(t, err)
			assert.Equal(t, tt.runs == 1, applied.Automation.Status == automation.StatusEnabled)
		})
	}
}

func TestHarness_CallsTheHostsObserver(t *testing.T) {
	t.Parallel()
	var seen notices
	opts := automationtest.Options{Runner: automation.Options{Observer: &seen}}
	h := automationtest.New(t, opts, automationtest.Load(t, "testdata/welcome.json", nil))
	h.Send("user.created", ada, nil)
	assert.NotEmpty(t, seen)
	assert.Contains(t, h.Timeline(), "user.created")
}

type notices []automation.Notice

func (n *notices) Observe(notice automation.Notice) { *n = append(*n, notice) }

func TestHarness_InvalidArgumentsEndTheTest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   func(tb automationtest.TB, h *automationtest.Harness)
		want string
	}{
		"a file that is not there": {
			func(tb automationtest.TB, _ *automationtest.Harness) {
				automationtest.Load(tb, "testdata/none.json", nil)
			},
			"automationtest: open testdata/none.json: no such file or directory",
		},
		"a file that is no automation": {
			func(tb automationtest.TB, _ *automationtest.Harness) { automationtest.Load(tb, "harness_test.go", nil) },
			"automationtest: harness_test.go: automation: ",
		},
		"an automation that is invalid": {
			func(tb automationtest.TB, _ *automationtest.Harness) {
				automationtest.New(tb, automationtest.Options{}, automation.Automation{Name: "Empty"})
			},
			"automationtest: automation: automation \"Empty\": ",
		},
		"options that are invalid": {
			func(tb automationtest.TB, _ *automationtest.Harness) {
				automationtest.New(tb, automationtest.Options{Runner: automation.Options{Delivery: "sometimes"}})
			},
			"automationtest: new: automation: options: Delivery",
		},
		"an event that is refused": {
			func(_ automationtest.TB, h *automationtest.Harness) { h.Send("resend:x", ada, nil) },
			"automationtest: send: automation: event \"resend:x\": name",
		},
		"a run that there is not": {
			func(_ automationtest.TB, h *automationtest.Harness) { h.Run(ada, "Welcome") },
			ada + " has no runs of \"Welcome\"",
		},
		"a contact that there is not": {
			func(_ automationtest.TB, h *automationtest.Harness) { h.Contact(ada) },
			"automationtest: automation: contact \"" + ada + "\": not found",
		},
		"a step that there is not": {
			func(_ automationtest.TB, h *automationtest.Harness) {
				h.Send("user.created", ada, nil)
				h.Run(ada, "Welcome").Step("wlecome")
			},
			"automation \"Welcome\" has no step \"wlecome\"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			tb := &printer{out: &log}
			h := automationtest.New(tb, automationtest.Options{}, automationtest.Load(t, "testdata/welcome.json", nil))
			message := fatally(func() { tt.do(tb, h) })
			assert.Truef(t, strings.HasPrefix(message, tt.want), "got %s", message)
		})
	}
}

func TestHarness_LogsTheTimelineOfAFailedTest(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	tb := &printer{out: &log}
	h := automationtest.New(tb, automationtest.Options{}, automationtest.Load(t, "testdata/welcome.json", nil))
	h.Send("user.created", ada, nil)
	tb.end()
	assert.Empty(t, log.String(), "nothing has failed")
	tb.Errorf("an assertion of other code")
	tb.end()
	assert.Contains(t, log.String(), "timeline:\n"+h.Timeline())
}
