package automation_test

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
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// appends counts how often events were handed to a store.
type appends struct {
	automation.Store
	count int
}

func (a *appends) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	a.count++
	return a.Store.AppendEvents(ctx, events)
}

func TestSend_RefusesInvalidEventsAndKeepsNothing(t *testing.T) {
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
		"name too long":         {named(strings.Repeat("n", 256)), "name", automation.CodeInvalidEventName},
		"control character":     {named("sign\nup"), "name", automation.CodeInvalidEventName},
		"name not UTF-8":        {named("sign\xffup"), "name", automation.CodeInvalidEventName},
		"name not ASCII C1":     {named("sign\u0085up"), "name", automation.CodeInvalidEventName},
		"contact id":            {automation.Event{Name: "signup", ContactID: "c\r\nBcc: eve"}, "contact_id", automation.CodeInvalidContact},
		"contact id too long":   {automation.Event{Name: "signup", ContactID: strings.Repeat("c", 256)}, "contact_id", automation.CodeInvalidContact},
		"key":                   {keyed("once\x00"), "idempotency_key", automation.CodeInvalidIdempotencyKey},
		"key not UTF-8":         {keyed("once\xff"), "idempotency_key", automation.CodeInvalidIdempotencyKey},
		"key too long":          {keyed(strings.Repeat("k", 256)), "idempotency_key", automation.CodeInvalidIdempotencyKey},
		"email too long":        {signup(strings.Repeat("a", 256) + "@example.com"), "email", automation.CodeInvalidEmail},
		"nobody":                {automation.Event{Name: "signup"}, "contact_id", automation.CodeInvalidContact},
		"id and email":          {automation.Event{Name: "signup", ContactID: "c", Email: "ada@example.com"}, "contact_id", automation.CodeInvalidContact},
		"email without host":    {signup("ada"), "email", automation.CodeInvalidEmail},
		"email with name":       {signup("Ada <ada@example.com>"), "email", automation.CodeInvalidEmail},
		"email in brackets":     {signup("<ada@example.com>"), "email", automation.CodeInvalidEmail},
		"two emails":            {signup("ada@example.com, bob@example.com"), "email", automation.CodeInvalidEmail},
		"email with line break": {signup("ada@example.com\r\nBcc: eve@example.com"), "email", automation.CodeInvalidEmail},
		"email with space":      {signup(" ada@example.com"), "email", automation.CodeInvalidEmail},
		"payload not JSON":      {carrying(`{"a":`), "payload", automation.CodeInvalidPayload},
		"payload an array":      {carrying(`[1]`), "payload", automation.CodeInvalidPayload},
		"key twice":             {carrying(`{"a":1,"a":2}`), "payload.a", automation.CodeInvalidPayload},
		"payload too large":     {carrying(`{"a":"` + strings.Repeat("x", 100) + `"}`), "payload", automation.CodeInvalidPayload},
		"not encodable":         {automation.Event{Name: "signup", Email: "ada@example.com", Payload: automation.Payload(func() {})}, "payload", automation.CodeInvalidPayload},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{Limits: automation.Limits{PayloadBytes: 100}})
			store := &appends{Store: r.store}
			_, err := r.on(store, r.opts).Send(r.ctx, signup("fine@example.com"), tt.event)
			ps := problemsOf(t, err)
			require.Len(t, ps, 1)
			assert.Equal(t, "events[1]."+tt.path, ps[0].Path)
			assert.Equal(t, tt.code, ps[0].Code)
			assert.Contains(t, err.Error(), "automation: batch of 2 events: events[1].")
			assert.Zero(t, store.count)
		})
	}
}

func TestSend_ListsAllThatIsWrongWithAnEvent(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	_, err := r.Send(r.ctx, automation.Event{Email: "nobody", Payload: json.RawMessage(`1`)})
	assert.Equal(t, []string{"name", "email", "payload"}, paths(problemsOf(t, err)))
}

func TestSend_ListsAllThatIsWrongWithABatch(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	_, err := r.CreateEventDefinition(r.ctx, automation.EventDefinition{Name: "order", Schema: json.RawMessage(`{"total":"number"}`)})
	require.NoError(t, err)
	order := automation.Event{Name: "order", Email: "ada@example.com", Payload: json.RawMessage(`{"total":"much"}`)}
	_, err = r.Send(r.ctx, automation.Event{Name: "a\nb", Email: "nobody"}, signup("ada@example.com"), order,
		automation.Event{Name: "signup", ContactID: "unknown"})
	assert.Equal(t, []string{"events[0].name", "events[0].email", "events[2].payload.total"}, paths(problemsOf(t, err)))

	_, err = r.Send(r.ctx, order)
	require.ErrorContains(t, err, `automation: event "order": payload.total: `)
	assert.Equal(t, []string{"payload.total"}, paths(problemsOf(t, err)))

	_, err = r.Send(r.ctx, make([]automation.Event, 1000)...)
	assert.Len(t, problemsOf(t, err), 100)
}

