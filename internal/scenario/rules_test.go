package scenario_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// check returns a condition.
func check(key string, rule automation.Rule) automation.Step {
	return automation.Step{Key: key, Config: automation.Condition{Rule: rule}}
}

// branch returns the branch of the condition "check" in the only run, and its error.
func branch(w *world.World) (automation.ConnectionType, *automation.StepError) {
	w.T.Helper()
	step := world.Step(w.T, w.Run(), "check")
	return step.Branch, step.Error
}

func TestRules_NotTakesTheOtherBranchAndStillFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		payload map[string]any
		want    automation.ConnectionType
	}{
		"what holds":         {map[string]any{"plan": "free"}, automation.ConnectionConditionNotMet},
		"what does not hold": {map[string]any{"plan": "pro"}, automation.ConnectionConditionMet},
		"what fails":         {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "signup", check("check", automation.Not(automation.Field("event.plan").Eq("free")))))
			w.Send(world.ForAda("signup", test.payload))
			w.Drain()
			got, err := branch(w)
			assert.Equal(t, test.want, got)
			if test.want == "" {
				require.NotNil(t, err)
				assert.Equal(t, automation.FailedCondition, err.Code)
			}
		})
	}
}

// A filter that cannot be evaluated matches nothing, and its opposite neither.
func TestRules_NotInAFilterDoesNotMatchWhatFails(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "signup", automation.Step{Key: "wait", Config: automation.WaitForEvent{
		EventName: "answer", FilterRule: automation.Not(automation.Field("event.text").Eq("no")),
	}}, world.Email("thanks")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	for _, payload := range []map[string]any{nil, {"text": "no"}, {"text": []string{"yes"}}} {
		w.Send(world.ForAda("answer", payload))
		w.Drain()
		assert.Empty(t, w.Sent())
	}
	w.Send(world.ForAda("answer", map[string]any{"text": "yes"}))
	w.Drain()
	assert.Equal(t, []string{"thanks"}, w.Sent())
}

func TestRules_InShowsItsValuesInTheOutput(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "signup", check("check", automation.Field("event.seats").In("5", json.Number("5.0")))))
	w.Send(world.ForAda("signup", json.RawMessage(`{"seats":5e0}`)))
	w.Drain()
	got, err := branch(w)
	assert.Nil(t, err)
	assert.Equal(t, automation.ConnectionConditionMet, got)
	assert.JSONEq(t, `{"branch":"condition_met","rules":[{"field":"event.seats","operator":"in","values":["5",5.0],"result":true}]}`,
		string(world.Step(t, w.Run(), "check").Output))
}

func TestRules_InFailsForAList(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "signup", check("check", automation.Field("event.tags").In("a", "b"))))
	w.Send(world.ForAda("signup", map[string]any{"tags": []string{"a"}}))
	w.Drain()
	_, err := branch(w)
	require.NotNil(t, err)
	assert.Equal(t, `field "event.tags" is of type array, which operator "in" cannot compare with a value of type list`, err.Message)
}

func TestRules_AValueIsReadFromTheData(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		payload string
		value   string
		want    automation.ConnectionType
		err     string
	}{
		"equal numbers in other digits": {`{"a":5e0,"b":5.0}`, "event.b", automation.ConnectionConditionMet, ""},
		"numbers beyond 2^53":           {`{"a":9007199254740993,"b":9007199254740992}`, "event.b", automation.ConnectionConditionNotMet, ""},
		"a number and a text":           {`{"a":5,"b":"5"}`, "event.b", automation.ConnectionConditionNotMet, ""},
		"null and an unset property":    {`{"a":null}`, "contact.properties.b", automation.ConnectionConditionMet, ""},
		"nothing":                       {`{"a":5}`, "event.b", "", `"event.b" is absent, so operator "eq" cannot compare field "event.a" with it: test it with "exists" first`},
		"a list":                        {`{"a":5,"b":[5]}`, "event.b", "", `field "event.a" is of type number, which operator "eq" cannot compare with "event.b", which is of type array`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "signup", check("check", automation.Field("event.a").Eq(automation.Var(test.value)))))
			w.Send(world.ForAda("signup", json.RawMessage(test.payload)))
			w.Drain()
			got, err := branch(w)
			assert.Equal(t, test.want, got)
			if test.err == "" {
				assert.Nil(t, err)
				return
			}
			require.NotNil(t, err)
			assert.Equal(t, automation.FailedCondition, err.Code)
			assert.Equal(t, test.err, err.Message)
		})
	}
}

