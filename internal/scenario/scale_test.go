package scenario_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestScale_ManyRunsAndLargePayloads(t *testing.T) {
	t.Parallel()
	const many = 10_000
	count := func(t *testing.T, w *world.World, a automation.Automation, status automation.RunStatus) int {
		counts, err := w.CountRuns(t.Context(), a.ID)
		require.NoError(t, err)
		n := 0
		for _, c := range counts {
			if c.Status == status {
				n += c.Count
			}
		}
		return n
	}
	batch := func(name, email string) []automation.Event {
		events := make([]automation.Event, many)
		for i := range events {
			events[i] = automation.Event{Name: name, Email: email}
		}
		return events
	}
	t.Run("10,000 runs resumed by one event", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := w.Create(world.Flow("", "user.created", world.Wait("wait", "order.paid")))
		_, err := w.Runner.Send(t.Context(), batch("user.created", "ada@example.com")...)
		require.NoError(t, err)
		w.Drain()
		require.Equal(t, many, count(t, w, a, automation.RunRunning))
		w.Clock.Add(time.Second)
		w.Send(world.ForAda("order.paid", nil))
		w.Drain()
		assert.Equal(t, many, count(t, w, a, automation.RunCompleted))
	})
	t.Run("10,000 runs resumed by the clock", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := w.Create(world.Flow("", "user.created", world.Pause("pause", "1 hour")))
		_, err := w.Runner.Send(t.Context(), batch("user.created", "ada@example.com")...)
		require.NoError(t, err)
		w.Drain()
		w.Pass(time.Hour)
		assert.Equal(t, many, count(t, w, a, automation.RunCompleted))
	})
	t.Run("10,000 events for one contact", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		a := w.Create(world.Flow("", "user.created", automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "beta"}}))
		_, err := w.Runner.Send(t.Context(), batch("user.created", "ada@example.com")...)
		require.NoError(t, err)
		n, err := w.Runner.Drain(t.Context())
		require.NoError(t, err)
		assert.GreaterOrEqual(t, n, 2*many)
		assert.Equal(t, many, count(t, w, a, automation.RunCompleted))
	})
	t.Run("10,000 events that start nothing create no contact", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		_, err := w.Runner.Send(t.Context(), batch("page.viewed", "ada@example.com")...)
		require.NoError(t, err)
		w.Drain()
		page, err := w.ListContacts(t.Context(), automation.ContactQuery{})
		require.NoError(t, err)
		assert.Empty(t, page.Data)
		next, err := w.Store.NextDue(t.Context())
		require.NoError(t, err)
		assert.Zero(t, next)
	})
	t.Run("a payload at the limit", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Wait("wait", "order.paid"), automation.Step{Key: "send", Config: automation.SendEmail{Template: automation.TemplateRef{
			ID: "t", Variables: map[string]automation.Value{"TEXT": automation.Var("wait_events.order.paid.text"), "MORE": automation.Var("event.text")},
		}}}))
		const limit = 256 << 10
		text := strings.Repeat("x", limit-len(`{"text":""}`))
		w.Send(world.ForAda("user.created", json.RawMessage(`{"text":"`+text+`"}`)))
		w.Drain()
		w.Clock.Add(time.Second)
		w.Send(world.ForAda("order.paid", json.RawMessage(`{"text":"`+text+`"}`)))
		w.Drain()
		require.Len(t, w.Mailer.Emails(), 1)
		assert.Equal(t, text, w.Mailer.Emails()[0].Variables["TEXT"])
		assert.Equal(t, text, w.Mailer.Emails()[0].Variables["MORE"])

		over := json.RawMessage(`{"text":"` + text + `x"}`)
		_, err := w.Runner.Send(t.Context(), automation.Event{Name: "user.created", Email: "ada@example.com", Payload: over})
		require.ErrorIs(t, err, automation.ErrInvalid)
	})
}