func TestSend_SaysWhatIsWrongWithAName(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	for name, want := range map[string]string{
		"sign\xffup":             "must be valid UTF-8",
		"sign\nup":               "must not contain control characters",
		strings.Repeat("n", 1e6): "must not be longer than 255 bytes",
	} {
		_, err := r.Send(r.ctx, automation.Event{Name: name, Email: "ada@example.com"})
		require.ErrorContains(t, err, "name: "+want)
		assert.Less(t, len(err.Error()), 400)
	}
}

// A host's contact table that fails is named once, with the event it was asked for.
func TestSend_NamesThePackageOnce(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	events := []automation.Event{signup("ada@example.com"), {Name: "signup", ContactID: "unknown"}}
	hosted := r.opts
	hosted.Contacts = noContacts{}
	for name, runner := range map[string]*automation.Runner{"store": r.Runner, "host": r.on(r.store, hosted)} {
		for _, batch := range [][]automation.Event{events, events[1:]} {
			_, err := runner.Send(r.ctx, batch...)
			require.ErrorIs(t, err, automation.ErrNotFound, name)
			assert.Equal(t, 1, strings.Count(err.Error(), "automation:"), err)
		}
	}
	_, err := r.on(r.store, hosted).Send(r.ctx, events...)
	require.EqualError(t, err, `automation: event 2 of 2: contact "unknown": not found`)

	damaged := automation.EventDefinition{ID: "d", Name: "signup", Schema: json.RawMessage(`{"plan":"strnig"}`)}
	require.NoError(t, r.store.InsertEventDefinition(r.ctx, damaged))
	_, err = r.Send(r.ctx, events...)
	require.ErrorContains(t, err, "events[0].schema.plan: ")
	assert.Equal(t, 1, strings.Count(err.Error(), "automation:"), err)
}

// noContacts is a host's table that is empty.
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
			r := setup(t, automation.Options{})
			receipts := r.send(e)
			require.Len(t, receipts, 1)
			kept, err := r.GetEvent(r.ctx, receipts[0].ID)
			require.NoError(t, err)
			want := e
			want.ID, want.OccurredAt, want.AcceptedAt = receipts[0].ID, start, start
			assert.Equal(t, want, kept)
		})
	}
}

func TestSend_IsAllOrNothing(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	used := signup("ada@example.com")
	used.IdempotencyKey = "once"
	r.send(used)
	r.drain()
	other := used
	other.Payload = json.RawMessage(`{"other":true}`)
	tests := map[string]struct {
		event automation.Event
		want  error
	}{
		"invalid":            {signup("nobody"), automation.ErrInvalid},
		"unknown contact id": {automation.Event{Name: "signup", ContactID: "nope"}, automation.ErrNotFound},
		"key of another":     {other, automation.ErrConflict},
	}
	for name, tt := range tests {
		receipts, err := r.Send(r.ctx, signup("bob@example.com"), tt.event, signup("eve@example.com"))
		require.ErrorIs(t, err, tt.want, name)
		assert.Nil(t, receipts)
		r.drain()
		assert.Len(t, r.runs(), 1, name)
	}
}

func TestSend_ReceiptsAreInOrder(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	once := signup("ada@example.com")
	once.IdempotencyKey = "once"
	receipts := r.send(signup("bob@example.com"), once, once, automation.Event{Name: "order", Email: "eve@example.com"})
	require.Len(t, receipts, 4)
	assert.Equal(t, automation.EventReceipt{ID: receipts[1].ID, Duplicate: true}, receipts[2])
	for i, want := range []string{"signup", "signup", "signup", "order"} {
		e, err := r.GetEvent(r.ctx, receipts[i].ID)
		require.NoError(t, err)
		assert.Equal(t, want, e.Name)
	}
	assert.Empty(t, r.send())
}

