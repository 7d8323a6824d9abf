package jetstream_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
)

// Each contact signs up twice, of which one may enter. Its run sends an event, which starts the
// automation whose second trigger it is. Workers are lost meanwhile.
func TestWorkers_TakeOverEntriesAndSentEvents(t *testing.T) {
	const contacts = 100
	began := time.Now().Add(-time.Minute)
	all, mailer := processes(t, 3, jetstream.Options{SyncedByHost: true, Partitions: 6})
	sender := all[0]
	first := flow(automation.Step{Key: "tell", Config: automation.SendEvent{EventName: "told", Payload: map[string]automation.Value{"n": automation.Var("event.n")}}}, email("hello"))
	first.ID, first.Entry = "first", &automation.Entry{Reentry: automation.Reentry{Limit: 1}}
	second := flow(email("tips"))
	second.ID, second.Steps[0].Config = "second", automation.Trigger{EventName: "imported"}
	second.Entry = &automation.Entry{Triggers: []automation.EntryTrigger{{EventName: "told"}}}
	for _, a := range []automation.Automation{first, second} {
		_, err := sender.CreateAutomation(t.Context(), a)
		require.NoError(t, err)
	}
	var again []string
	for i := range contacts {
		e := automation.Event{Name: "signup", Email: fmt.Sprintf("%d@example.com", i), Payload: automation.Payload(map[string]any{"n": i})}
		receipts, err := sender.Send(t.Context(), e, e)
		require.NoError(t, err)
		again = append(again, receipts[1].ID)
		if i == contacts/3 {
			all[1].nc.Close()
		}
		if i == contacts*2/3 {
			all[2].nc.Close()
		}
	}
	require.Eventually(t, func() bool {
		return completedOf(t, sender.Runner, "first") == contacts && completedOf(t, sender.Runner, "second") == contacts
	}, 60*time.Second, 20*time.Millisecond)
	sent := map[string]bool{}
	for _, e := range mailer.Emails() {
		sent[e.To+" "+e.TemplateID] = true
	}
	assert.Len(t, sent, 2*contacts)
	for _, id := range again {
		decisions, err := sender.ListDecisions(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, decisions, 1, "of a second signup")
		assert.Equal(t, automation.DecisionLimit, decisions[0].Code)
	}
	told, err := sender.ListEvents(t.Context(), automation.EventQuery{Name: "told", AcceptedFrom: began, PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(t, err)
	require.Len(t, told.Data, contacts)
	assert.False(t, told.HasMore, "each was sent once")
	for _, e := range told.Data {
		require.NotNil(t, e.Cause)
		assert.Len(t, e.Started, 1)
	}
}
