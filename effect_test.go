package automation

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// effectOf resolves the effect of a step for a contact and a payload.
func effectOf(t *testing.T, c StepConfig, contact *Contact, payload string, opts CompileOptions) (Effect, error) {
	t.Helper()
	f := startFlow(t, sequence(c), opts, payload)
	require.Equal(t, ActionPerform, f.action.Kind)
	d := f.data
	d.Contact = contact
	return f.graph.Effect(f.state, d)
}

func ada() *Contact {
	return &Contact{
		ID: "contact-1", Email: "ada@example.com", FirstName: "Ada",
		Properties: map[string]any{"seats": 5, "tags": []any{"a"}}, CreatedAt: flowStart,
	}
}

func TestEffect_Email(t *testing.T) {
	t.Parallel()
	config := SendEmail{
		From: "Acme <hi@acme.test>", Subject: "Hi", ReplyTo: "help@acme.test",
		Template: TemplateRef{ID: "welcome", Variables: map[string]Value{
			"LITERAL": String("x"), "NUMBER": Number(3), "NULL": Null(),
			"PLAN": Var("event.plan"), "BIG": Var("event.big"), "SKU": Var("event.items.0.sku"), "ITEMS": Var("event.items"),
			"NOTHING": Var("event.nothing"), "EMPTY": Var("event.empty"), "NAME": Var("contact.first_name"), "SEATS": Var("contact.properties.seats"),
			"UNSET": Var("contact.last_name"), "NO_PROPERTY": Var("contact.properties.nothing"), "OUT": Var("contact.unsubscribed"),
		}},
	}
	got, err := effectOf(t, config, ada(), `{"plan":"pro","big":9007199254740993,"items":[{"sku":"s-1"}],"empty":null}`, CompileOptions{})
	require.NoError(t, err)
	sku := map[string]any{"sku": "s-1"}
	assert.Equal(t, &SendEffect{Email{
		IdempotencyKey: "run/run-1/send_email", RunID: "run-1", StepKey: "send_email", Attempt: 1,
		To: "ada@example.com", Contact: *ada(), From: "Acme <hi@acme.test>", Subject: "Hi", ReplyTo: "help@acme.test",
		TemplateID: "welcome",
		Variables: map[string]any{
			"LITERAL": "x", "NUMBER": json.Number("3"), "PLAN": "pro", "BIG": json.Number("9007199254740993"), "SKU": "s-1",
			"ITEMS": []any{sku}, "NAME": "Ada", "SEATS": 5, "OUT": false,
		},
	}}, got, "references to nothing are left to the template's fallbacks")
}

func TestEffect_EmailKeyIsTheSameOnEveryAttempt(t *testing.T) {
	t.Parallel()
	f := startFlow(t, sequence(welcome), noJitter, "")
	for attempt := 1; attempt <= 3; attempt++ {
		e, err := f.graph.Effect(f.state, f.data)
		require.NoError(t, err)
		assert.Equal(t, "run/run-1/send_email", e.(*SendEffect).Email.IdempotencyKey)
		assert.Equal(t, attempt, e.(*SendEffect).Email.Attempt)
		f.fail(errors.New("busy"))
		f.pass(time.Minute)
	}
}

func TestEffect_EmailSharesNothingWithTheContact(t *testing.T) {
	t.Parallel()
	contact := ada()
	e, err := effectOf(t, welcome, contact, "", CompileOptions{})
	require.NoError(t, err)
	e.(*SendEffect).Email.Contact.Properties["seats"] = 0
	assert.Equal(t, ada(), contact)
}

func TestEffect_EmailIsNotSent(t *testing.T) {
	t.Parallel()
	t.Run("to who has unsubscribed meanwhile", func(t *testing.T) {
		t.Parallel()
		e, err := effectOf(t, welcome, &Contact{Email: "ada@example.com", Unsubscribed: true}, "", CompileOptions{})
		require.NoError(t, err)
		assert.Equal(t, &SkipEffect{SkippedUnsubscribed}, e)
	})
	t.Run("to an address with a line break", func(t *testing.T) {
		t.Parallel()
		_, err := effectOf(t, welcome, &Contact{Email: "ada@example.com\r\nBcc: all@example.com"}, "", CompileOptions{})
		require.ErrorIs(t, err, ErrPermanent)
	})
	t.Run("without a contact", func(t *testing.T) {
		t.Parallel()
		_, err := effectOf(t, welcome, nil, "", CompileOptions{})
		require.ErrorIs(t, err, ErrPermanent)
		require.ErrorIs(t, err, ErrNotFound)
	})
	t.Run("without an attempt", func(t *testing.T) {
		t.Parallel()
		f := startFlow(t, sequence(hour), CompileOptions{}, "")
		_, err := f.graph.Effect(f.state, f.data)
		require.ErrorContains(t, err, "no effect")
	})
}