func TestSend_RepeatedKeyDoesNothing(t *testing.T) {
	t.Parallel()
	again := func(change func(e *automation.Event)) automation.Event {
		e := automation.Event{Name: "signup", Email: "ada@example.com", IdempotencyKey: "once", Payload: json.RawMessage(`{"a":1}`)}
		change(&e)
		return e
	}
	tests := map[string]struct {
		event     automation.Event
		duplicate bool
		runs      int
		err       error
	}{
		"the same":                {again(func(*automation.Event) {}), true, 1, nil},
		"occurred later":          {again(func(e *automation.Event) { e.OccurredAt = start }), true, 1, nil},
		"email's case":            {again(func(e *automation.Event) { e.Email = "ADA@example.com" }), true, 1, nil},
		"another name":            {again(func(e *automation.Event) { e.Name = "order" }), false, 1, nil},
		"another key":             {again(func(e *automation.Event) { e.IdempotencyKey = "twice" }), false, 2, nil},
		"payload spelt otherwise": {again(func(e *automation.Event) { e.Payload = json.RawMessage(`{"a": 1}`) }), false, 1, automation.ErrConflict},
		"another payload":         {again(func(e *automation.Event) { e.Payload = nil }), false, 1, automation.ErrConflict},
		"another email":           {again(func(e *automation.Event) { e.Email = "bob@example.com" }), false, 1, automation.ErrConflict},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{})
			r.create(linear("welcome", "signup", mailing("hello")))
			first := r.send(again(func(*automation.Event) {}))[0]
			receipts, err := r.Send(r.ctx, tt.event)
			require.ErrorIs(t, err, tt.err)
			if tt.err == nil {
				assert.Equal(t, tt.duplicate, receipts[0].Duplicate)
				assert.Equal(t, tt.duplicate, receipts[0].ID == first.ID)
			}
			r.drain()
			assert.Len(t, r.runs(), tt.runs)
		})
	}
}

func TestSend_StampsTimes(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	e := signup("ada@example.com")
	e.ID, e.AcceptedAt = "mine", start.Add(-time.Hour)
	e.OccurredAt = time.Date(2020, 1, 1, 1, 0, 0, 1_999, time.FixedZone("", 3600))
	kept, err := r.GetEvent(r.ctx, r.send(e)[0].ID)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2020, 1, 1, 0, 0, 0, 1_000, time.UTC), kept.OccurredAt, "in UTC with microseconds")
	assert.Equal(t, start, kept.AcceptedAt)
	assert.NotEqual(t, "mine", kept.ID)
}

func TestSend_StartsARunOfEveryEnabledAutomation(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("one", "signup", mailing("first")))
	r.create(linear("two", "signup", mailing("second")))
	r.create(linear("three", "order", mailing("third")))
	off := linear("four", "signup", mailing("fourth"))
	off.Status = automation.StatusDisabled
	r.create(off)
	r.send(signup("ada@example.com"))
	r.drain()
	assert.Equal(t, []string{"first", "second"}, r.sent())
}

func TestSend_ResumesWaitsBeforeItStartsRuns(t *testing.T) {
	t.Parallel()
	j := &journal{}
	r := setup(t, automation.Options{Observer: j})
	r.create(linear("late", "signup", waiting("again", "order"), mailing("resumed")))
	r.create(linear("early", "order", mailing("started")))
	r.send(signup("ada@example.com"))
	r.drain()
	j.take()
	r.send(automation.Event{Name: "order", Email: "ada@example.com"})
	r.drain()
	lines := j.take()
	assert.Equal(t, []string{"accepted order", "step again completed, 0 failed", "step resumed running, 0 failed", "started early"}, lines[:4])
	assert.Contains(t, lines, "handled order, started 1, resumed 1")
	assert.Equal(t, []string{"resumed", "started"}, r.sent())
}

func TestSend_HandlesAContactsEventsInOrder(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	for _, name := range []string{"a", "b", "c"} {
		r.create(linear(name, name, mailing(name)))
	}
	var events []automation.Event
	for _, name := range []string{"c", "a", "b", "a"} {
		events = append(events, automation.Event{Name: name, Email: "ada@example.com"})
	}
	r.send(events...)
	r.drain()
	assert.Equal(t, []string{"c", "a", "b", "a"}, r.sent())
}

