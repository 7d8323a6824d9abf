package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// refs returns a sequence of contacts with these ids.
func refs(ids ...string) iter.Seq2[automation.ContactRef, error] {
	return func(yield func(automation.ContactRef, error) bool) {
		for _, id := range ids {
			if !yield(automation.ContactRef{ID: id}, nil) {
				return
			}
		}
	}
}

func TestStartMany_StartsOneAutomationOnly(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("news", "told", world.Email("news")))
	w.Create(world.Flow("other", "told", world.Email("other")))
	w.AddContacts(250)
	waiting := w.Create(world.Flow("waits", "signup", world.Wait("wait", "told")))
	w.Send(automation.Event{Name: "signup", ContactID: "7"})
	w.Drain()
	w.Clock.Add(time.Second)
	bulk, err := w.StartMany(t.Context(), automation.BulkStart{
		ID: "spring", AutomationID: "news", Contacts: w.ContactsWhere(t.Context(), "", automation.Rule{}), Max: 250,
		Payload: automation.Payload(map[string]any{"plan": "pro"}),
	})
	require.NoError(t, err)
	assert.Equal(t, automation.Bulk{Contacts: 250, Accepted: 250}, bulk)
	w.Drain()
	assert.Len(t, w.Sent(), 250)
	assert.NotContains(t, w.Sent(), "other")
	runs, err := w.ListRuns(t.Context(), automation.RunQuery{AutomationID: waiting.ID})
	require.NoError(t, err)
	assert.Equal(t, automation.RunRunning, runs.Data[0].Status, "an addressed event resumes nothing")
	events, err := w.ListEvents(t.Context(), automation.EventQuery{Contact: automation.ContactRef{ID: "7"}, Name: "told"})
	require.NoError(t, err)
	require.Len(t, events.Data, 1)
	assert.Equal(t, "news", events.Data[0].AutomationID)
	assert.Equal(t, automation.EventStatusHandled, events.Data[0].Status)
	assert.Len(t, events.Data[0].Started, 1)
	assert.JSONEq(t, `{"plan":"pro"}`, string(events.Data[0].Payload))
}

func TestStartMany_GoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("news", "told", world.Email("news")))
	const contacts = 5000 // in batches of 1,000
	w.AddContacts(contacts)
	start := automation.BulkStart{ID: "spring", AutomationID: "news", Max: contacts + 100}
	total, calls := 0, 0
	for made := 0; ; calls++ {
		require.Less(t, calls, 40)
		ctx, cancel := context.WithCancel(t.Context())
		sent := 0
		w.Store.OnStartRuns = func(ctx context.Context, next automation.BulkStarter, step automation.BulkStep) ([]automation.StartOutcome, error) {
			outcomes, err := next.StartRuns(ctx, step)
			sent += len(outcomes)
			switch {
			case sent > 90 && calls%2 == 0:
				cancel() // after the batch was kept
			case sent > 90:
				return nil, errKilled // so that the caller does not know that it was kept
			}
			return outcomes, err
		}
		start.Contacts = w.ContactsWhere(ctx, "", automation.Rule{})
		bulk, err := w.StartMany(ctx, start)
		cancel()
		total += sent
		assert.LessOrEqual(t, bulk.Accepted, sent)
		if err == nil {
			assert.Equal(t, bulk.Contacts, bulk.Accepted+bulk.Duplicates)
			break
		}
		require.True(t, errors.Is(err, context.Canceled) || errors.Is(err, errKilled), "%v", err)
		// Contacts are made and deleted meanwhile.
		if made < 20 {
			w.AddContact(automation.Contact{ID: fmt.Sprint("new ", made), Email: fmt.Sprintf("new-%d@example.com", made)})
			require.NoError(t, w.DeleteContact(t.Context(), fmt.Sprint(made*7)))
			made++
		}
		w.Clock.Add(time.Second)
	}
	w.Store.OnStartRuns = nil
	w.Drain()
	assert.Greater(t, calls, 3)
	for i := range contacts {
		id := fmt.Sprint(i)
		runs, err := w.ListRuns(t.Context(), automation.RunQuery{ContactID: id})
		require.NoError(t, err)
		if _, err := w.GetContact(t.Context(), automation.ContactRef{ID: id}); err == nil {
			assert.Len(t, runs.Data, 1, "contact %d", i)
		} else {
			assert.LessOrEqual(t, len(runs.Data), 1, "contact %d", i)
		}
	}
	assert.GreaterOrEqual(t, total, contacts-20)
}

