package scenario_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// webhook is the config of a custom step type.
type webhook struct {
	URL  string                      `json:"url"`
	Body map[string]automation.Value `json:"body,omitzero"`
}

func (webhook) StepType() automation.StepType { return "acme.webhook" }

func (w webhook) Validate() error {
	if w.URL == "" {
		return errors.New("url must not be empty")
	}
	return nil
}

// hooks holds the function of the webhook steps of a test, and the calls of these steps.
type hooks struct {
	do    func(ctx context.Context, call automation.Call, w webhook) (automation.Result, error)
	calls []automation.Call
}

func (h *hooks) registry(opts automation.StepOptions) *automation.Registry {
	reg := automation.NewRegistry()
	automation.Handle(reg, func(ctx context.Context, call automation.Call, w webhook) (automation.Result, error) {
		h.calls = append(h.calls, call)
		if h.do == nil {
			return automation.Result{}, nil
		}
		return h.do(ctx, call, w)
	}, opts)
	return reg
}

// setupHooks returns a World with webhook steps, and their hooks.
func setupHooks(t *testing.T, opts automation.StepOptions) (*world.World, *hooks) {
	t.Helper()
	h := &hooks{}
	return world.New(t, automation.Options{Registry: h.registry(opts), Retry: automation.RetryPolicy{Jitter: -1}}), h
}

var hook = automation.Step{Key: "hook", Config: webhook{URL: "https://example.com"}}

func TestCustomStep_ConfigIsValidated(t *testing.T) {
	t.Parallel()
	w, _ := setupHooks(t, automation.StepOptions{})
	tests := map[string]struct {
		config  automation.StepConfig
		path    string
		message string
	}{
		"its own error": {webhook{}, "steps[1].config", "url must not be empty"},
		"unknown field": {automation.RawConfig{Type: "acme.webhook", Config: json.RawMessage(`{"url":"x","verb":"GET"}`)}, "steps[1].config.verb", "no field"},
		"wrong type":    {automation.RawConfig{Type: "acme.webhook", Config: json.RawMessage(`{"url":5}`)}, "steps[1].config.url", "string"},
		"bad reference": {webhook{URL: "x", Body: map[string]automation.Value{"a": automation.Var("nowhere.a")}}, "steps[1].config.body.a", "nowhere"},
		"unknown type":  {automation.RawConfig{Type: "acme.pigeon"}, "steps[1].type", "acme.pigeon"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := w.CreateAutomation(w.Ctx, world.Flow("a", "signup", automation.Step{Key: "hook", Config: tt.config}))
			ps := world.Problems(t, err)
			require.Len(t, ps, 1)
			assert.Equal(t, tt.path, ps[0].Path)
			assert.Equal(t, "hook", ps[0].Step)
			assert.Contains(t, ps[0].Message, tt.message)
		})
	}
}

func TestCustomStep_GetsTheSameKeyOnEveryAttempt(t *testing.T) {
	t.Parallel()
	w, h := setupHooks(t, automation.StepOptions{})
	h.do = func(_ context.Context, call automation.Call, _ webhook) (automation.Result, error) {
		if call.Attempt < 3 {
			return automation.Result{}, world.ErrOutage
		}
		return automation.Result{}, nil
	}
	w.Create(world.Flow("flow", "signup", hook))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Pass(time.Second)
	w.Pass(2 * time.Second)
	run := w.Run()
	assert.Equal(t, automation.RunCompleted, run.Status)
	require.Len(t, h.calls, 3)
	for i, call := range h.calls {
		assert.Equal(t, "run/"+run.ID+"/hook", call.IdempotencyKey)
		assert.Equal(t, i+1, call.Attempt)
		assert.Equal(t, []string{"flow", run.ID, "hook", run.EventID},
			[]string{call.AutomationID, call.RunID, call.StepKey, call.EventID})
		assert.Equal(t, "ada@example.com", call.Contact.Email)
	}
}

