package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// engine is a contestant at work: open on a database of its own, with its workers
// running. A run and its contact have the same number. All methods are safe for
// concurrent use, except Close.
type engine interface {
	// Populate makes the contacts 0 to n-1, whose first names the runs of Flow
	// change.
	Populate(ctx context.Context, n int) error
	// Flow starts a run that evaluates a condition, changes its contact and sends
	// an email. The run is durable when Flow returns.
	Flow(ctx context.Context, i int) error
	// Finished counts the runs of Flow that are recorded as finished.
	Finished(ctx context.Context) (int, error)
	// Changed counts the contacts whose first name is what their run makes it.
	Changed(ctx context.Context) (int, error)
	// Close stops the workers and closes the database.
	Close() error
}

// sleeper is an engine whose runs can sleep.
type sleeper interface {
	// Sleep starts the runs from one number to another, excluded, each of which
	// sleeps until due and then sends an email. Engines take as many at a time as
	// their interface allows.
	Sleep(ctx context.Context, from, to int, due time.Time) error
	// Sleeping counts the runs that are recorded as sleeping.
	Sleeping(ctx context.Context) (int, error)
}

// waiter is an engine whose runs can wait for an event.
type waiter interface {
	// Wait starts the runs from one number to another, excluded, each of which
	// waits for its event and then sends an email.
	Wait(ctx context.Context, from, to int) error
	// Waiting counts the runs that are recorded as waiting.
	Waiting(ctx context.Context) (int, error)
	// Signal sends a run its event, which is durable when Signal returns.
	Signal(ctx context.Context, i int) error
}

// lister is an engine that tells operators about runs. Its methods return how many
// runs they were told about.
type lister interface {
	// ListRunning lists 20 runs in progress, newest first.
	ListRunning(ctx context.Context) (int, error)
	// ListOfContact lists the newest 20 runs of a contact.
	ListOfContact(ctx context.Context, i int) (int, error)
	// CountRuns counts all runs by their status.
	CountRuns(ctx context.Context) (int, error)
}

// page is how many runs a list has.
const page = 20

// errNoCall says that an engine has no call of this kind.
var errNoCall = errors.New("it has no such call")

// setting is what an engine is opened with.
type setting struct {
	Work     string // the work it is for
	Postgres string // URL of an empty database, for engines on Postgres
	File     string // path of a file that does not exist, for engines on SQLite
	Sink     *sink
}

// contestant describes an engine on a store.
type contestant struct {
	Engine, Store string
	// Settings are all that differ from the defaults, for the reader of the output.
	Settings string
	Open     func(ctx context.Context, s setting) (engine, error)
	// Sizes are how many runs each work has: several sizes for w3, of which the
	// last is also w5's.
	Sizes map[string][]int
	// Lacks says why a work has no size.
	Lacks map[string]string
	// Nodes are the numbers of processes that w1 runs on: one if there are none.
	Nodes []int
	// Senders is how many goroutines start runs in w1: 64 if it is zero.
	Senders int
	// Made is how many runs a second can be made to sleep at the least. w4 sets
	// its due time by it.
	Made int
}

// contestants are all of them, in the order of the tables.
func contestants() []contestant {
	var all []contestant
	all = append(all, rawContestants()...)
	all = append(all, ourContestants()...)
	all = append(all, riverContestants()...)
	all = append(all, dbosContestants()...)
	return append(all, workflowsContestants()...)
}

// find returns the contestant with this name.
func find(engine, store string) (contestant, error) {
	for _, c := range contestants() {
		if c.Engine == engine && c.Store == store {
			return c, nil
		}
	}
	return contestant{}, fmt.Errorf("there is no engine %s on %s", engine, store)
}

// firstName is what the run of contact i makes the contact's first name.
func firstName(i int) string { return fmt.Sprintf("Ada %d", i) }

// plan is what the condition compares.
const plan = "pro"

// forever is how long runs sleep that are not meant to wake.
const forever = 30 * 24 * time.Hour
