package journeys_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// errCut is what a process sees of a batch whose answer was lost.
var errCut = errors.New("cut off")

// A bulk is cut off after each batch of new contacts, half of the time with the batch kept and its answer lost,
// and called again until it is done. Contacts are made and deleted meanwhile. Each of them is
// started at most once, and once if it was there from the beginning to the end.
func TestBulk_IsCutOffAndCalledAgain(t *testing.T) {
	onEach(t, automation.Options{}, func(p *play) {
		contacts := 700 // and 2,100 where a call is cheap: 21 calls are cut off
		if strings.HasSuffix(p.T.Name(), "/memory") {
			contacts = 2100
		}
		p.Create(world.Flow("news", "told", world.Pause("pause", "1 day")))
		p.AddContacts(contacts)
		calls := 0
		for done := false; !done; calls++ {
			require.Less(p.T, calls, 60)
			ctx, cancel := context.WithCancel(p.Ctx)
			kept := 0
			cut := func() error {
				switch {
				case kept > 50 && calls%2 == 0:
					cancel()
				case kept > 50:
					return errCut
				}
				return nil
			}
			p.World.Store.OnStartRuns = func(ctx context.Context, next automation.BulkStarter, step automation.BulkStep) ([]automation.StartOutcome, error) {
				outcomes, err := next.StartRuns(ctx, step)
				kept += len(outcomes)
				return outcomes, cmp.Or(err, cut())
			}
			p.World.Store.OnAppendEvents = func(ctx context.Context, next automation.Store, events []automation.NewEvent) ([]automation.EventReceipt, error) {
				receipts, err := next.AppendEvents(ctx, events)
				for _, r := range receipts {
					if !r.Duplicate {
						kept++
					}
				}
				return receipts, cmp.Or(err, cut())
			}
			passed := pass(p)
			bulk, err := p.World.StartMany(ctx, automation.BulkStart{
				ID: "spring", AutomationID: "news", Max: contacts + 100, Contacts: p.World.ContactsWhere(ctx, "", automation.Rule{}),
				Rate: 6000, // in batches of 100
			})
			passed()
			cancel()
			p.World.Store.OnAppendEvents, p.World.Store.OnStartRuns = nil, nil
			if done = err == nil; done {
				assert.Equal(p.T, bulk.Contacts, bulk.Accepted+bulk.Duplicates)
				break
			}
			require.True(p.T, errors.Is(err, context.Canceled) || errors.Is(err, errCut), "%v", err)
			p.AddContact(automation.Contact{ID: fmt.Sprint("new ", calls), Email: fmt.Sprintf("new-%d@example.com", calls)})
			require.NoError(p.T, p.DeleteContact(p.Ctx, fmt.Sprint(calls*13)))
			p.Clock.Add(time.Second)
		}
		assert.GreaterOrEqual(p.T, calls, contacts/100-1)
		p.World.Drain()
		started := map[string]int{}
		for r, err := range automation.Each(p.Ctx, p.ListRuns, automation.RunQuery{AutomationID: "news"}) {
			require.NoError(p.T, err)
			started[r.ContactID]++
		}
		for i := range contacts {
			id := fmt.Sprint(i)
			if i%13 == 0 && i/13 < calls { // deleted on the way
				assert.LessOrEqual(p.T, started[id], 1, "contact %s", id)
			} else {
				assert.Equal(p.T, 1, started[id], "contact %s", id)
			}
		}
		for i := range calls {
			assert.LessOrEqual(p.T, started[fmt.Sprint("new ", i)], 1)
		}
	})
}

// pass lets time pass until the result is called.
func pass(p *play) (stop func()) {
	ctx, cancel := context.WithCancel(p.Ctx)
	var passing sync.WaitGroup
	passing.Go(func() {
		for ctx.Err() == nil {
			p.Clock.Add(time.Second)
			time.Sleep(time.Millisecond)
		}
	})
	return func() {
		cancel()
		passing.Wait()
	}
}

// With one contact more than the limit, no contact is started.
func TestBulk_StartsNobodyOverItsLimit(t *testing.T) {
	onEach(t, automation.Options{}, func(p *play) {
		p.Create(world.Flow("news", "told", world.Email("news")))
		p.AddContacts(101)
		_, err := p.World.StartMany(p.Ctx, automation.BulkStart{
			ID: "spring", AutomationID: "news", Max: 100, Contacts: p.World.ContactsWhere(p.Ctx, "", automation.Rule{}),
		})
		require.ErrorIs(p.T, err, automation.ErrConflict)
		p.World.Drain()
		page, err := p.ListRuns(p.Ctx, automation.RunQuery{})
		require.NoError(p.T, err)
		assert.Empty(p.T, page.Data)
	})
}