func TestStartMany_KeepsItsLimit(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (*world.World, automation.BulkStart) {
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("news", "told", world.Email("news")))
		w.AddContacts(30)
		return w, automation.BulkStart{ID: "spring", AutomationID: "news", Contacts: w.ContactsWhere(t.Context(), "", automation.Rule{}), Max: 29}
	}
	t.Run("one more starts nothing", func(t *testing.T) {
		t.Parallel()
		w, start := setUp(t)
		bulk, err := w.StartMany(t.Context(), start)
		require.ErrorIs(t, err, automation.ErrConflict)
		require.ErrorContains(t, err, "there are more than 29 contacts")
		assert.Equal(t, automation.Bulk{Contacts: 30}, bulk)
		w.Drain()
		assert.Empty(t, w.Runs())
		start.Max = 30
		bulk, err = w.StartMany(t.Context(), start)
		require.NoError(t, err)
		assert.Equal(t, 30, bulk.Accepted)
	})
	t.Run("contacts that come between the walks do not exceed it", func(t *testing.T) {
		t.Parallel()
		w, start := setUp(t)
		walks := 0
		start.Contacts = func(yield func(automation.ContactRef, error) bool) {
			walks++
			for i := range 28 + walks {
				if !yield(automation.ContactRef{ID: fmt.Sprint(i)}, nil) {
					return
				}
			}
		}
		bulk, err := w.StartMany(t.Context(), start)
		require.ErrorIs(t, err, automation.ErrConflict)
		assert.Equal(t, automation.Bulk{Contacts: 29, Accepted: 29}, bulk)
	})
	t.Run("a dry run decides about entry", func(t *testing.T) {
		t.Parallel()
		w, start := setUp(t)
		entry := &automation.Entry{
			AudienceRule: automation.Field("contact.id").Neq("3"),
			Reentry:      automation.Reentry{WhileRunning: automation.ReentryIgnore, Limit: 1},
		}
		_, err := w.UpdateAutomation(t.Context(), start.AutomationID, automation.AutomationUpdate{Entry: entry})
		require.NoError(t, err)
		_, err = w.UpdateAutomation(t.Context(), start.AutomationID, automation.AutomationUpdate{
			Steps:       []automation.Step{{Key: "start", Config: automation.Trigger{EventName: "told"}}, world.Pause("pause", "1 day")},
			Connections: []automation.Connection{{From: "start", To: "pause"}},
		})
		require.NoError(t, err)
		w.Send(automation.Event{Name: "told", ContactID: "7"})
		w.Drain()
		start.Max, start.DryRun = 100, true
		bulk, err := w.StartMany(t.Context(), start)
		require.NoError(t, err)
		assert.Equal(t, map[automation.DecisionCode]int{automation.DecisionAudience: 1, automation.DecisionRunning: 1}, bulk.Refused)
		assert.Equal(t, 28, bulk.Accepted)
		w.Pass(48 * time.Hour)
		bulk, err = w.StartMany(t.Context(), start)
		require.NoError(t, err)
		assert.Equal(t, map[automation.DecisionCode]int{automation.DecisionAudience: 1, automation.DecisionLimit: 1}, bulk.Refused)
	})
	t.Run("a dry run starts nothing", func(t *testing.T) {
		t.Parallel()
		w, start := setUp(t)
		start.DryRun = true
		_, err := w.StartMany(t.Context(), start)
		require.ErrorIs(t, err, automation.ErrConflict)

		start.Max = 100
		all := start.Contacts
		start.Contacts = func(yield func(automation.ContactRef, error) bool) {
			if !yield(automation.ContactRef{ID: "unknown"}, nil) || !yield(automation.ContactRef{Email: "7@EXAMPLE.com"}, nil) ||
				!yield(automation.ContactRef{Email: "nobody@example.com"}, nil) {
				return
			}
			all(yield)
		}
		bulk, err := w.StartMany(t.Context(), start)
		require.NoError(t, err)
		assert.Equal(t, 33, bulk.Contacts)
		assert.Equal(t, 31, bulk.Accepted)
		assert.Equal(t, map[automation.DecisionCode]int{automation.DecisionContactUnknown: 2}, bulk.Refused)
		require.Len(t, bulk.Samples, automation.BulkSamples)
		assert.Equal(t, []automation.BulkSample{
			{Contact: automation.ContactRef{ID: "unknown"}, Refused: automation.DecisionContactUnknown},
			{Contact: automation.ContactRef{ID: "7", Email: "7@EXAMPLE.com"}},
			{Contact: automation.ContactRef{Email: "nobody@example.com"}, Refused: automation.DecisionContactUnknown},
			{Contact: automation.ContactRef{ID: "29"}},
		}, bulk.Samples[:4])
		w.Drain()
		assert.Empty(t, w.Runs())
	})
}