// The value of a comparison in a filter may be what an earlier wait received.
func TestRules_AFilterComparesWithAnAwaitedEvent(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "signup", world.Wait("order", "order.placed"), automation.Step{Key: "paid", Config: automation.WaitForEvent{
		EventName: "order.paid", FilterRule: automation.Field("event.id").Eq(automation.Var("wait_events.order.placed.id")),
	}}, world.Email("thanks")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Send(world.ForAda("order.placed", json.RawMessage(`{"id":5}`)))
	w.Drain()
	for _, payload := range []string{`{"id":6}`, `{"id":"5"}`, `{"id":null}`, `{}`} {
		w.Send(world.ForAda("order.paid", json.RawMessage(payload)))
		w.Drain()
		assert.Empty(t, w.Sent(), payload)
	}
	w.Send(world.ForAda("order.paid", json.RawMessage(`{"id":5.0}`)))
	w.Drain()
	assert.Equal(t, []string{"thanks"}, w.Sent())
}

// A condition counts from when the run reaches it, and a filter from when the event was
// accepted, however late a process handles it.
func TestRules_ATimeIsThatOfTheTurnOrOfTheEvent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		late time.Duration // of the process, after the event of the wait
		sent []string
	}{
		"in time": {0, []string{"recent", "in_condition"}},
		"late":    {2 * time.Hour, []string{"recent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			recent := automation.Field("event.at").Gt(automation.Now("-1 hour"))
			w.Create(world.Flow("", "signup",
				automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "seen", FilterRule: recent}}, world.Email("recent"),
				check("check", automation.Field("wait_events.seen.at").Gt(automation.Now("-1 hour"))), world.Email("in_condition"),
			))
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			w.Send(world.ForAda("seen", map[string]any{"at": w.Clock.Now().Add(-2 * time.Hour)}))
			w.Drain()
			require.Empty(t, w.Sent(), "the event is about a time that is long past")
			w.Send(world.ForAda("seen", map[string]any{"at": w.Clock.Now().Add(-30 * time.Minute)}))
			w.Clock.Add(test.late)
			w.Drain()
			assert.Equal(t, test.sent, w.Sent())
		})
	}
}

// The segments are those of the moment: a step of the run may have added one.
func TestRules_ReadTheSegmentsOfTheContact(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	segments := automation.Field("contact.segments")
	w.Create(world.Flow("", "signup",
		check("before", automation.All(segments.IsEmpty(), segments.NotContains("beta"))),
		automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "beta"}},
		check("check", segments.Contains("beta")), world.Email("hello"),
	))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Equal(t, []string{"hello"}, w.Sent())
}

// In a filter, event. is the incoming event, and trigger. the one that started the run.
func TestRules_AFilterComparesWithTheTrigger(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "cart", automation.Step{Key: "paid", Config: automation.WaitForEvent{
		EventName: "paid", FilterRule: automation.Field("event.id").Eq(automation.Var("trigger.id")),
	}}, automation.Step{Key: "thanks", Config: automation.SendEmail{Template: automation.TemplateRef{
		ID: "thanks", Variables: map[string]automation.Value{
			"ID": automation.Var("trigger.id"), "RUN": automation.Var("run.id"), "AT": automation.Var("run.started_at"), "ON": automation.Var("run.trigger"),
		},
	}}}))
	started := w.Clock.Now()
	for _, payload := range []string{`{"id":1}`, `{"id":2}`, `{"id":null}`, `{}`, `null`} {
		w.Send(world.ForAda("cart", json.RawMessage(payload)))
	}
	w.Drain()
	w.Clock.Add(time.Hour)
	for _, payload := range []string{`{"id":"2"}`, `{"id":3}`, `{}`, `{"id":2.0}`} {
		w.Send(world.ForAda("paid", json.RawMessage(payload)))
		w.Drain()
	}
	require.Equal(t, []string{"thanks"}, w.Sent(), "of the run with this id only")
	sent := w.Mailer.Emails()[0]
	assert.Equal(t, map[string]any{
		"ID": json.Number("2"), "RUN": sent.RunID, "AT": started.UTC().Format("2006-01-02T15:04:05.000000Z"), "ON": "cart",
	}, sent.Variables)
	run, err := w.Runner.GetRun(w.Ctx, sent.RunID)
	require.NoError(t, err)
	assert.True(t, run.StartedAt.Equal(started))
}

