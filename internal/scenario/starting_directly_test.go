package scenario_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// bulkOf starts news for contacts, and returns what became of their events before any of them is
// claimed.
func bulkOf(t *testing.T, w *world.World, ids ...string) map[string]automation.EventRecord {
	t.Helper()
	bulk, err := w.StartMany(t.Context(), automation.BulkStart{ID: "spring", AutomationID: "news", Contacts: refs(ids...), Max: len(ids)})
	require.NoError(t, err)
	require.Equal(t, len(ids), bulk.Accepted)
	events := map[string]automation.EventRecord{}
	for _, id := range ids {
		page, err := w.ListEvents(t.Context(), automation.EventQuery{Contact: automation.ContactRef{ID: id}, Name: "told"})
		require.NoError(t, err)
		require.Len(t, page.Data, 1)
		events[id] = page.Data[0]
	}
	return events
}

// What a run does first, and how starts are limited, decides whether its event waits for a claim.
func TestStartMany_LeavesToAClaimWhatNeedsOne(t *testing.T) {
	t.Parallel()
	once := world.Flow("news", "told", world.Pause("pause", "1 day"))
	once.Entry = &automation.Entry{Reentry: automation.Reentry{Limit: 1}}
	alone := world.Flow("news", "told", world.Pause("pause", "1 day"))
	alone.Entry = &automation.Entry{Reentry: automation.Reentry{WhileRunning: automation.ReentryIgnore}}
	back := world.Flow("news", "told", automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "paid", Lookback: true}})
	for name, tt := range map[string]struct {
		flow automation.Automation
		want automation.EventStatus
	}{
		"a delay":                {world.Flow("news", "told", world.Pause("pause", "1 day")), automation.EventStatusHandled},
		"an email":               {world.Flow("news", "told", world.Email("news")), automation.EventStatusHandled},
		"a wait":                 {world.Flow("news", "told", world.Wait("wait", "paid")), automation.EventStatusHandled},
		"nothing":                {world.Flow("news", "told"), automation.EventStatusHandled},
		"a limit":                {once, automation.EventStatusPending},
		"one run at a time":      {alone, automation.EventStatusPending},
		"a wait that looks back": {back, automation.EventStatusPending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(tt.flow)
			w.AddContacts(2)
			w.Send(automation.Event{Name: "other", ContactID: "1"})
			events := bulkOf(t, w, "0", "1")
			assert.Equal(t, tt.want, events["0"].Status)
			assert.Equal(t, automation.EventStatusPending, events["1"].Status, "the contact has an event")
			w.Drain()
			assert.Len(t, w.Runs(), 2)
		})
	}
}

func TestStartMany_DecidesWithTheContactAfterItsEvents(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("news", "told", world.Pause("pause", "1 day"))
	flow.Entry = &automation.Entry{AudienceRule: automation.Field("contact.first_name").Eq("Ada")}
	w.Create(flow)
	w.Create(world.Flow("names", "named", world.SetFirstName("Ada")))
	w.AddContacts(3)
	w.Send(automation.Event{Name: "named", ContactID: "0"})
	w.Drain()
	w.Send(automation.Event{Name: "named", ContactID: "1"}) // still pending
	events := bulkOf(t, w, "0", "1", "2")
	assert.Len(t, events["0"].Started, 1)
	assert.Equal(t, automation.EventStatusPending, events["1"].Status)
	assert.Equal(t, automation.ReasonRefused, events["2"].Reason)
	decisions, err := w.ListDecisions(t.Context(), events["2"].ID)
	require.NoError(t, err)
	require.Len(t, decisions, 1)
	assert.Equal(t, automation.DecisionAudience, decisions[0].Code)
	w.Drain()
	e, err := w.GetEvent(t.Context(), events["1"].ID)
	require.NoError(t, err)
	assert.Len(t, e.Started, 1)
}

// Two calls of one bulk know of each other's contacts, also if each starts some that the other has
// not read yet.
func TestStartMany_TwoCallsShareABulk(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("news", "told", world.Pause("pause", "1 day")))
	w.AddContacts(30)
	ids := func(from, to int) (ids []string) {
		for i := from; i < to; i++ {
			ids = append(ids, fmt.Sprint(i))
		}
		return ids
	}
	var within automation.Bulk
	w.Store.OnStartRuns = func(ctx context.Context, next automation.BulkStarter, step automation.BulkStep) ([]automation.StartOutcome, error) {
		w.Store.OnStartRuns = nil
		var err error
		within, err = w.StartMany(ctx, automation.BulkStart{ID: "spring", AutomationID: "news", Contacts: refs(ids(10, 30)...), Max: 20})
		require.NoError(t, err)
		return next.StartRuns(ctx, step)
	}
	bulk, err := w.StartMany(t.Context(), automation.BulkStart{ID: "spring", AutomationID: "news", Contacts: refs(append(ids(0, 20), "0")...), Max: 21})
	require.NoError(t, err)
	assert.Equal(t, automation.Bulk{Contacts: 20, Accepted: 20}, within)
	assert.Equal(t, automation.Bulk{Contacts: 21, Accepted: 10, Duplicates: 11}, bulk)
	assert.Len(t, w.Runs(), 30)
	w.Pass(25 * time.Hour)
	bulk, err = w.StartMany(t.Context(), automation.BulkStart{ID: "spring", AutomationID: "news", Contacts: refs("0"), Max: 1})
	require.NoError(t, err)
	assert.Equal(t, 1, bulk.Accepted, "a day after its last start a bulk begins anew")
}