func TestSend_CreatesNobodyWithoutARun(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.send(signup("ada@example.com"))
	r.drain()
	_, err := r.GetContact(r.ctx, automation.ContactRef{Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrNotFound)

	r.create(linear("welcome", "signup", mailing("hello")))
	r.send(signup("ada@example.com"), signup("ADA@example.com"))
	r.drain()
	c, err := r.GetContact(r.ctx, automation.ContactRef{Email: "ada@example.com"})
	require.NoError(t, err)
	assert.Equal(t, "ada@example.com", c.Email)
	assert.Len(t, r.mailer.To("ada@example.com"), 2)
	page, err := r.ListContacts(r.ctx, automation.ContactQuery{})
	require.NoError(t, err)
	assert.Len(t, page.Data, 1)
}

func TestSend_ChecksThePayloadAgainstItsDefinition(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	_, err := r.CreateEventDefinition(r.ctx, automation.EventDefinition{
		Name: "signup", Schema: json.RawMessage(`{"plan":"string","seats":"number","trial":"boolean","ends":"date"}`),
	})
	require.NoError(t, err)
	e := signup("ada@example.com")
	e.Payload = json.RawMessage(`{"plan":1,"seats":"two","trial":true,"ends":"soon","extra":[]}`)
	_, err = r.Send(r.ctx, e)
	ps := problemsOf(t, err)
	assert.ElementsMatch(t, []string{"payload.plan", "payload.seats", "payload.ends"}, paths(ps))
	for _, p := range ps {
		assert.Equal(t, automation.CodeSchemaMismatch, p.Code)
	}
	e.Payload = json.RawMessage(`{"plan":"pro","ends":"2026-03-02","extra":[]}`)
	r.send(e, signup("bob@example.com"))
}

func TestSendTo_TakesEffectWithTheTransaction(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	tx := &transaction{EventWriter: r.store}
	receipts, err := r.SendTo(r.ctx, tx, signup("ada@example.com"))
	require.NoError(t, err)
	r.drain()
	assert.Empty(t, r.sent())
	require.NoError(t, tx.commit(r.ctx))
	r.drain()
	assert.Equal(t, []string{"hello"}, r.sent())
	assert.Equal(t, receipts[0].ID, r.run().EventID)

	_, err = r.SendTo(r.ctx, tx, signup("nobody"))
	require.ErrorIs(t, err, automation.ErrInvalid)
	assert.Empty(t, tx.held)
}

func TestPackageSend_NeedsAWriterOnly(t *testing.T) {
	t.Parallel()
	store := memory.New()
	r := setup(t, automation.Options{Clock: automation.SystemClock()})
	r.store, r.Runner = store, r.on(store, r.opts)
	r.create(linear("welcome", "signup", mailing("hello")))
	_, err := r.CreateEventDefinition(r.ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"plan":"string"}`)})
	require.NoError(t, err)

	e := signup("ada@example.com")
	e.IdempotencyKey = "once"
	before := time.Now().Truncate(time.Microsecond)
	receipts, err := automation.Send(r.ctx, store, e, e)
	require.NoError(t, err)
	assert.True(t, receipts[1].Duplicate)
	kept, err := r.GetEvent(r.ctx, receipts[0].ID)
	require.NoError(t, err)
	assert.False(t, kept.AcceptedAt.Before(before))
	r.drain()
	assert.Equal(t, []string{"hello"}, r.sent())

	e.Payload = json.RawMessage(`{"plan":1}`)
	_, err = automation.Send(r.ctx, store, e)
	assert.Equal(t, []string{"payload.plan"}, paths(problemsOf(t, err)))
	_, err = automation.Send(r.ctx, store, automation.Event{Name: "x", ContactID: "nope"})
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestSend_PassesOnTheStoresErrors(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	_, err := r.Send(ctx, signup("ada@example.com"))
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, errors.Is(err, automation.ErrInvalid))
}

// asked counts how often a store was asked for definitions.
type asked struct {
	automation.Store
	count int
}

func (a *asked) FindEventDefinition(ctx context.Context, idOrName string) (automation.EventDefinition, error) {
	a.count++
	return a.Store.FindEventDefinition(ctx, idOrName)
}

func TestSend_HearsOfADefinitionThatAnotherRunnerHasChanged(t *testing.T) {
	t.Parallel()
	ctx, shared := t.Context(), memory.New()
	store := &asked{Store: shared}
	r, other := runnerOn(t, store), runnerOn(t, shared)
	send := func() error {
		_, err := r.Send(ctx, automation.Event{Name: "signup", Email: "ada@example.com", Payload: json.RawMessage(`{"seats":"two"}`)})
		return err
	}
	require.NoError(t, send())
	require.NoError(t, send())
	assert.Equal(t, 1, store.count, "it remembers that there is none")

	d, err := other.CreateEventDefinition(ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"seats":"number"}`)})
	require.NoError(t, err)
	require.ErrorIs(t, send(), automation.ErrInvalid)
	assert.Equal(t, 2, store.count)

	_, err = other.UpdateEventDefinition(ctx, d.ID, []byte(`{"seats":"string"}`))
	require.NoError(t, err)
	require.NoError(t, send())
	assert.Equal(t, 3, store.count)
	require.NoError(t, other.DeleteEventDefinition(ctx, d.ID))
	require.NoError(t, send())
	assert.Equal(t, 4, store.count)
}

// fickle is a store whose definitions change all the time.
type fickle struct{ automation.Store }

func (fickle) AppendEvents(context.Context, []automation.NewEvent) ([]automation.EventReceipt, error) {
	return nil, automation.ErrDefinitionChanged
}

func TestSend_GivesUpWhileDefinitionsKeepChanging(t *testing.T) {
	t.Parallel()
	store := &asked{Store: fickle{memory.New()}}
	_, err := runnerOn(t, store).Send(t.Context(), automation.Event{Name: "signup", Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrDefinitionChanged)
	assert.Equal(t, 5, store.count)
}

func runnerOn(t *testing.T, store automation.Store) *automation.Runner {
	t.Helper()
	r, err := automation.New(store, capture.New(), automation.Options{})
	require.NoError(t, err)
	return r
}
