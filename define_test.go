package automation_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestCreateEventDefinition_ReturnsWhatWasKept(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	d, err := r.CreateEventDefinition(r.ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"plan":"string"}`)})
	require.NoError(t, err)
	assert.NotEmpty(t, d.ID)
	assert.Equal(t, start, d.CreatedAt)
	assert.Equal(t, start, d.UpdatedAt)
	for _, ref := range []string{d.ID, "signup"} {
		read, err := r.GetEventDefinition(r.ctx, ref)
		require.NoError(t, err)
		assert.Equal(t, d, read)
	}
	_, err = r.CreateEventDefinition(r.ctx, automation.EventDefinition{Name: "signup"})
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
		"unknown type":    {automation.EventDefinition{Name: "x", Schema: json.RawMessage(`{"plan":"text"}`)}, automation.CodeInvalidSchema},
		"not JSON":        {automation.EventDefinition{Name: "x", Schema: json.RawMessage(`{`)}, automation.CodeInvalidSchema},
		"reads from disk": {automation.EventDefinition{Name: "x", Schema: json.RawMessage(`{"$ref":"file:///etc/passwd"}`)}, automation.CodeInvalidSchema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{})
			_, err := r.CreateEventDefinition(r.ctx, tt.definition)
			assert.Equal(t, tt.code, problemsOf(t, err)[0].Code)
			page, err := r.ListEventDefinitions(r.ctx, automation.PageQuery{})
			require.NoError(t, err)
			assert.Empty(t, page.Data)
		})
	}
}

func TestUpdateEventDefinition_ReplacesTheSchema(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	e := signup("ada@example.com")
	e.Payload = json.RawMessage(`{"plan":1}`)
	d, err := r.CreateEventDefinition(r.ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"plan":"string"}`)})
	require.NoError(t, err)
	_, err = r.Send(r.ctx, e)
	require.ErrorIs(t, err, automation.ErrInvalid)

	r.clock.Add(time.Hour)
	for ref, schema := range map[string]json.RawMessage{"signup": nil, d.ID: json.RawMessage(`{"plan":"number"}`)} {
		got, err := r.UpdateEventDefinition(r.ctx, ref, schema)
		require.NoError(t, err)
		assert.Equal(t, automation.EventDefinition{ID: d.ID, Name: "signup", Schema: schema, CreatedAt: start, UpdatedAt: start.Add(time.Hour)}, got)
		r.send(e)
	}
	_, err = r.UpdateEventDefinition(r.ctx, "signup", json.RawMessage(`{"plan":"text"}`))
	require.ErrorIs(t, err, automation.ErrInvalid)
	_, err = r.UpdateEventDefinition(r.ctx, "nope", nil)
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestDeleteEventDefinition_AcceptsEveryPayloadAgain(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	_, err := r.CreateEventDefinition(r.ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"plan":"string"}`)})
	require.NoError(t, err)
	require.NoError(t, r.DeleteEventDefinition(r.ctx, "signup"))
	e := signup("ada@example.com")
	e.Payload = json.RawMessage(`{"plan":1}`)
	r.send(e)
	_, err = r.GetEventDefinition(r.ctx, "signup")
	require.ErrorIs(t, err, automation.ErrNotFound)
	assert.ErrorIs(t, r.DeleteEventDefinition(r.ctx, "signup"), automation.ErrNotFound)
}

func TestListEventDefinitions_PagesFromNewestToOldest(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	for i := range 3 {
		_, err := r.CreateEventDefinition(r.ctx, automation.EventDefinition{Name: fmt.Sprint("event-", i)})
		require.NoError(t, err)
	}
	page, err := r.ListEventDefinitions(r.ctx, automation.PageQuery{Limit: 2})
	require.NoError(t, err)
	assert.True(t, page.HasMore)
	assert.Equal(t, "event-2", page.Data[0].Name)
	page, err = r.ListEventDefinitions(r.ctx, automation.PageQuery{After: page.Data[1].ID})
	require.NoError(t, err)
	assert.False(t, page.HasMore)
	require.Len(t, page.Data, 1)
	assert.Equal(t, "event-0", page.Data[0].Name)
}

func TestGetEvent_KnowsTheContactOnceItIsHandled(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	e := signup("Ada@example.com")
	e.IdempotencyKey, e.Payload = "once", json.RawMessage(`{"n":9007199254740993}`)
	id := r.send(e)[0].ID
	kept, err := r.GetEvent(r.ctx, id)
	require.NoError(t, err)
	assert.Equal(t, "Ada@example.com", kept.Email)
	assert.Equal(t, "once", kept.IdempotencyKey)
	r.drain()
	kept, err = r.GetEvent(r.ctx, id)
	require.NoError(t, err)
	assert.Equal(t, r.run().ContactID, kept.ContactID)
	assert.Empty(t, kept.Email)
	assert.JSONEq(t, string(e.Payload), string(kept.Payload))
	_, err = r.GetEvent(r.ctx, "nope")
	assert.ErrorIs(t, err, automation.ErrNotFound)
}
