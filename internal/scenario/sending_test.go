package scenario_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestSend_RefusesInvalidEventsAndStoresNothing(t *testing.T) {
	t.Parallel()
	named := func(name string) automation.Event { return automation.Event{Name: name, Email: "ada@example.com"} }
	carrying := func(payload string) automation.Event {
		return automation.Event{Name: "signup", Email: "ada@example.com", Payload: json.RawMessage(payload)}
	}
	keyed := func(key string) automation.Event {
		return automation.Event{Name: "signup", Email: "ada@example.com", IdempotencyKey: key}
	}
	tests := map[string]struct {
		event automation.Event
		path  string
		code  automation.Code
	}{
		"no name":               {named(""), "name", automation.CodeInvalidEventName},
		"reserved name":         {named("resend:email.sent"), "name", automation.CodeInvalidEventName},
		"name of the engine":    {named("sys:contact.updated"), "name", automation.CodeInvalidEventName},
		"name too long":         {named(strings.Repeat("n", 256)), "name", automation.CodeInvalidEventName},
		"control character":     {named("sign\nup"), "name", automation.CodeInvalidEventName},
		"name not UTF-8":        {named("sign\xffup"), "name", automation.CodeInvalidEventName},
		"name not ASCII C1":     {named("sign\u0085up"), "name", automation.CodeInvalidEventName},
		"contact id":            {automation.Event{Name: "signup", ContactID: "c\r\nBcc: eve"}, "contact_id", automation.CodeInvalidContact},
		"contact id too long":   {automation.Event{Name: "signup", ContactID: strings.Repeat("c", 256)}, "contact_id", automation.CodeInvalidContact},
		"key":                   {keyed("once\x00"), "idempotency_key", automation.CodeInvalidIdempotencyKey},
		"key not UTF-8":         {keyed("once\xff"), "idempotency_key", automation.CodeInvalidIdempotencyKey},
		"key too long":          {keyed(strings.Repeat("k", 256)), "idempotency_key", automation.CodeInvalidIdempotencyKey},
		"email too long":        {world.Signup(strings.Repeat("a", 256) + "@example.com"), "email", automation.CodeInvalidEmail},
		"no contact":            {automation.Event{Name: "signup"}, "contact_id", automation.CodeInvalidContact},
		"id and email":          {automation.Event{Name: "signup", ContactID: "c", Email: "ada@example.com"}, "contact_id", automation.CodeInvalidContact},
		"email without host":    {world.Signup("ada"), "email", automation.CodeInvalidEmail},
		"email with name":       {world.Signup("Ada <ada@example.com>"), "email", automation.CodeInvalidEmail},
		"email in brackets":     {world.Signup("<ada@example.com>"), "email", automation.CodeInvalidEmail},
		"two emails":            {world.Signup("ada@example.com, bob@example.com"), "email", automation.CodeInvalidEmail},
		"email with line break": {world.Signup("ada@example.com\r\nBcc: eve@example.com"), "email", automation.CodeInvalidEmail},
		"email with space":      {world.Signup(" ada@example.com"), "email", automation.CodeInvalidEmail},
		"payload not JSON":      {carrying(`{"a":`), "payload", automation.CodeInvalidPayload},
		"payload an array":      {carrying(`[1]`), "payload", automation.CodeInvalidPayload},
		"key twice":             {carrying(`{"a":1,"a":2}`), "payload.a", automation.CodeInvalidPayload},
		"payload too large":     {carrying(`{"a":"` + strings.Repeat("x", 100) + `"}`), "payload", automation.CodeInvalidPayload},
		"not encodable":         {automation.Event{Name: "signup", Email: "ada@example.com", Payload: automation.Payload(func() {})}, "payload", automation.CodeInvalidPayload},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{Limits: automation.Limits{PayloadBytes: 100}})
			store := &world.Store{Store: w.Memory}
			_, err := w.On(store, w.Opts).Send(w.Ctx, world.Signup("fine@example.com"), tt.event)
			ps := world.Problems(t, err)
			require.Len(t, ps, 1)
			assert.Equal(t, "events[1]."+tt.path, ps[0].Path)
			assert.Equal(t, tt.code, ps[0].Code)
			assert.Contains(t, err.Error(), "automation: batch of 2 events: events[1].")
			assert.Zero(t, store.Calls("AppendEvents"))
		})
	}
}

