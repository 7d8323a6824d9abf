package scenario_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestIdempotency_KeyMakesARepeatHarmlessForADay(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "user.created", world.Email("welcome")))
	event := automation.Event{Name: "user.created", Email: "ada@example.com", Payload: []byte(`{"plan":"pro"}`), IdempotencyKey: "k"}
	first, err := w.Runner.Send(t.Context(), event)
	require.NoError(t, err)
	for _, drained := range []string{"before it is handled", "after it was handled"} {
		again, err := w.Runner.Send(t.Context(), event)
		require.NoError(t, err, drained)
		assert.Equal(t, []automation.EventReceipt{{ID: first[0].ID, Duplicate: true}}, again)
		for _, change := range []func(e *automation.Event){
			func(e *automation.Event) { e.Payload = []byte(`{"plan":"free"}`) },
			func(e *automation.Event) { e.Email = "bob@example.com" },
		} {
			other := event
			change(&other)
			_, err := w.Runner.Send(t.Context(), other)
			require.ErrorIs(t, err, automation.ErrConflict, drained)
		}
		w.Drain()
		require.Len(t, w.Mailer.Emails(), 1)
	}
	elsewhere := event
	elsewhere.Name = "order.paid"
	receipts, err := w.Runner.Send(t.Context(), elsewhere)
	require.NoError(t, err, "keys belong to an event name")
	assert.False(t, receipts[0].Duplicate)

	w.Clock.Add(24 * time.Hour)
	receipts, err = w.Runner.Send(t.Context(), event)
	require.NoError(t, err)
	assert.False(t, receipts[0].Duplicate, "the key is forgotten after a day")
	w.Drain()
	assert.Len(t, w.Mailer.Emails(), 2)
}

func TestIdempotency_RepeatedKeyDoesNothing(t *testing.T) {
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
		"occurred later":          {again(func(e *automation.Event) { e.OccurredAt = world.Start }), true, 1, nil},
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
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("welcome", "signup", world.Email("hello")))
			first := w.Send(again(func(*automation.Event) {}))[0]
			receipts, err := w.Runner.Send(w.Ctx, tt.event)
			require.ErrorIs(t, err, tt.err)
			if tt.err == nil {
				assert.Equal(t, tt.duplicate, receipts[0].Duplicate)
				assert.Equal(t, tt.duplicate, receipts[0].ID == first.ID)
			}
			w.Drain()
			assert.Len(t, w.Runs(), tt.runs)
		})
	}
}

func TestIdempotency_WindowOfTheOptionsEndsKeys(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{IdempotencyWindow: time.Hour})
	e := world.Signup("ada@example.com")
	e.IdempotencyKey = "once"
	first := w.Send(e)[0]
	w.Clock.Add(time.Hour - time.Microsecond)
	assert.Equal(t, automation.EventReceipt{ID: first.ID, Duplicate: true}, w.Send(e)[0])
	w.Clock.Add(time.Microsecond)
	assert.False(t, w.Send(e)[0].Duplicate)
}
