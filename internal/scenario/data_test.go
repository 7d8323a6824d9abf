package scenario_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestData_EventNamesMayHaveDots(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "user.created",
		world.Wait("short", "feedback"), world.Wait("long", "feedback.received"),
		automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("wait_events.feedback.received.response").Eq("yes")}},
		automation.Step{Key: "thanks", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "thanks", Variables: map[string]automation.Value{
			"LONG":  automation.Var("wait_events.feedback.received.response"),
			"SHORT": automation.Var("wait_events.feedback.response"),
			"DEEP":  automation.Var("wait_events.feedback.received.by.name"),
		}}}},
	))
	w.Send(world.ForAda("user.created", nil))
	w.Drain()
	for name, payload := range map[string]any{
		"feedback": map[string]any{"response": "short", "received": map[string]any{"response": "wrong"}},
	} {
		w.Clock.Add(time.Second)
		w.Send(world.ForAda(name, payload))
		w.Drain()
	}
	w.Clock.Add(time.Second)
	w.Send(world.ForAda("feedback.received", map[string]any{"response": "yes", "by": map[string]any{"name": "Ada"}}))
	w.Drain()
	require.Len(t, w.Mailer.Emails(), 1)
	assert.Equal(t, map[string]any{"LONG": "yes", "SHORT": "short", "DEEP": "Ada"}, w.Mailer.Emails()[0].Variables)
}

func TestData_AwkwardValuesStayExact(t *testing.T) {
	t.Parallel()
	variables := map[string]automation.Value{
		"BIG": automation.Var("event.big"), "DOTTED": automation.Var("event.a.b"), "HTML": automation.Var("event.html"),
	}
	flow := world.Flow("", "user.created",
		automation.Step{Key: "exact", Config: automation.Condition{Rule: automation.Field("event.big").Eq(json.Number("9007199254740993"))}},
		automation.Step{Key: "keep", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"big": automation.Var("event.big")}}},
		automation.Step{Key: "send", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "t", Variables: variables}}},
	)
	t.Run("is exact to the end", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(flow)
		deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
		payload := `{"big":9007199254740993,"a":{"b":"nested"},"":{"":1},"html":"<b>&</b>","deep":` + deep + `}`
		w.Send(world.ForAda("user.created", json.RawMessage(payload)))
		w.Drain()
		require.Len(t, w.Mailer.Emails(), 1)
		assert.Equal(t, map[string]any{"BIG": json.Number("9007199254740993"), "DOTTED": "nested", "HTML": "<b>&</b>"},
			w.Mailer.Emails()[0].Variables, "escaping is left to the template")
		assert.Equal(t, json.Number("9007199254740993"), w.Contact("ada@example.com").Properties["big"])
		assert.Contains(t, string(world.Step(t, w.Run(), "send").Output), "9007199254740993")

		w.Send(world.ForAda("user.created", json.RawMessage(`{"big":9007199254740992}`)))
		w.Drain()
		assert.Len(t, w.Mailer.Emails(), 1, "the neighbour is another number")
	})
	t.Run("keys with dots and empty keys are kept", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Wait("wait", "order.paid")))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		w.Clock.Add(time.Second)
		payload := `{"a.b":1,"":2,"c":{"":{"d.":null}}}`
		receipt := w.Send(world.ForAda("order.paid", json.RawMessage(payload)))[0]
		w.Drain()
		e, err := w.GetEvent(t.Context(), receipt.ID)
		require.NoError(t, err)
		assert.JSONEq(t, payload, string(e.Payload))
		var out struct{ Payload json.RawMessage }
		require.NoError(t, json.Unmarshal(world.Step(t, w.Run(), "wait").Output, &out))
		assert.JSONEq(t, payload, string(out.Payload))
	})
	t.Run("no payload and null are the same", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.plan").IsEmpty()}}, world.Email("send")))
		w.Send(world.ForAda("user.created", nil))
		w.Send(world.ForAda("user.created", json.RawMessage(`null`)))
		w.Drain()
		assert.Len(t, w.Mailer.Emails(), 2)
	})
	t.Run("is refused, and nothing stored", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Email("send")))
		deep := strings.Repeat("[", 1e5) + strings.Repeat("]", 1e5)
		for name, e := range map[string]automation.Event{
			"invalid UTF-8":             {Name: "user.created", Email: "ada@example.com", Payload: json.RawMessage("{\"a\":\"\xff\"}")},
			"nested too deep":           {Name: "user.created", Email: "ada@example.com", Payload: json.RawMessage(`{"a":` + deep + `}`)},
			"a key twice":               {Name: "user.created", Email: "ada@example.com", Payload: json.RawMessage(`{"a":1,"a":2}`)},
			"an array":                  {Name: "user.created", Email: "ada@example.com", Payload: json.RawMessage(`[]`)},
			"a line break in the email": {Name: "user.created", Email: "ada@example.com\r\nBcc: all@example.com"},
			"both id and email":         {Name: "user.created", Email: "ada@example.com", ContactID: "x"},
			"neither id nor email":      {Name: "user.created"},
			"no name":                   {Email: "ada@example.com"},
			"a reserved name":           {Name: "resend:x", Email: "ada@example.com"},
			"a name that is not text":   {Name: "user\xff", Email: "ada@example.com"},
		} {
			good := automation.Event{Name: "user.created", Email: "bob@example.com"}
			_, err := w.Runner.Send(t.Context(), good, e)
			require.ErrorIs(t, err, automation.ErrInvalid, name)
		}
		_, err := w.Runner.Send(t.Context(), automation.Event{Name: "user.created", ContactID: "unknown"})
		require.ErrorIs(t, err, automation.ErrNotFound)
		w.Drain()
		assert.Empty(t, w.Runs())
	})
	t.Run("line breaks in headers are refused", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		for _, header := range []automation.SendEmail{
			{Subject: "Hi\r\nBcc: all@example.com"}, {From: "a@example.com\nX: y"}, {ReplyTo: "a@example.com\r"},
		} {
			header.Template.ID = "t"
			_, err := w.CreateAutomation(t.Context(), world.Flow("", "user.created", automation.Step{Key: "send", Config: header}))
			require.ErrorIs(t, err, automation.ErrInvalid)
		}
		address := "ada@example.com\r\nBcc: all@example.com"
		_, err := w.CreateContact(t.Context(), automation.Contact{Email: address})
		require.ErrorIs(t, err, automation.ErrInvalid)
		c, err := w.CreateContact(t.Context(), automation.Contact{Email: "ada@example.com"})
		require.NoError(t, err)
		_, err = w.UpdateContact(t.Context(), c.ID, automation.ContactChange{Email: &address})
		require.ErrorIs(t, err, automation.ErrInvalid)
	})
}

func TestData_NulReachesTheStoreAsText(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	store := &world.Store{Store: w.Memory}
	w.Create(world.Flow("welcome", "signup", automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.Var("event.name")}}))
	store.OnCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
		for _, tr := range ts {
			if tr.Change != nil && tr.Change.FirstName != nil {
				assert.NotContains(t, *tr.Change.FirstName, "\x00")
			}
		}
		return next.Commit(ctx, ts)
	}
	e := world.Signup("ada@example.com")
	e.Payload = json.RawMessage(`{"name":"a\u0000b"}`)
	w.Send(e)
	_, err := w.On(store, w.Opts).Drain(w.Ctx)
	require.NoError(t, err)
}
