package scenario_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestCreateEventDefinition_ReturnsWhatIsStored(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	d, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"plan":"string"}`)})
	require.NoError(t, err)
	assert.NotEmpty(t, d.ID)
	assert.Equal(t, world.Start, d.CreatedAt)
	assert.Equal(t, world.Start, d.UpdatedAt)
	for _, ref := range []string{d.ID, "signup"} {
		read, err := w.GetEventDefinition(w.Ctx, ref)
		require.NoError(t, err)
		assert.Equal(t, d, read)
	}
	_, err = w.CreateEventDefinition(w.Ctx, automation.EventDefinition{Name: "signup"})
	assert.ErrorIs(t, err, automation.ErrConflict)
}

func TestCreateEventDefinition_RefusesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		definition automation.EventDefinition
		code       automation.Code
	}{
		"no name":         {automation.EventDefinition{}, automation.CodeInvalidEventName},
		"reserved name":   {automation.EventDefinition{Name: "resend:x"}, automation.CodeInvalidEventName},
		"engine's name":   {automation.EventDefinition{Name: "sys:x"}, automation.CodeInvalidEventName},
		"unknown type":    {automation.EventDefinition{Name: "x", Schema: json.RawMessage(`{"plan":"text"}`)}, automation.CodeInvalidSchema},
		"not JSON":        {automation.EventDefinition{Name: "x", Schema: json.RawMessage(`{`)}, automation.CodeInvalidSchema},
		"reads from disk": {automation.EventDefinition{Name: "x", Schema: json.RawMessage(`{"$ref":"file:///etc/passwd"}`)}, automation.CodeInvalidSchema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			_, err := w.CreateEventDefinition(w.Ctx, tt.definition)
			assert.Equal(t, tt.code, world.Problems(t, err)[0].Code)
			page, err := w.ListEventDefinitions(w.Ctx, automation.PageQuery{})
			require.NoError(t, err)
			assert.Empty(t, page.Data)
		})
	}
}

func TestUpdateEventDefinition_ReplacesTheSchema(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	e := world.Signup("ada@example.com")
	e.Payload = json.RawMessage(`{"plan":1}`)
	d, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"plan":"boolean"}`)})
	require.NoError(t, err)
	_, err = w.Runner.Send(w.Ctx, e)
	require.ErrorIs(t, err, automation.ErrInvalid)

	w.Clock.Add(time.Hour)
	for ref, schema := range map[string]json.RawMessage{"signup": nil, d.ID: json.RawMessage(`{"plan":"number"}`)} {
		got, err := w.UpdateEventDefinition(w.Ctx, ref, schema)
		require.NoError(t, err)
		assert.Equal(t, automation.EventDefinition{ID: d.ID, Name: "signup", Schema: schema, CreatedAt: world.Start, UpdatedAt: world.Start.Add(time.Hour)}, got)
		w.Send(e)
	}
	_, err = w.UpdateEventDefinition(w.Ctx, "signup", json.RawMessage(`{"plan":"text"}`))
	require.ErrorIs(t, err, automation.ErrInvalid)
	_, err = w.UpdateEventDefinition(w.Ctx, "nope", nil)
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestDeleteEventDefinition_AcceptsEveryPayloadAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"plan":"string"}`)})
	require.NoError(t, err)
	require.NoError(t, w.DeleteEventDefinition(w.Ctx, "signup"))
	e := world.Signup("ada@example.com")
	e.Payload = json.RawMessage(`{"plan":1}`)
	w.Send(e)
	_, err = w.GetEventDefinition(w.Ctx, "signup")
	require.ErrorIs(t, err, automation.ErrNotFound)
	assert.ErrorIs(t, w.DeleteEventDefinition(w.Ctx, "signup"), automation.ErrNotFound)
}

func TestListEventDefinitions_PagesFromNewestToOldest(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for i := range 3 {
		_, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{Name: fmt.Sprint("event-", i)})
		require.NoError(t, err)
	}
	page, err := w.ListEventDefinitions(w.Ctx, automation.PageQuery{Limit: 2})
	require.NoError(t, err)
	assert.True(t, page.HasMore)
	assert.Equal(t, "event-2", page.Data[0].Name)
	page, err = w.ListEventDefinitions(w.Ctx, automation.PageQuery{After: page.Data[1].ID})
	require.NoError(t, err)
	assert.False(t, page.HasMore)
	require.Len(t, page.Data, 1)
	assert.Equal(t, "event-0", page.Data[0].Name)
}

func TestSend_ValidatesThePayloadAgainstItsDefinition(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{
		Name: "signup", Schema: json.RawMessage(`{"plan":"string","seats":"number","trial":"boolean","ends":"date"}`),
	})
	require.NoError(t, err)
	e := world.Signup("ada@example.com")
	e.Payload = json.RawMessage(`{"plan":[],"seats":"two","trial":true,"ends":"soon","extra":[]}`)
	_, err = w.Runner.Send(w.Ctx, e)
	ps := world.Problems(t, err)
	assert.ElementsMatch(t, []string{"payload.plan", "payload.seats", "payload.ends"}, world.Paths(ps))
	for _, p := range ps {
		assert.Equal(t, automation.CodeSchemaMismatch, p.Code)
	}
	e.Payload = json.RawMessage(`{"plan":"pro","ends":"2026-03-02","extra":[]}`)
	w.Send(e, world.Signup("bob@example.com"))
}

func TestSend_CoercesThePayloadToItsDefinition(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{
		Name: "signup", Schema: json.RawMessage(`{"plan":"string","seats":"number","trial":"boolean"}`),
	})
	require.NoError(t, err)
	w.Create(world.Flow("", "signup",
		automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.seats").Gt(41)}}, world.Email("many")))
	sent := json.RawMessage(`{"plan": 12.50, "seats":"42", "extra": {"seats":"42"}, "trial":"true"}`)
	e := world.Signup("ada@example.com")
	e.Payload, e.IdempotencyKey = sent, "k"
	events := []automation.Event{e}
	receipts, err := w.Runner.Send(w.Ctx, events...)
	require.NoError(t, err)
	kept, err := w.GetEvent(w.Ctx, receipts[0].ID)
	require.NoError(t, err)
	assert.Equal(t, `{"plan": "12.50", "seats":42, "extra": {"seats":"42"}, "trial":true}`, string(kept.Payload))
	assert.Equal(t, sent, events[0].Payload, "the caller's event does not change")
	w.Drain()
	assert.Len(t, w.Mailer.Emails(), 1)

	again, err := w.Runner.Send(w.Ctx, events...)
	require.NoError(t, err)
	assert.True(t, again[0].Duplicate, "the same event")
	e.Payload = kept.Payload
	_, err = w.Runner.Send(w.Ctx, e)
	assert.ErrorIs(t, err, automation.ErrConflict, "a key belongs to the payload as it was sent")
}

func TestSend_ReadsAgainADefinitionThatAnotherRunnerChanged(t *testing.T) {
	t.Parallel()
	ctx, shared := t.Context(), memory.New()
	store := &world.Store{Store: shared}
	r, other := runnerOn(t, store), runnerOn(t, shared)
	send := func() error {
		_, err := r.Send(ctx, automation.Event{Name: "signup", Email: "ada@example.com", Payload: json.RawMessage(`{"seats":"two"}`)})
		return err
	}
	require.NoError(t, send())
	require.NoError(t, send())
	assert.Equal(t, 1, store.Calls("FindEventDefinition"), "it remembers that there is none")

	d, err := other.CreateEventDefinition(ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"seats":"number"}`)})
	require.NoError(t, err)
	require.ErrorIs(t, send(), automation.ErrInvalid)
	assert.Equal(t, 2, store.Calls("FindEventDefinition"))

	_, err = other.UpdateEventDefinition(ctx, d.ID, []byte(`{"seats":"string"}`))
	require.NoError(t, err)
	require.NoError(t, send())
	assert.Equal(t, 3, store.Calls("FindEventDefinition"))
	require.NoError(t, other.DeleteEventDefinition(ctx, d.ID))
	require.NoError(t, send())
	assert.Equal(t, 4, store.Calls("FindEventDefinition"))
}