func TestSend_ListsAllThatIsWrongWithAnEvent(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.Runner.Send(w.Ctx, automation.Event{Email: "no-address", Payload: json.RawMessage(`1`)})
	assert.Equal(t, []string{"name", "email", "payload"}, world.Paths(world.Problems(t, err)))
}

func TestSend_ListsAllThatIsWrongWithABatch(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{Name: "order", Schema: json.RawMessage(`{"total":"number"}`)})
	require.NoError(t, err)
	order := automation.Event{Name: "order", Email: "ada@example.com", Payload: json.RawMessage(`{"total":"much"}`)}
	_, err = w.Runner.Send(w.Ctx, automation.Event{Name: "a\nb", Email: "no-address"}, world.Signup("ada@example.com"), order,
		automation.Event{Name: "signup", ContactID: "unknown"})
	assert.Equal(t, []string{"events[0].name", "events[0].email", "events[2].payload.total"}, world.Paths(world.Problems(t, err)))

	_, err = w.Runner.Send(w.Ctx, order)
	require.ErrorContains(t, err, `automation: event "order": payload.total: `)
	assert.Equal(t, []string{"payload.total"}, world.Paths(world.Problems(t, err)))

	_, err = w.Runner.Send(w.Ctx, make([]automation.Event, 1000)...)
	assert.Len(t, world.Problems(t, err), 100)
}

func TestSend_DescribesWhatIsWrongWithAName(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for name, want := range map[string]string{
		"sign\xffup":             "must be valid UTF-8",
		"sign\nup":               "must not contain control characters",
		strings.Repeat("n", 1e6): "must not be longer than 255 bytes",
	} {
		_, err := w.Runner.Send(w.Ctx, automation.Event{Name: name, Email: "ada@example.com"})
		require.ErrorContains(t, err, "name: "+want)
		assert.Less(t, len(err.Error()), 400)
	}
}

// An error of the contact directory contains the package's name once, and the event.
func TestSend_NamesThePackageOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	events := []automation.Event{world.Signup("ada@example.com"), {Name: "signup", ContactID: "unknown"}}
	hosted := w.Opts
	hosted.Contacts = noContacts{}
	for name, runner := range map[string]*automation.Runner{"store": w.Runner, "host": w.Node(hosted)} {
		for _, batch := range [][]automation.Event{events, events[1:]} {
			_, err := runner.Send(w.Ctx, batch...)
			require.ErrorIs(t, err, automation.ErrNotFound, name)
			assert.Equal(t, 1, strings.Count(err.Error(), "automation:"), err)
		}
	}
	_, err := w.Node(hosted).Send(w.Ctx, events...)
	require.EqualError(t, err, `automation: event 2 of 2: contact "unknown": not found`)

	damaged := automation.EventDefinition{ID: "d", Name: "signup", Schema: json.RawMessage(`{"plan":"strnig"}`)}
	require.NoError(t, w.Memory.InsertEventDefinition(w.Ctx, damaged))
	_, err = w.Runner.Send(w.Ctx, events...)
	require.ErrorContains(t, err, "events[0].schema.plan: ")
	assert.Equal(t, 1, strings.Count(err.Error(), "automation:"), err)
}

// noContacts is an empty contact directory.
type noContacts struct{ automation.ContactDirectory }

func (noContacts) FindContact(context.Context, automation.ContactRef) (automation.Contact, error) {
	return automation.Contact{}, automation.ErrNotFound
}

func TestSend_AcceptsWhatIsUnusual(t *testing.T) {
	t.Parallel()
	tests := map[string]automation.Event{
		"no payload":        {Name: "signup", Email: "ada@example.com"},
		"null":              {Name: "signup", Email: "ada@example.com", Payload: json.RawMessage(`null`)},
		"odd keys":          {Name: "signup", Email: "ada@example.com", Payload: json.RawMessage(`{"":1,"a.b":2,"ü":3}`)},
		"large numbers":     {Name: "signup", Email: "ada@example.com", Payload: json.RawMessage(`{"n":123456789012345678901234567890}`)},
		"longest key":       {Name: "signup", Email: "ada@example.com", IdempotencyKey: strings.Repeat("ü", 127) + "k"},
		"longest name":      {Name: strings.Repeat("n", 255), Email: "ada@example.com"},
		"dots and unicode":  {Name: "größe.geändert", Email: "ada@example.com"},
		"plus and upper":    {Name: "signup", Email: "Ada+x@Example.COM"},
		"resend in the mid": {Name: "a.resend:b", Email: "ada@example.com"},
	}
	for name, e := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			receipts := w.Send(e)
			require.Len(t, receipts, 1)
			kept, err := w.GetEvent(w.Ctx, receipts[0].ID)
			require.NoError(t, err)
			want := e
			want.ID, want.OccurredAt, want.AcceptedAt = receipts[0].ID, world.Start, world.Start
			assert.Equal(t, want, kept.Event)
		})
	}
}