func TestStartMany_LeavesOutContactsThatDoNotExist(t *testing.T) {
	t.Parallel()
	for name, host := range map[string]bool{"in the store": false, "of the host": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			users := world.NewUsers(automation.Contact{ID: "1", Email: "1@example.com"}, automation.Contact{ID: "2", Email: "2@example.com"})
			if host {
				w = world.NewWithUsers(t, users, automation.Options{})
			} else {
				w.AddContacts(3)
			}
			w.Create(world.Flow("news", "told", world.Email("news")))
			// A contact is deleted between the read and the start.
			w.Store.OnStartRuns = func(ctx context.Context, next automation.BulkStarter, step automation.BulkStep) ([]automation.StartOutcome, error) {
				w.Store.OnStartRuns = nil
				if !host {
					require.NoError(t, w.DeleteContact(t.Context(), "2"))
				}
				return next.StartRuns(ctx, step)
			}
			bulk, err := w.StartMany(t.Context(), automation.BulkStart{ID: "spring", AutomationID: "news", Contacts: refs("1", "gone", "2"), Max: 3})
			require.NoError(t, err)
			want := automation.Bulk{Contacts: 3, Accepted: 1, Refused: map[automation.DecisionCode]int{automation.DecisionContactUnknown: 2}}
			if host {
				want.Accepted, want.Refused[automation.DecisionContactUnknown] = 2, 1
				assert.Equal(t, 3, users.Calls("find"), "each contact is found once")
			}
			assert.Equal(t, want, bulk)
			w.Drain()
			assert.Len(t, w.Runs(), want.Accepted)
		})
	}
}

func TestStartMany_KeepsItsRate(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Clock: automation.SystemClock()})
		w.Create(world.Flow("news", "told"))
		w.AddContacts(60)
		began := time.Now()
		start := automation.BulkStart{ID: "spring", AutomationID: "news", Contacts: w.ContactsWhere(t.Context(), "", automation.Rule{}), Max: 100, Rate: 120}
		bulk, err := w.StartMany(t.Context(), start)
		require.NoError(t, err)
		assert.Equal(t, 60, bulk.Accepted)
		assert.Equal(t, 29*time.Second, time.Since(began), "30 batches of 2, a second apart")
		began = time.Now()
		bulk, err = w.StartMany(t.Context(), start)
		require.NoError(t, err)
		assert.Equal(t, 60, bulk.Duplicates)
		assert.Zero(t, time.Since(began), "what was started before costs no time")
	})
}

