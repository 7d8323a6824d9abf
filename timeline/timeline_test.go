package timeline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/timeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var start = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

const hour = time.Hour

func ptr[T any](v T) *T { return &v }

// run returns the run of the notices.
func run(status automation.RunStatus) automation.Run {
	return automation.Run{ID: "run-1", AutomationID: "auto-1", ContactID: "contact-1", EventName: "user.created", Status: status}
}

// step returns a notice about a step of the run.
func step(at time.Duration, key string, typ automation.StepType, status automation.StepStatus, output string) *automation.StepChanged {
	n := &automation.StepChanged{At: start.Add(at), Run: run(automation.RunRunning)}
	n.Step = automation.StepRun{Key: key, Type: typ, Status: status, Output: json.RawMessage(output)}
	return n
}

// took sets the branch that a step took.
func took(branch automation.ConnectionType, n *automation.StepChanged) *automation.StepChanged {
	n.Step.Branch = branch
	return n
}

// waiting is step for a step that waits until due, for one of the events if there are any.
func waiting(at time.Duration, key string, typ automation.StepType, events []string, due time.Time) *automation.StepChanged {
	n := step(at, key, typ, automation.StepWaiting, "")
	n.Run.Listens, n.Run.DueAt = events, due
	return n
}

// attempts is step for an email after n failed attempts.
func attempts(at time.Duration, n int, due time.Time) *automation.StepChanged {
	s := step(at, "offer", automation.TypeSendEmail, automation.StepRunning, "")
	s.Run.DueAt = due
	for i := range n {
		e := automation.StepError{Code: automation.FailedEffect, Message: "503 busy"}
		s.Step.Attempts = append(s.Step.Attempts, automation.Attempt{Number: i + 1, At: s.At, Error: e})
	}
	return s
}

// failed is step for a failed step.
func failed(at time.Duration, key, message string) *automation.StepChanged {
	n := step(at, key, "acme.slack", automation.StepFailed, "")
	n.Step.Error = &automation.StepError{Code: automation.FailedPermanently, Message: message}
	return n
}