// A null in the trigger equals a null in the event, and an absent field equals nothing.
func TestRules_NullAndAbsentFieldsOfTheTrigger(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cart, paid string
		sent       []string
	}{
		"null and null":     {`{"id":null}`, `{"id":null}`, []string{"thanks"}},
		"null and absent":   {`{"id":null}`, `{}`, nil},
		"absent and null":   {`{}`, `{"id":null}`, nil},
		"absent and absent": {`{}`, `{}`, nil},
		"no payload":        {`null`, `{"id":1}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "cart", automation.Step{Key: "paid", Config: automation.WaitForEvent{
				EventName: "paid", FilterRule: automation.Field("event.id").Eq(automation.Var("trigger.id")),
			}}, world.Email("thanks")))
			w.Send(world.ForAda("cart", json.RawMessage(test.cart)))
			w.Drain()
			w.Send(world.ForAda("paid", json.RawMessage(test.paid)))
			w.Drain()
			assert.Equal(t, test.sent, w.Sent())
		})
	}
}

// toldBy returns an email with what the path leads to.
func toldBy(key, path string) automation.Step {
	return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{
		ID: key, Variables: map[string]automation.Value{"X": automation.Var(path)},
	}}}
}

func TestRules_ReadTheOutputsOfEarlierSteps(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"steps.check.branch", "steps.check.rules.0.field", "steps.ask.first.resume_at", "steps.ask.event_name", "steps.ask.payload.score", "steps.hello.template.id"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "signup",
				check("check", automation.Field("event.plan").Exists()), world.Pause("ask.first", "1 hour"), world.Email("hello"),
				world.Wait("ask", "answer"), check("same", automation.Field(path).Eq(automation.Var(path))), toldBy("told", path),
			))
			w.Send(world.ForAda("signup", map[string]any{"plan": "pro"}))
			w.Drain()
			w.Clock.Add(time.Hour)
			w.Drain()
			w.Send(world.ForAda("answer", map[string]any{"score": 5}))
			w.Drain()
			require.Equal(t, []string{"hello", "told"}, w.Sent())
			want := map[string]any{
				"steps.check.branch": "condition_met", "steps.check.rules.0.field": "event.plan",
				"steps.ask.first.resume_at": world.Start.Add(time.Hour).UTC().Format(time.RFC3339),
				"steps.ask.event_name":      "answer", "steps.ask.payload.score": json.Number("5"), "steps.hello.template.id": "hello",
			}
			assert.Equal(t, want[path], w.Mailer.Emails()[1].Variables["X"])
		})
	}
}

// The output of a step on another branch is absent.
func TestRules_ReadNoOutputOfAStepThatTheRunDidNotTake(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("", "signup", check("which", automation.Field("event.yes").Eq(true)), world.Pause("ask", "1 hour"), check("check", automation.Field("steps.ask.resume_at").Exists()), world.Email("asked"))
	flow.Connections = append(flow.Connections, automation.Connection{From: "which", To: "check", Type: automation.ConnectionConditionNotMet})
	w.Create(flow)
	w.Send(world.ForAda("signup", map[string]any{"yes": true}), world.ForAda("signup", map[string]any{"yes": false}))
	w.Drain()
	w.Clock.Add(time.Hour)
	w.Drain()
	assert.Equal(t, []string{"asked"}, w.Sent(), "of one run")
}

// A large output is stored beside the state, and read again for a step that needs it.
func TestRules_ReadLargeOutputs(t *testing.T) {
	t.Parallel()
	w := withAnswer(t, automation.Options{}, toldBy("told", "steps.answer.payload.text"))
	w.Send(world.ForAda("go", nil))
	w.Drain()
	assert.Equal(t, 1, w.Store.Calls("FindRunOutputs"))
	require.Equal(t, []string{"told"}, w.Sent())
	assert.Equal(t, large, w.Mailer.Emails()[0].Variables["X"])
}

// teller is a custom step that keeps what its text leads to.
type teller struct {
	Text automation.Value `json:"text"`
}

func (teller) StepType() automation.StepType { return "acme.teller" }

// A custom step has the outputs that its config reads, and the fields of the run.
func TestRules_CustomStepsReadOutputs(t *testing.T) {
	t.Parallel()
	told := map[string]any{}
	registry := automation.NewRegistry()
	automation.Handle(registry, func(_ context.Context, call automation.Call, c teller) (automation.Result, error) {
		told["config"], _ = call.Resolve(c.Text)
		told["run"], _ = call.Resolve(automation.Var("run.id"))
		told["trigger"], _ = call.Resolve(automation.Var("trigger.plan"))
		if v, ok := call.Resolve(automation.Var("steps.bye.to")); ok {
			told["other"] = v
		}
		return automation.Result{}, nil
	}, automation.StepOptions{})
	w := world.New(t, automation.Options{Registry: registry})
	w.Create(world.Flow("", "signup", world.Email("hello"), world.Email("bye"),
		check("check", automation.Field("steps.bye.to").Exists()),
		automation.Step{Key: "tell", Config: teller{automation.Var("steps.hello.to")}}))
	w.Send(world.ForAda("signup", map[string]any{"plan": "pro"}))
	w.Drain()
	assert.Equal(t, map[string]any{"config": "ada@example.com", "run": w.Run().ID, "trigger": "pro"}, told)
}
