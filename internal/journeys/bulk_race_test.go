package journeys_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// Two processes call the same bulk while others send events that end its runs and that it waits for,
// delete contacts, prune, change the automation, and work. Each contact that stays is started once. A
// run whose exit was accepted after its start has ended, and an exit before it has ended nothing.
func TestBulk_RacesWithEverything(t *testing.T) {
	onEach(t, automation.Options{Lease: time.Minute}, func(p *play) {
		const contacts = 240
		flow := world.Flow("news", "told", world.Pause("pause", "1 day"))
		flow.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "left"}}}
		p.Create(flow)
		p.AddContacts(contacts)
		var work sync.WaitGroup
		var mu sync.Mutex
		accepted := 0
		for range 2 {
			work.Go(func() {
				for done := false; !done; { // an automation that is disabled for a moment refuses the call
					bulk, err := p.World.StartMany(p.Ctx, automation.BulkStart{
						ID: "spring", AutomationID: "news", Max: contacts + 100, Contacts: p.World.ContactsWhere(p.Ctx, "", automation.Rule{}),
					})
					mu.Lock()
					accepted += bulk.Accepted
					mu.Unlock()
					if done = err == nil; !done && !assert.ErrorIs(p.T, err, automation.ErrConflict) {
						return
					}
				}
			})
		}
		deleted := map[int]bool{}
		work.Go(func() {
			for i := 0; i < contacts; i += 3 {
				_, err := p.World.Runner.Send(p.Ctx, automation.Event{Name: "left", ContactID: fmt.Sprint(i)})
				assert.NoError(p.T, err)
			}
		})
		for i := 1; i < contacts; i += 17 {
			deleted[i] = true
		}
		work.Go(func() {
			for i := range deleted {
				if i%3 != 0 {
					assert.NoError(p.T, p.DeleteContact(p.Ctx, fmt.Sprint(i)))
				}
			}
			_, err := p.World.Runner.Prune(p.Ctx, time.Hour)
			assert.NoError(p.T, err)
		})
		work.Go(func() {
			for range 3 {
				for _, status := range []automation.Status{automation.StatusDisabled, automation.StatusEnabled} {
					_, err := p.UpdateAutomation(p.Ctx, "news", automation.AutomationUpdate{Status: &status})
					assert.NoError(p.T, err)
				}
			}
		})
		work.Go(func() {
			for range 5 {
				_, err := p.World.Runner.Drain(p.Ctx)
				if err != nil && !errors.Is(err, automation.ErrConflict) {
					assert.NoError(p.T, err)
				}
			}
		})
		work.Wait()
		p.World.Drain()
		runs := map[string][]automation.Run{}
		for r, err := range automation.Each(p.Ctx, p.ListRuns, automation.RunQuery{AutomationID: "news"}) {
			require.NoError(p.T, err)
			runs[r.ContactID] = append(runs[r.ContactID], r)
		}
		for i := range contacts {
			id := fmt.Sprint(i)
			if deleted[i] && i%3 != 0 {
				assert.LessOrEqual(p.T, len(runs[id]), 1, id)
				continue
			}
			page, err := p.ListEvents(p.Ctx, automation.EventQuery{Contact: automation.ContactRef{ID: id}, PageQuery: automation.PageQuery{Limit: 10}})
			require.NoError(p.T, err)
			for _, e := range page.Data {
				assert.Equal(p.T, automation.EventStatusHandled, e.Status, id)
				if e.Name == "told" && e.Reason == automation.ReasonDisabled {
					assert.Empty(p.T, runs[id], id)
				}
			}
			if len(runs[id]) == 0 { // it was started while the automation was disabled
				continue
			}
			require.Len(p.T, runs[id], 1, id)
			for _, e := range page.Data {
				if e.Name == "left" && len(e.Ended) > 0 {
					assert.Equal(p.T, []string{runs[id][0].ID}, e.Ended)
					assert.Equal(p.T, automation.RunCompleted, runs[id][0].Status, id)
				}
			}
		}
	})
}
