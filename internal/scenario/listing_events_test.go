package scenario_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// listEvents lists all events that match q, and checks that GetEvent returns the same.
func listEvents(w *world.World, q automation.EventQuery) []automation.EventRecord {
	w.T.Helper()
	page, err := w.ListEvents(w.T.Context(), q)
	require.NoError(w.T, err)
	require.False(w.T, page.HasMore)
	for _, e := range page.Data {
		one, err := w.GetEvent(w.T.Context(), e.ID)
		require.NoError(w.T, err)
		assert.Equal(w.T, e, one)
	}
	return page.Data
}

// newest returns the newest event of Ada.
func newest(w *world.World) automation.EventRecord {
	w.T.Helper()
	events := listEvents(w, automation.EventQuery{Contact: automation.ContactRef{Email: "ada@example.com"}})
	require.NotEmpty(w.T, events)
	return events[0]
}

func TestListEvents_ShowsWhatBecameOfAnEvent(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Wait("paid", "order.paid")))
	w.Send(world.Signup("ada@example.com"))
	e := newest(w)
	assert.Equal(t, automation.EventStatusPending, e.Status)
	assert.Zero(t, e.HandledAt)

	w.Drain()
	run := w.Run()
	e = newest(w)
	assert.Equal(t, automation.EventStatusHandled, e.Status)
	assert.Equal(t, []string{run.ID}, e.Started)
	assert.Equal(t, run.CreatedAt, e.HandledAt)
	assert.Empty(t, e.Reason)
	assert.Equal(t, run.ContactID, e.ContactID)

	w.Pass(time.Minute)
	w.Send(world.ForAda("order.paid", nil))
	w.Drain()
	e = newest(w)
	assert.Equal(t, []string{run.ID}, e.Resumed)
	assert.Empty(t, e.Started)
	assert.Empty(t, e.Reason)
}

func TestListEvents_ShowsWhyAnEventMatchedNothing(t *testing.T) {
	t.Parallel()
	pro := automation.Field("event.plan").Eq("pro")
	for name, c := range map[string]struct {
		given func(w *world.World)
		send  automation.Event
		want  automation.EventReason
	}{
		"no automation names it": {
			func(*world.World) {}, world.ForAda("order.paid", nil), automation.ReasonNoMatch,
		},
		"its automation was stopped": {
			func(w *world.World) {
				w.Create(world.Flow("paid", "order.paid", world.Email("thanks")))
				_, err := w.StopAutomation(w.T.Context(), "paid", automation.StopOptions{})
				require.NoError(w.T, err)
			},
			world.ForAda("order.paid", nil), automation.ReasonDisabled,
		},
		"the filter of the wait does not match": {
			func(w *world.World) {
				wait := automation.WaitForEvent{EventName: "order.paid", FilterRule: pro}
				w.Create(world.Flow("welcome", "signup", automation.Step{Key: "paid", Config: wait}))
				w.Send(world.Signup("ada@example.com"))
				w.Drain()
			},
			world.ForAda("order.paid", map[string]any{"plan": "free"}), automation.ReasonFilterNotMet,
		},
		"it was accepted before the wait began": {
			func(w *world.World) {
				w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Wait("paid", "order.paid")))
				w.Mailer.Respond = func(context.Context, automation.Email) error {
					w.Clock.Add(time.Second)
					w.Send(world.ForAda("order.paid", nil))
					w.Clock.Add(time.Second)
					return nil
				}
				w.Send(world.Signup("ada@example.com"))
			},
			automation.Event{}, automation.ReasonBeforeWait,
		},
		"its contact was deleted": {
			func(w *world.World) {
				w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
				w.Send(world.ForAda("order.paid", nil))
				require.NoError(w.T, w.DeleteContact(w.T.Context(), "ada"))
			},
			automation.Event{}, automation.ReasonContactDeleted,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &world.Journal{}
			w := world.New(t, automation.Options{Observer: j})
			c.given(w)
			if c.send.Name != "" {
				w.Pass(time.Second)
				w.Send(c.send)
			}
			w.Drain()
			events := listEvents(w, automation.EventQuery{Name: "order.paid", AcceptedFrom: world.Start})
			require.Len(t, events, 1)
			e := events[0]
			assert.Equal(t, automation.EventStatusHandled, e.Status)
			assert.Equal(t, c.want, e.Reason)
			assert.Empty(t, e.Started)
			assert.Empty(t, e.Resumed)
			assert.Equal(t, w.Clock.Now(), e.HandledAt)
		})
	}
}

func TestListEvents_FindsTheEventsFromBeforeTheContact(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.ForAda("page.viewed", nil))
	w.Drain()
	w.Send(world.Signup("Ada@example.com"))
	w.Drain()
	for _, ref := range []automation.ContactRef{{Email: "ada@example.com"}, {ID: w.Contact("ada@example.com").ID}} {
		events := listEvents(w, automation.EventQuery{Contact: ref})
		require.Len(t, events, 2, ref)
		assert.Equal(t, []string{"signup", "page.viewed"}, []string{events[0].Name, events[1].Name})
	}
	assert.Empty(t, listEvents(w, automation.EventQuery{Contact: automation.ContactRef{Email: "bob@example.com"}}))
	_, err := w.ListEvents(t.Context(), automation.EventQuery{PageQuery: automation.PageQuery{Limit: 101}})
	require.ErrorIs(t, err, automation.ErrInvalid)
	_, err = w.ListEvents(t.Context(), automation.EventQuery{PageQuery: automation.PageQuery{After: "unknown"}})
	require.ErrorIs(t, err, automation.ErrNotFound)
}

// Host code sends events without the Runner that has the Observer: inside a transaction,
// or in another process.
func TestObserver_ReceivesAcceptedEventsThatItsRunnerDidNotSend(t *testing.T) {
	t.Parallel()
	j := &world.Journal{}
	w := world.New(t, automation.Options{Observer: j})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	_, err := w.SendTo(t.Context(), w.Memory, world.Signup("ada@example.com"))
	require.NoError(t, err)
	assert.Empty(t, j.Take(), "the transaction may be rolled back")
	w.Drain()
	lines := j.Take()
	require.Contains(t, lines, "accepted signup")
	assert.Less(t, slices.Index(lines, "accepted signup"), slices.Index(lines, "started welcome"))
	assert.Len(t, slices.DeleteFunc(lines, func(line string) bool { return line != "accepted signup" }), 1)
}