func TestSend_FailsWhileDefinitionsKeepChanging(t *testing.T) {
	t.Parallel()
	store := &world.Store{Store: memory.New()}
	store.OnAppendEvents = func(context.Context, automation.Store, []automation.NewEvent) ([]automation.EventReceipt, error) {
		return nil, automation.ErrDefinitionChanged
	}
	_, err := runnerOn(t, store).Send(t.Context(), automation.Event{Name: "signup", Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrDefinitionChanged)
	assert.Equal(t, 5, store.Calls("FindEventDefinition"))
}

func runnerOn(t *testing.T, store automation.Store) *automation.Runner {
	t.Helper()
	r, err := automation.New(store, capture.New(), automation.Options{})
	require.NoError(t, err)
	return r
}

// expensiveSchema is small, and applies a million schemas to every payload.
func expensiveSchema() json.RawMessage {
	const levels = 20
	defs := map[string]any{fmt.Sprint("d", levels): map[string]any{"type": "object"}}
	for i := range levels {
		next := map[string]string{"$ref": fmt.Sprint("#/$defs/d", i+1)}
		defs[fmt.Sprint("d", i)] = map[string]any{"allOf": []any{next, next}}
	}
	raw, _ := json.Marshal(map[string]any{"$ref": "#/$defs/d0", "$defs": defs})
	return raw
}

func TestEventDefinition_ThatIsTooExpensiveIsRefused(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	assert.Less(t, len(expensiveSchema()), 1400)
	_, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{Name: "signup", Schema: expensiveSchema()})
	problem := world.Problems(t, err)[0]
	assert.Equal(t, automation.CodeInvalidSchema, problem.Code)
	assert.Equal(t, `schema["$defs"].d8`, problem.Path)
	assert.Contains(t, problem.Message, "applies more than 10000 schemas to one value")
}

// TestSend_UnderAStoredDefinitionThatIsTooExpensive covers a definition that was stored
// by a version of the library that accepted it.
func TestSend_UnderAStoredDefinitionThatIsTooExpensive(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	d := automation.EventDefinition{ID: "d", Name: "signup", Schema: expensiveSchema(), CreatedAt: world.Start, UpdatedAt: world.Start}
	require.NoError(t, w.Memory.InsertEventDefinition(w.Ctx, d))
	event := automation.Event{Name: "signup", Email: "ada@example.com"}
	for range 2 {
		_, err := w.Runner.Send(w.Ctx, event)
		assert.Equal(t, automation.CodeInvalidSchema, world.Problems(t, err)[0].Code)
		assert.ErrorContains(t, err, `event "signup"`)
		assert.ErrorContains(t, err, `schema["$defs"].d8`)
	}
	_, err := w.UpdateEventDefinition(w.Ctx, "signup", json.RawMessage(`{"plan":"string"}`))
	require.NoError(t, err)
	w.Send(event)
}
