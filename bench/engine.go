package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// engine is an open contestant: it has a database of its own, and its workers run. A run and
// its contact have the same number. All methods are safe for
// concurrent use, except Close.
type engine interface {
	// Populate creates the contacts 0 to n-1, whose first names the runs of Flow
	// change.
	Populate(ctx context.Context, n int) error
	// Flow starts a run that evaluates a condition, changes its contact and sends
	// an email. The run is durable when Flow returns.
	Flow(ctx context.Context, i int) error
	// Finished counts the runs of Flow that are recorded as finished.
	Finished(ctx context.Context) (int, error)
	// Changed counts the contacts that have the first name of their run.
	Changed(ctx context.Context) (int, error)
	// Close stops the workers and closes the database.
	Close() error
}

// sleeper is an engine whose runs can sleep.
type sleeper interface {
	// Sleep starts the runs from the first number to the second, which is excluded.
	// Each run sleeps until due and then sends an email. Engines start as many runs in
	// one call as their interface allows.
	Sleep(ctx context.Context, from, to int, due time.Time) error
	// Sleeping counts the runs that are recorded as sleeping.
	Sleeping(ctx context.Context) (int, error)
}

// waiter is an engine whose runs can wait for an event.
type waiter interface {
	// Wait starts the runs from the first number to the second, which is excluded.
	// Each run waits for its event and then sends an email.
	Wait(ctx context.Context, from, to int) error
	// Waiting counts the runs that are recorded as waiting.
	Waiting(ctx context.Context) (int, error)
	// Signal sends a run its event, which is durable when Signal returns.
	Signal(ctx context.Context, i int) error
}

// batcher is an engine on which a call for each run is slow, because each call waits for the disk alone.
type batcher interface {
	// Flows starts the runs of Flow from the first number to the second, which is excluded, with
	// one call.
	Flows(ctx context.Context, from, to int) error
}

// How many goroutines start the runs of a batcher, and how many runs with each call.
const (
	batchSenders = 8
	flowBatch    = 100
)

// campaigner is an engine that can start many runs with a call.
type campaigner interface {
	// Campaign starts the runs of Flow from 0 to n, which is excluded. It may give all contacts the
	// same first name.
	Campaign(ctx context.Context, n int) error
}

// server is an engine whose data are on servers of its own.
type server interface {
	// Size returns the mean bytes on the disk of a server.
	Size(ctx context.Context) (int64, error)
	// ServerMemory returns the mean memory of a server, after garbage collections.
	ServerMemory() (usage, error)
}

// lister is an engine with lists of runs for operators. Its methods return how many runs the
// lists have.
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

// errNoCall is the error of a method for which the engine has no call.
var errNoCall = errors.New("it has no such call")

// setting holds the parameters of an engine.
type setting struct {
	Work     string // the work that the engine will do
	Postgres string // URL of an empty database, for engines on Postgres
	File     string // path of a file that does not exist, for engines on SQLite
	Sink     *sink
}

// contestant describes an engine on a store.
type contestant struct {
	Engine, Store string
	// Settings names all settings that are not the default, for the notes of the tables.
	Settings string
	Open     func(ctx context.Context, s setting) (engine, error)
	// Sizes are the numbers of runs of each work. w3 has several sizes, and w5 uses the
	// last one of w3.
	Sizes map[string][]int
	// Lacks is the reason why a work has no size.
	Lacks map[string]string
	// Nodes are the numbers of processes for w1 and w14. Empty means one process.
	Nodes []int
	// Senders is how many goroutines start runs in w1: 64 if it is zero.
	Senders int
	// Made is how many sleeping runs a second the engine starts at least. w4 computes
	// its due time from Made.
	Made int
}

// tooManyRuns is why a contestant lacks a work with very many ended runs.
const tooManyRuns = "it would take hours to make the runs that have ended"

// also returns reasons, and one more for some works.
func also(lacks map[string]string, why string, works ...string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, lacks)
	for _, w := range works {
		all[w] = why
	}
	return all
}

// name returns the name of a contestant in notes.
func (c contestant) name() string { return c.Engine + " on " + c.Store }

// contestants are all contestants, in the order of the tables.
func contestants() []contestant {
	var all []contestant
	all = append(all, rawContestants()...)
	all = append(all, ourContestants()...)
	all = append(all, bulkContestants()...)
	all = append(all, jetstreamContestants()...)
	all = append(all, temporalContestants()...)
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

// firstName returns the first name that the run of contact i gives to the contact.
func firstName(i int) string { return fmt.Sprintf("Ada %d", i) }

// plan returns the value that the condition compares.
const plan = "pro"

// forever is how long runs sleep that never wake.
const forever = 30 * 24 * time.Hour