func TestCustomStep_SeesTheContactAsItIs(t *testing.T) {
	t.Parallel()
	w, h := setupHooks(t, automation.StepOptions{})
	h.do = func(ctx context.Context, call automation.Call, _ webhook) (automation.Result, error) {
		if call.Attempt > 1 {
			return automation.Result{}, nil
		}
		name := "Ada"
		_, err := w.UpdateContact(ctx, call.Contact.ID, automation.ContactChange{FirstName: &name})
		return automation.Result{}, errors.Join(world.ErrOutage, err)
	}
	w.Create(world.Flow("flow", "signup", hook))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Pass(time.Second)
	require.Len(t, h.calls, 2)
	assert.Equal(t, []string{"", "Ada"}, []string{h.calls[0].Contact.FirstName, h.calls[1].Contact.FirstName})
}

func TestCustomStep_TakesTheBranchOfItsResult(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		branch automation.ConnectionType
		sent   []string
		code   automation.StepErrorCode
	}{
		"declared":             {"answered", []string{"yes"}, ""},
		"default":              {"", []string{"no"}, ""},
		"default by its name":  {automation.ConnectionDefault, []string{"no"}, ""},
		"declared, led to end": {"refused", nil, ""},
		"not declared":         {"sideways", nil, automation.FailedPermanently},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, h := setupHooks(t, automation.StepOptions{Branches: []automation.ConnectionType{"answered", "refused"}})
			h.do = func(context.Context, automation.Call, webhook) (automation.Result, error) {
				return automation.Result{Branch: tt.branch}, nil
			}
			a := world.Flow("flow", "signup", hook, world.Email("no"))
			a.Steps = append(a.Steps, world.Email("yes"))
			a.Connections = append(a.Connections, automation.Connection{From: "hook", To: "yes", Type: "answered"})
			w.Create(a)
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			assert.Equal(t, tt.sent, w.Sent())
			run := w.Run()
			if tt.code == "" {
				assert.Equal(t, automation.RunCompleted, run.Status)
				return
			}
			assert.Equal(t, tt.code, run.Error.Code)
			assert.Contains(t, run.Error.Message, "sideways")
			assert.Len(t, h.calls, 1)
		})
	}
}

func TestCustomStep_ConnectionOfAnUndeclaredTypeIsRefused(t *testing.T) {
	t.Parallel()
	w, _ := setupHooks(t, automation.StepOptions{})
	a := world.Flow("flow", "signup", hook, world.Email("yes"))
	a.Connections[1].Type = "answered"
	_, err := w.CreateAutomation(w.Ctx, a)
	assert.Equal(t, automation.CodeConnectionType, world.Problems(t, err)[0].Code)
}

func TestCustomStep_PanicIsAFailedAttempt(t *testing.T) {
	t.Parallel()
	w, h := setupHooks(t, automation.StepOptions{})
	h.do = func(_ context.Context, call automation.Call, _ webhook) (automation.Result, error) {
		if call.Attempt == 1 {
			panic("a bug")
		}
		return automation.Result{}, nil
	}
	w.Create(world.Flow("flow", "signup", hook))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	attempts := world.Step(t, w.Run(), "hook").Attempts
	require.Len(t, attempts, 1)
	assert.Contains(t, attempts[0].Error.Message, "panic: a bug")
	assert.Contains(t, attempts[0].Error.Message, "custom_steps_test.go", "the stack says where")
	w.Pass(time.Second)
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
}