// everything holds a notice of every type, and one for every line about a step.
func everything() []automation.Notice {
	event := automation.Event{ID: "e1", Name: "user.created", Email: "ada@example.com", Payload: json.RawMessage("{\n  \"plan\": \"pro\"\n}")}
	other := automation.Event{ID: "e2", Name: "page.viewed", ContactID: "contact-1", Payload: json.RawMessage(`{"url":"` + strings.Repeat("x", 100) + `"}`)}
	why := &automation.StepError{Code: automation.FailedPermanently, Message: "no such channel"}
	lost := run(automation.RunFailed)
	lost.Error = why
	return []automation.Notice{
		&automation.EventAccepted{At: start, Event: event},
		&automation.ContactCreated{At: start, Contact: automation.Contact{
			ID: "contact-1", Email: "ada@example.com", FirstName: "Ada", LastName: "L", Unsubscribed: true,
			Properties: map[string]any{"vip": true, "city": "<Paris>"}, Segments: []string{"beta"},
		}},
		&automation.RunStarted{At: start, Run: run(automation.RunRunning)},
		step(0, "start", automation.TypeTrigger, automation.StepCompleted, ""),
		took(automation.ConnectionConditionMet, step(0, "is_pro", automation.TypeCondition, automation.StepCompleted,
			`{"branch":"condition_met","rules":[{"field":"event.plan","operator":"eq","value":"pro","result":true},{"field":"event.x","operator":"exists","result":null}]}`)),
		took("team", step(0, "size", automation.TypeBranch, automation.StepCompleted,
			`{"branch":"team","branches":[{"name":"pro","rules":[{"field":"event.plan","operator":"eq","value":"max","result":false}]},`+
				`{"name":"team","rules":[{"field":"event.seats","operator":"exists","result":true}]}]}`)),
		step(0, "tell", automation.TypeSendEvent, automation.StepCompleted, `{"event_id":"019cadc6-9a80-7800-8000-a6c1558fe7af"}`),
		took("none", step(0, "offer", automation.TypeSplit, automation.StepCompleted, `{"branch":"none","holdout":true}`)),
		step(0, "monday", automation.TypeDelayUntil, automation.StepCompleted, `{"resume_at":"2026-01-05T09:00:00Z","zone":"Europe/Berlin"}`),
		took(automation.ConnectionPast, step(0, "day", automation.TypeDelayUntil, automation.StepCompleted,
			`{"at":"2026-01-01","resume_at":"2026-01-01T09:00:00Z","result":"past","zone":"UTC"}`)),
		step(0, "none", automation.TypeDelayUntil, automation.StepCompleted, `{"result":"missing","zone":"UTC"}`),
		step(0, "open", automation.TypeWindow, automation.StepCompleted, `{"resume_at":"2026-01-05T09:00:00Z","zone":"UTC","zone_source":"fallback_missing"}`),
		step(0, "opens", automation.TypeWindow, automation.StepCompleted, `{"resume_at":"2026-01-05T09:00:00Z","zone":"UTC","zone_source":"fallback_invalid"}`),
		took("left", step(0, "either", automation.TypeWaitForAny, automation.StepCompleted,
			`{"name":"left","event_id":"event-9","event_name":"cart.emptied","payload":null}`)),
		step(0, "leave", automation.TypeRemoveFromSegment, automation.StepCompleted, `{"segment_id":"beta"}`),
		step(0, "welcome", automation.TypeSendEmail, automation.StepRunning, ""),
		step(0, "welcome", automation.TypeSendEmail, automation.StepCompleted,
			`{"to":"ada@example.com","email_id":"1","template":{"id":"welcome"},"variables":{"PLAN":"pro"}}`),
		waiting(0, "pause", automation.TypeDelay, nil, start.Add(36*hour)),
		&automation.EventHandled{At: start, Event: event, Started: []string{"run-1"}},

		&automation.EventAccepted{At: start.Add(hour), Event: other},
		&automation.EventHandled{At: start.Add(hour), Event: other},

		step(36*hour, "pause", automation.TypeDelay, automation.StepCompleted, ""),
		waiting(36*hour, "wait", automation.TypeWaitForEvent, []string{"paid"}, start.Add(60*hour)),
		took(automation.ConnectionEventReceived, step(37*hour, "wait", automation.TypeWaitForEvent, automation.StepCompleted, `{"event_id":"1","event_name":"paid","payload":null}`)),
		waiting(37*hour, "again", automation.TypeWaitForEvent, []string{"order.cancelled", "paid"}, time.Time{}),
		took(automation.ConnectionTimeout, step(38*hour, "again", automation.TypeWaitForEvent, automation.StepCompleted, `{"timed_out_at":"2026-01-06T23:00:00Z"}`)),

		attempts(40*hour, 1, start.Add(40*hour+1034*time.Millisecond)),
		attempts(40*hour+1034*time.Millisecond, 1, time.Time{}),
		waiting(40*hour+1034*time.Millisecond, "offer", automation.TypeSendEmail, []string{"order.paid"}, start.Add(41*hour)), // for its window
		step(41*hour, "offer", automation.TypeSendEmail, automation.StepSkipped, `{"reason":"unsubscribed"}`),
		&automation.ContactChanged{At: start.Add(41 * hour), ContactID: "contact-1", Change: automation.ContactChange{
			FirstName: ptr(""), LastName: ptr("Lovelace"), Unsubscribed: ptr(false), Email: ptr("ada@lovelace.example"),
			Properties: map[string]any{"plan": nil}, AddSegments: []string{"customers"},
		}},
		step(41*hour, "note", automation.TypeContactUpdate, automation.StepCompleted, `{}`),
		step(41*hour, "ticket", "acme.ticket", automation.StepCompleted, `{"ticket": 7}`),
		failed(42*hour, "slack", "no such channel\ngoroutine 7 [running]:"),
		&automation.RunEnded{At: start.Add(42 * hour), Run: lost},
		step(43*hour, "slack", "acme.slack", automation.StepCancelled, ""),
		&automation.RunEnded{At: start.Add(43 * hour), Run: run(automation.RunCancelled)},
		&automation.ContactDeleted{At: start.Add(44 * hour), ContactID: "contact-1"},
		&automation.EventAccepted{At: start.Add(-hour), Event: automation.Event{Name: "odd\x1b[31m\nname", ContactID: "contact-2"}},
	}
}