func TestStartMany_RefusesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("news", "told"))
	disabled := world.Flow("off", "told")
	disabled.Status = automation.StatusDisabled
	w.Create(disabled)
	_, err := w.CreateEventDefinition(t.Context(), automation.EventDefinition{Name: "told", Schema: []byte(`{"n":"number"}`)})
	require.NoError(t, err)
	w.AddContacts(1)
	good := automation.BulkStart{ID: "spring", AutomationID: "news", Contacts: refs("0"), Max: 1, Payload: []byte(`{"n":1}`)}

	_, err = w.StartMany(t.Context(), automation.BulkStart{Rate: -1})
	assert.Equal(t, []string{"id", "automation_id", "contacts", "max", "rate"}, world.Paths(world.Problems(t, err)))
	for name, tt := range map[string]struct {
		change func(b *automation.BulkStart)
		path   string
		want   error
	}{
		"a slash in the id": {func(b *automation.BulkStart) { b.ID = "a/b" }, "id", automation.ErrInvalid},
		"a long id":         {func(b *automation.BulkStart) { b.ID = strings.Repeat("x", 129) }, "id", automation.ErrInvalid},
		"a line break":      {func(b *automation.BulkStart) { b.ID = "a\nb" }, "id", automation.ErrInvalid},
		"another schema":    {func(b *automation.BulkStart) { b.Payload = []byte(`{"n":"x"}`) }, "payload.n", automation.ErrInvalid},
		"no JSON":           {func(b *automation.BulkStart) { b.Payload = []byte(`{`) }, "payload", automation.ErrInvalid},
		"no automation":     {func(b *automation.BulkStart) { b.AutomationID = "none" }, "", automation.ErrNotFound},
		"a disabled one":    {func(b *automation.BulkStart) { b.AutomationID = "off" }, "", automation.ErrConflict},
		"an error of the sequence": {func(b *automation.BulkStart) {
			b.Contacts = func(yield func(automation.ContactRef, error) bool) { yield(automation.ContactRef{}, errKilled) }
		}, "", errKilled},
	} {
		b := good
		tt.change(&b)
		_, err := w.StartMany(t.Context(), b)
		require.ErrorIs(t, err, tt.want, name)
		if tt.path != "" {
			assert.Equal(t, []string{tt.path}, world.Paths(world.Problems(t, err)), name)
		}
	}
	_, err = w.StartMany(t.Context(), good)
	require.NoError(t, err)
	good.Payload = []byte(`{"n":2}`)
	_, err = w.StartMany(t.Context(), good)
	require.ErrorIs(t, err, automation.ErrConflict, "the id belongs to another payload")
	good.AutomationID, good.DryRun = "off", true
	bulk, err := w.StartMany(t.Context(), good)
	require.NoError(t, err, "an automation may be tried before it is enabled")
	assert.Equal(t, 1, bulk.Accepted)
}

func TestContactsWhere_SelectsContacts(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for i := range 250 {
		c := automation.Contact{ID: fmt.Sprint(i), Email: fmt.Sprintf("%d@example.com", i), Properties: map[string]any{"n": i}}
		if i%2 == 0 {
			c.Segments = []string{"even"}
		}
		w.AddContact(c)
	}
	walk := func(seq iter.Seq2[automation.ContactRef, error]) (ids []string, err error) {
		for ref, err := range seq {
			if err != nil {
				return ids, err
			}
			ids = append(ids, ref.ID)
		}
		return ids, nil
	}
	all := w.ContactsWhere(t.Context(), "", automation.Rule{})
	w.Clock.Add(time.Second)
	w.AddContact(automation.Contact{ID: "later", Email: "later@example.com"})
	for range 2 {
		ids, err := walk(all)
		require.NoError(t, err)
		assert.Len(t, ids, 250)
		assert.Equal(t, "249", ids[0])
	}
	some, err := walk(w.ContactsWhere(t.Context(), "even", automation.Field("contact.properties.n").Lt(5)))
	require.NoError(t, err)
	assert.Equal(t, []string{"4", "2", "0"}, some)
	none, err := walk(w.ContactsWhere(t.Context(), "", automation.Field("contact.properties.n").Lt("2026-01-31")))
	require.NoError(t, err)
	assert.Empty(t, none, "a rule that cannot be evaluated does not hold")

	// The contacts at the end of a page are deleted while they are walked.
	var ids []string
	for ref, err := range all {
		require.NoError(t, err)
		ids = append(ids, ref.ID)
		if len(ids) == 100 {
			for _, id := range ids[90:] {
				require.NoError(t, w.DeleteContact(t.Context(), id))
			}
		}
	}
	assert.Len(t, ids, 250)

	for name, tt := range map[string]struct {
		segment string
		rule    automation.Rule
	}{
		"a field of an event":    {"", automation.Field("event.plan").Eq("pro")},
		"a value of an event":    {"", automation.Field("contact.email").Eq(automation.Var("event.email"))},
		"an invalid rule":        {"", automation.Rule{Type: "and"}},
		"a segment with a zero ": {"\x00", automation.Rule{}},
	} {
		_, err := walk(w.ContactsWhere(t.Context(), tt.segment, tt.rule))
		assert.ErrorIs(t, err, automation.ErrInvalid, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = walk(w.ContactsWhere(ctx, "", automation.Rule{}))
	assert.ErrorIs(t, err, context.Canceled)
}