func TestEffect_ContactUpdate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		config ContactUpdate
		want   ContactChange
		err    any // the target of errors.As, or a part of the message
	}{
		{"sets", ContactUpdate{FirstName: String("Bob"), LastName: Var("event.name"), Unsubscribed: Bool(true)},
			ContactChange{FirstName: ptr("Bob"), LastName: ptr("Smith"), Unsubscribed: ptr(true)}, nil},
		{"clears", ContactUpdate{FirstName: Null(), LastName: Var("event.none"), Properties: map[string]Value{"seats": Null()}},
			ContactChange{FirstName: ptr(""), LastName: ptr(""), Properties: map[string]any{"seats": nil}}, nil},
		{"copies", ContactUpdate{Properties: map[string]Value{"n": Var("event.n"), "o": Var("event.out")}},
			ContactChange{Properties: map[string]any{"n": json.Number("9007199254740993"), "o": true}}, nil},
		{"from the contact", ContactUpdate{LastName: Var("contact.first_name"), Unsubscribed: Var("event.out")},
			ContactChange{LastName: ptr("Ada"), Unsubscribed: ptr(true)}, nil},
		{"nothing for a name", ContactUpdate{FirstName: Var("event.nothing")}, ContactChange{}, new(*ReferenceError)},
		{"nothing for a last name", ContactUpdate{LastName: Var("event.nothing")}, ContactChange{}, new(*ReferenceError)},
		{"nothing for unsubscribed", ContactUpdate{Unsubscribed: Var("event.nothing")}, ContactChange{}, new(*ReferenceError)},
		{"nothing for a property", ContactUpdate{Properties: map[string]Value{"p": Var("event.nothing")}}, ContactChange{}, new(*ReferenceError)},
		{"a number for a name", ContactUpdate{FirstName: Var("event.n")}, ContactChange{}, "must be a string"},
		{"text for unsubscribed", ContactUpdate{Unsubscribed: Var("event.name")}, ContactChange{}, "must be true or false"},
		{"null for unsubscribed", ContactUpdate{Unsubscribed: Var("event.none")}, ContactChange{}, "must be true or false"},
		{"an object for a property", ContactUpdate{Properties: map[string]Value{"p": Var("event.obj")}}, ContactChange{}, "object or array"},
		{"an array for a name", ContactUpdate{FirstName: Var("contact.properties.tags")}, ContactChange{}, "object or array"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e, err := effectOf(t, tc.config, ada(), `{"name":"Smith","n":9007199254740993,"out":true,"none":null,"obj":{}}`, CompileOptions{})
			switch want := tc.err.(type) {
			case nil:
				require.NoError(t, err)
				assert.Equal(t, tc.want, e.(*ChangeContactEffect).Change)
			case string:
				require.ErrorContains(t, err, want)
			default:
				require.ErrorAs(t, err, want)
			}
		})
	}
}

func TestEffect_SegmentAndDelete(t *testing.T) {
	t.Parallel()
	e, err := effectOf(t, AddToSegment{SegmentID: "beta"}, ada(), "", CompileOptions{})
	require.NoError(t, err)
	assert.Equal(t, ContactChange{AddSegments: []string{"beta"}}, e.(*ChangeContactEffect).Change)
	assert.JSONEq(t, `{"segment_id":"beta"}`, string(e.(*ChangeContactEffect).output))

	e, err = effectOf(t, ContactDelete{}, ada(), "", CompileOptions{})
	require.NoError(t, err)
	assert.Equal(t, &DeleteContactEffect{}, e)
}

// prober is a custom step that calls a function of its test.
type prober struct {
	Text Value `json:"text,omitzero"`
}

func (prober) StepType() StepType { return "acme.prober" }

func probe(t *testing.T, do StepFunc[prober]) *CustomEffect {
	t.Helper()
	reg := NewRegistry()
	Handle(reg, do, StepOptions{Branches: []ConnectionType{"left"}})
	e, err := effectOf(t, prober{Text: Var("event.plan")}, ada(), `{"plan":"pro"}`, CompileOptions{Registry: reg})
	require.NoError(t, err)
	return e.(*CustomEffect)
}

func TestEffect_CustomStep(t *testing.T) {
	t.Parallel()
	e := probe(t, func(_ context.Context, call Call, c prober) (Result, error) {
		assert.Equal(t, "run/run-1/acme.prober", call.IdempotencyKey)
		assert.Equal(t, "run-1", call.RunID)
		assert.Equal(t, "acme.prober", call.StepKey)
		assert.Equal(t, 1, call.Attempt)
		assert.Equal(t, *ada(), call.Contact)
		plan, ok := call.Resolve(c.Text)
		assert.True(t, ok)
		_, ok = call.Resolve(Var("event.nothing"))
		assert.False(t, ok)
		return Result{Branch: "left", Output: map[string]any{"plan": plan}}, nil
	})
	out, branch, err := e.run(t.Context())
	require.NoError(t, err)
	assert.JSONEq(t, `{"plan":"pro"}`, string(out))
	assert.Equal(t, ConnectionType("left"), branch)
}

func TestEffect_CustomStepResults(t *testing.T) {
	t.Parallel()
	busy := errors.New("busy")
	for _, tc := range []struct {
		name      string
		result    Result
		err       error
		output    string
		permanent bool
		message   string
	}{
		{name: "nothing"},
		{name: "a struct", result: Result{Output: struct{ A int }{1}}, output: `{"A":1}`},
		{name: "a nil map", result: Result{Output: map[string]any(nil)}},
		{name: "an array", result: Result{Output: []int{1}}, permanent: true, message: "JSON object"},
		{name: "what JSON cannot hold", result: Result{Output: make(chan int)}, permanent: true, message: "unsupported type"},
		{name: "default", result: Result{Branch: ConnectionDefault}},
		{name: "a branch that was not declared", result: Result{Branch: "right"}, permanent: true, message: `"right"`},
		{name: "an error", err: busy, message: "busy"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			out, _, err := probe(t, func(context.Context, Call, prober) (Result, error) {
				return tc.result, tc.err
			}).run(t.Context())
			if tc.message == "" {
				require.NoError(t, err)
				assert.Equal(t, tc.output, string(out))
				return
			}
			require.ErrorContains(t, err, tc.message)
			assert.Equal(t, tc.permanent, errors.Is(err, ErrPermanent))
		})
	}
}