func TestCustomStep_OutputIsRecorded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		output any
		want   string
		failed bool
	}{
		"none":         {nil, "", false},
		"a nil map":    {map[string]any(nil), "", false},
		"a map":        {map[string]any{"id": 7}, `{"id":7}`, false},
		"a struct":     {struct{ ID string }{"x"}, `{"ID":"x"}`, false},
		"a raw object": {json.RawMessage(`{"n":12345678901234567890}`), `{"n":12345678901234567890}`, false},
		"a string":     {"done", "", true},
		"an array":     {[]int{1}, "", true},
		"a function":   {func() {}, "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, h := setupHooks(t, automation.StepOptions{})
			h.do = func(context.Context, automation.Call, webhook) (automation.Result, error) {
				return automation.Result{Output: tt.output}, nil
			}
			w.Create(world.Flow("flow", "signup", hook))
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			run := w.Run()
			assert.Equal(t, tt.want, string(world.Step(t, run, "hook").Output))
			if tt.failed {
				assert.Equal(t, automation.FailedPermanently, run.Error.Code)
				assert.Len(t, h.calls, 1)
			} else {
				assert.Equal(t, automation.RunCompleted, run.Status)
			}
		})
	}
}

func TestCustomStep_ResolvesReferences(t *testing.T) {
	t.Parallel()
	r, h := setupHooks(t, automation.StepOptions{})
	values := map[string]automation.Value{
		"literal": automation.String("x"),
		"plan":    automation.Var("event.plan"),
		"big":     automation.Var("event.big"),
		"email":   automation.Var("contact.email"),
		"answer":  automation.Var("wait_events.order.paid.answer"),
		"none":    automation.Var("event.nothing"),
		"absent":  {},
	}
	got := map[string]any{}
	h.do = func(_ context.Context, call automation.Call, w webhook) (automation.Result, error) {
		for name := range values {
			if v, ok := call.Resolve(w.Body[name]); ok {
				got[name] = v
			}
		}
		return automation.Result{}, nil
	}
	body := map[string]automation.Value{}
	for name, v := range values {
		if name != "absent" {
			body[name] = v
		}
	}
	r.Create(world.Flow("flow", "signup", world.WaitUpTo("paid", "order.paid", "30 days"),
		automation.Step{Key: "hook", Config: webhook{URL: "x", Body: body}}))
	e := world.Signup("ada@example.com")
	e.Payload = json.RawMessage(`{"plan":"pro","big":9007199254740993}`)
	r.Send(e)
	r.Drain()
	r.Clock.Add(time.Second)
	r.Send(automation.Event{Name: "order.paid", Email: "ada@example.com", Payload: json.RawMessage(`{"answer":"yes"}`)})
	r.Drain()
	assert.Equal(t, map[string]any{
		"literal": "x", "plan": "pro", "big": json.Number("9007199254740993"), "email": "ada@example.com", "answer": "yes",
	}, got)
}

func TestCustomStep_DeliveryOverridesTheRunners(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		code automation.StepErrorCode
	}{
		"outcome unknown":    {automation.ErrOutcomeUnknown, automation.FailedUnknown},
		"time-out":           {context.DeadlineExceeded, automation.FailedUnknown},
		"it did not happen":  {world.ErrOutage, ""},
		"it never may again": {automation.Permanent(world.ErrOutage), automation.FailedPermanently},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, h := setupHooks(t, automation.StepOptions{Delivery: automation.AtMostOnce})
			h.do = func(_ context.Context, call automation.Call, _ webhook) (automation.Result, error) {
				if call.Attempt == 1 {
					return automation.Result{}, tt.err
				}
				return automation.Result{}, nil
			}
			w.Create(world.Flow("flow", "signup", hook))
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			w.Pass(time.Hour)
			run := w.Run()
			if tt.code == "" {
				assert.Equal(t, automation.RunCompleted, run.Status)
				return
			}
			assert.Equal(t, tt.code, run.Error.Code)
			assert.Len(t, h.calls, 1)
		})
	}
}

func TestCustomStep_AppearsInTheRun(t *testing.T) {
	t.Parallel()
	w, _ := setupHooks(t, automation.StepOptions{})
	w.Create(world.Flow("flow", "signup", hook))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	s := world.Step(t, w.Run(), "hook")
	assert.Equal(t, automation.StepType("acme.webhook"), s.Type)
	assert.Equal(t, automation.StepCompleted, s.Status)
	assert.Equal(t, world.Start, s.CompletedAt)
}
