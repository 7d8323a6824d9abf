package e2e

import (
	"net/url"
	"testing"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// define creates an event definition and returns its id.
func (w *world) define(name string, schema map[string]string) string {
	w.t.Helper()
	created, err := w.Events.Create(&resend.CreateEventRequest{Name: name, Schema: schema})
	require.NoError(w.t, err)
	w.later()
	return created.Id
}

// defined returns an event definition in the form of lists.
func (w *world) defined(id string, schema map[string]string) resend.EventSummary {
	w.t.Helper()
	d, err := w.runner.GetEventDefinition(w.t.Context(), id)
	require.NoError(w.t, err)
	return resend.EventSummary{
		Id: d.ID, Name: d.Name, Schema: schema, CreatedAt: stamp(d.CreatedAt), UpdatedAt: stampOf(d.UpdatedAt),
	}
}

func TestEvents_AreCreatedAndRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	schema := map[string]string{
		"plan": resend.EventSchemaTypeString, "seats": resend.EventSchemaTypeNumber,
		"trial": resend.EventSchemaTypeBoolean, "since": resend.EventSchemaTypeDate,
	}
	created, err := w.Events.Create(&resend.CreateEventRequest{Name: "user.created", Schema: schema})
	require.NoError(t, err)
	want := w.defined(created.Id, schema)
	assert.Equal(t, resend.CreateEventResponse{Object: "event", Id: want.Id}, created)
	assert.Equal(t, stamp(start), want.CreatedAt)

	for _, idOrName := range []string{want.Id, "user.created"} {
		got, err := w.Events.Get(idOrName)
		require.NoError(t, err)
		assert.Equal(t, resend.Event{
			Object: "event", Id: want.Id, Name: "user.created", Schema: schema, CreatedAt: want.CreatedAt, UpdatedAt: want.UpdatedAt,
		}, got)
	}
}

// The caller of the client must encode a name.
func TestEvents_AreFoundByNamesOfAnyCharacters(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, name := range []string{"user created", "a/b", "50%", "käse", "a?b#c", "100%25", "a+b", `"`} {
		id := w.define(name, nil)
		got, err := w.Events.Get(url.PathEscape(name))
		require.NoError(t, err, name)
		assert.Equal(t, id, got.Id, name)
		assert.Equal(t, name, got.Name)
	}
}

func TestEvents_AreListedNewestFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	empty, err := w.Events.List()
	require.NoError(t, err)
	assert.Equal(t, resend.ListEventsResponse{Object: "list", Data: []resend.EventSummary{}}, empty)

	schema := map[string]string{"plan": "string"}
	a, b, c := w.define("a", nil), w.define("b", schema), w.define("c", nil)
	all, err := w.Events.List()
	require.NoError(t, err)
	assert.Equal(t, resend.ListEventsResponse{Object: "list", Data: []resend.EventSummary{
		w.defined(c, nil), w.defined(b, schema), w.defined(a, nil),
	}}, all)

	page, err := w.Events.ListWithOptions(t.Context(), &resend.ListOptions{Limit: ptr(1), After: &c})
	require.NoError(t, err)
	assert.Equal(t, resend.ListEventsResponse{Object: "list", HasMore: true, Data: []resend.EventSummary{w.defined(b, schema)}}, page)
	page, err = w.Events.ListWithOptions(t.Context(), &resend.ListOptions{Before: &b})
	require.NoError(t, err)
	assert.Equal(t, resend.ListEventsResponse{Object: "list", Data: []resend.EventSummary{w.defined(c, nil)}}, page)
}

func TestEvents_AreChangedAndDeleted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.define("user.created", map[string]string{"plan": "string"})
	updated, err := w.Events.Update("user.created", &resend.UpdateEventRequest{Schema: map[string]string{"plan": "number"}})
	require.NoError(t, err)
	assert.Equal(t, resend.UpdateEventResponse{Object: "event", Id: id}, updated)
	got, err := w.Events.Get(id)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"plan": "number"}, got.Schema)
	assert.Equal(t, stamp(start), got.CreatedAt)
	assert.Equal(t, ptr(stamp(w.clock.Now())), got.UpdatedAt)

	// This client cannot send null, which would clear the schema.
	_, err = w.Events.Update(id, &resend.UpdateEventRequest{})
	assert.ErrorContains(t, err, "schema: is required")

	removed, err := w.Events.Remove("user.created")
	require.NoError(t, err)
	assert.Equal(t, resend.DeleteEventResponse{Object: "event", Id: id, Deleted: true}, removed)
	_, err = w.runner.GetEventDefinition(t.Context(), id)
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestEvents_AreSent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, _ := w.started()
	sent, err := w.Events.Send(&resend.SendEventRequest{
		Event: "user.left", Email: "Ada@Example.com", Payload: map[string]any{"reason": "price", "rating": 2, "again": nil},
	})
	require.NoError(t, err)
	assert.Equal(t, resend.SendEventResponse{Object: "event", Event: "user.left"}, sent)
	w.drain()
	page, err := w.runner.ListRuns(t.Context(), automation.RunQuery{AutomationID: id})
	require.NoError(t, err)
	require.Len(t, page.Data, 1)
	event, err := w.runner.GetEvent(t.Context(), page.Data[0].EventID)
	require.NoError(t, err)
	assert.JSONEq(t, `{"reason":"price","rating":2,"again":null}`, string(event.Payload))

	sent, err = w.Events.Send(&resend.SendEventRequest{Event: "user.left", ContactId: page.Data[0].ContactID})
	require.NoError(t, err)
	assert.Equal(t, resend.SendEventResponse{Object: "event", Event: "user.left"}, sent)
	w.drain()
	page, err = w.runner.ListRuns(t.Context(), automation.RunQuery{AutomationID: id})
	require.NoError(t, err)
	assert.Len(t, page.Data, 2)
	contact, err := w.runner.GetContact(t.Context(), automation.ContactRef{Email: "ada@example.com"})
	require.NoError(t, err)
	assert.Equal(t, contact.ID, page.Data[0].ContactID)
}

func TestEvents_AreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.define("paid", map[string]string{"amount": "number", "plan": "string"})
	for name, c := range map[string]struct {
		request resend.SendEventRequest
		reason  string
	}{
		"no contact":    {resend.SendEventRequest{Event: "paid"}, "contact_id or an email is required"},
		"both":          {resend.SendEventRequest{Event: "paid", ContactId: "c", Email: "ada@example.com"}, "contact_id"},
		"no address":    {resend.SendEventRequest{Event: "paid", Email: "ada"}, "email"},
		"unknown":       {resend.SendEventRequest{Event: "paid", ContactId: "nobody"}, `there is no contact "nobody"`},
		"no name":       {resend.SendEventRequest{Email: "ada@example.com"}, "event"},
		"reserved":      {resend.SendEventRequest{Event: "resend:x", Email: "ada@example.com"}, "resend:"},
		"wrong payload": {resend.SendEventRequest{Event: "paid", Email: "ada@example.com", Payload: map[string]any{"amount": "five", "plan": 1}}, "payload.amount"},
	} {
		_, err := w.Events.Send(&c.request)
		assert.ErrorContains(t, err, c.reason, name)
	}
	contacts, err := w.runner.ListContacts(t.Context(), automation.ContactQuery{})
	require.NoError(t, err)
	assert.Empty(t, contacts.Data)
}
