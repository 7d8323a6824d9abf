package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/seed-b636437c/automation"
)

// bulkContestants are this library on SQLite and Postgres, with the settings of ourContestants. One
// call of StartMany starts all runs of w2 and w10, in place of calls of Send with 1,000 events each.
func bulkContestants() []contestant {
	sizes := map[string][]int{"w2": {100_000}, "w10": {100_000}}
	lacks := also(nil, itAgain, "w1", "w3", "w4", "w5", "w8", "w9", "w11", "w12", "w13")
	return []contestant{
		{Engine: "automation-bulk", Store: onSQLite, Settings: "as automation, with Runner.StartMany", Open: openBulk(openOnSQLite), Sizes: sizes, Lacks: lacks},
		{Engine: "automation-bulk", Store: onPostgres, Settings: "as automation, with Runner.StartMany", Open: openBulk(openOnPostgres), Sizes: sizes, Lacks: lacks},
	}
}

// bulk is a Runner on a store that starts its sleeping runs with StartMany, as an application
// starts an automation for contacts that it has selected.
type bulk struct{ *ours }

// openBulk returns what opens bulk on the store that open opens.
func openBulk(open func(context.Context, setting) (engine, error)) func(context.Context, setting) (engine, error) {
	return func(ctx context.Context, s setting) (engine, error) {
		e, err := open(ctx, s)
		if err != nil {
			return nil, err
		}
		return &bulk{e.(*ours)}, nil
	}
}

// Sleep implements sleeper. StartMany has no clock of its own, so the runs sleep for as long as
// their delay, as w2 wants. Each contact must have got its event.
func (e *bulk) Sleep(ctx context.Context, from, to int, _ time.Time) error {
	started, err := e.runner.StartMany(ctx, automation.BulkStart{
		ID: fmt.Sprintf("sleep-%d", from), AutomationID: ourSleep.ID, Contacts: contactsFrom(from, to), Max: to - from,
	})
	if err == nil && started.Accepted != to-from {
		err = fmt.Errorf("StartMany accepted %d of %d contacts: %d had their event, refused are %v",
			started.Accepted, to-from, started.Duplicates, started.Refused)
	}
	return err
}

// contactsFrom returns the contacts from the first number to the second, which is excluded.
func contactsFrom(from, to int) iter.Seq2[automation.ContactRef, error] {
	return func(yield func(automation.ContactRef, error) bool) {
		for i := from; i < to; i++ {
			if !yield(automation.ContactRef{ID: idOf(i)}, nil) {
				return
			}
		}
	}
}

// Campaign implements campaigner. All contacts get the same payload.
func (e *bulk) Campaign(ctx context.Context, n int) error {
	started, err := e.runner.StartMany(ctx, automation.BulkStart{
		ID: "campaign", AutomationID: ourFlow.ID, Contacts: contactsFrom(0, n), Max: n, Payload: flowEvent(0).Payload,
	})
	if err == nil && started.Accepted != n {
		err = fmt.Errorf("StartMany accepted %d of %d contacts, refused are %v", started.Accepted, n, started.Refused)
	}
	return err
}