func TestSend_IsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	used := world.Signup("ada@example.com")
	used.IdempotencyKey = "once"
	w.Send(used)
	w.Drain()
	other := used
	other.Payload = json.RawMessage(`{"other":true}`)
	tests := map[string]struct {
		event automation.Event
		want  error
	}{
		"invalid":            {world.Signup("no-address"), automation.ErrInvalid},
		"unknown contact id": {automation.Event{Name: "signup", ContactID: "nope"}, automation.ErrNotFound},
		"key of another":     {other, automation.ErrConflict},
	}
	for name, tt := range tests {
		receipts, err := w.Runner.Send(w.Ctx, world.Signup("bob@example.com"), tt.event, world.Signup("eve@example.com"))
		require.ErrorIs(t, err, tt.want, name)
		assert.Nil(t, receipts)
		w.Drain()
		assert.Len(t, w.Runs(), 1, name)
	}
}

func TestSend_ReceiptsAreInOrder(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	once := world.Signup("ada@example.com")
	once.IdempotencyKey = "once"
	receipts := w.Send(world.Signup("bob@example.com"), once, once, automation.Event{Name: "order", Email: "eve@example.com"})
	require.Len(t, receipts, 4)
	assert.Equal(t, automation.EventReceipt{ID: receipts[1].ID, Duplicate: true}, receipts[2])
	for i, want := range []string{"signup", "signup", "signup", "order"} {
		e, err := w.GetEvent(w.Ctx, receipts[i].ID)
		require.NoError(t, err)
		assert.Equal(t, want, e.Name)
	}
	assert.Empty(t, w.Send())
}

func TestSend_StampsTimes(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	e := world.Signup("ada@example.com")
	e.ID, e.AcceptedAt = "mine", world.Start.Add(-time.Hour)
	e.OccurredAt = time.Date(2020, 1, 1, 1, 0, 0, 1_999, time.FixedZone("", 3600))
	kept, err := w.GetEvent(w.Ctx, w.Send(e)[0].ID)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2020, 1, 1, 0, 0, 0, 1_000, time.UTC), kept.OccurredAt, "in UTC with microseconds")
	assert.Equal(t, world.Start, kept.AcceptedAt)
	assert.NotEqual(t, "mine", kept.ID)
}

func TestSend_StartsARunOfEveryEnabledAutomation(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("one", "signup", world.Email("first")))
	w.Create(world.Flow("two", "signup", world.Email("second")))
	w.Create(world.Flow("three", "order", world.Email("third")))
	off := world.Flow("four", "signup", world.Email("fourth"))
	off.Status = automation.StatusDisabled
	w.Create(off)
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Equal(t, []string{"first", "second"}, w.Sent())
}

func TestSend_ReturnsTheStoresErrors(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	ctx, cancel := context.WithCancel(w.Ctx)
	cancel()
	_, err := w.Runner.Send(ctx, world.Signup("ada@example.com"))
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, errors.Is(err, automation.ErrInvalid))
}

func TestGetEvent_HasTheContactOnceItIsHandled(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	e := world.Signup("Ada@example.com")
	e.IdempotencyKey, e.Payload = "once", json.RawMessage(`{"n":9007199254740993}`)
	id := w.Send(e)[0].ID
	kept, err := w.GetEvent(w.Ctx, id)
	require.NoError(t, err)
	assert.Equal(t, "Ada@example.com", kept.Email)
	assert.Equal(t, "once", kept.IdempotencyKey)
	w.Drain()
	kept, err = w.GetEvent(w.Ctx, id)
	require.NoError(t, err)
	assert.Equal(t, w.Run().ContactID, kept.ContactID)
	assert.Empty(t, kept.Email)
	assert.JSONEq(t, string(e.Payload), string(kept.Payload))
	_, err = w.GetEvent(w.Ctx, "nope")
	assert.ErrorIs(t, err, automation.ErrNotFound)
}