func TestWriter_Golden(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := timeline.New(&out, timeline.Options{Start: start})
	w.Name("auto-1", "Welcome series")
	for _, n := range everything() {
		w.Observe(n)
	}
	require.NoError(t, w.Err())
	const golden = "testdata/everything.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), out.String())
	for _, line := range strings.Split(out.String(), "\n") {
		assert.LessOrEqual(t, len([]rune(line)), 120)
	}
}

func TestWriter_NamesRunsThatTakeTurns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := timeline.New(&out, timeline.Options{Start: start})
	first := step(0, "a", automation.TypeDelay, automation.StepCompleted, "")
	second := step(0, "b", automation.TypeDelay, automation.StepCompleted, "")
	second.Run.ID, second.Run.AutomationID = "run-2", "auto-2"
	for _, n := range []automation.Notice{first, first, second, first} {
		w.Observe(n)
	}
	assert.Equal(t, `day 0 00:00:00   Mon 2026-01-05 09:00:00   contact-1
  run      auto-1                continues
  step     a                     is over
  step     a                     is over
  run      auto-2                continues
  step     b                     is over
  run      auto-1                continues
  step     a                     is over
`, out.String())
}

func TestWriter_WithinKeepsRelatedLinesTogether(t *testing.T) {
	t.Parallel()
	for within, headings := range map[time.Duration]int{0: 3, 10 * time.Millisecond: 2} {
		t.Run(within.String(), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			w := timeline.New(&out, timeline.Options{Start: start, Within: within})
			for _, at := range []time.Duration{0, 10 * time.Millisecond, 11 * time.Millisecond} {
				w.Observe(&automation.EventAccepted{At: start.Add(at), Event: automation.Event{Name: "x", ContactID: "c"}})
			}
			assert.Equal(t, headings, strings.Count(out.String(), "day 0"))
		})
	}
}

func TestWriter_ShowsTheLocationOfTheStart(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := timeline.New(&out, timeline.Options{Start: start.In(time.FixedZone("here", 3600))})
	w.Observe(&automation.ContactDeleted{At: start, ContactID: "c"})
	assert.Contains(t, out.String(), "Mon 2026-01-05 10:00:00")
}

func TestWriter_KeepsTheFirstError(t *testing.T) {
	t.Parallel()
	broken := &brokenPipe{}
	w := timeline.New(broken, timeline.Options{Start: start})
	for range 3 {
		w.Observe(&automation.ContactDeleted{At: start, ContactID: "c"})
	}
	assert.EqualError(t, w.Err(), "broken pipe 1")
	assert.Equal(t, 1, broken.writes)
}

type brokenPipe struct{ writes int }

func (p *brokenPipe) Write([]byte) (int, error) {
	p.writes++
	return 0, errors.New(fmt.Sprint("broken pipe ", p.writes))
}

func TestWriter_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := timeline.New(&out, timeline.Options{Start: start})
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for _, n := range everything() {
				w.Name("auto-1", "Welcome series")
				w.Observe(n)
			}
		})
	}
	workers.Wait()
	require.NoError(t, w.Err())
}

func TestSince(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                              "day 0 00:00:00",
		3*24*hour + 12*hour + 30*60e9:  "day 3 12:30:00",
		1034 * time.Millisecond:        "day 0 00:00:01.034",
		-25 * hour:                     "-day 1 01:00:00",
		400 * 24 * hour:                "day 400 00:00:00",
		24*hour - time.Nanosecond*1000: "day 0 23:59:59.999",
	} {
		assert.Equal(t, want, timeline.Since(start, start.Add(d)))
	}
}
