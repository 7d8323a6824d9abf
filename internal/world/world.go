// Package world is the fixture of this module's tests: a Runner on a store in memory,
// with a clock that a test moves, a mailer that records emails, and hooks for what may go
// wrong.
//
//	w := world.New(t, automation.Options{})
//	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day"), world.Email("tips")))
//	w.Send(world.Signup("ada@example.com"))
//	w.Drain()
//	w.Pass(24 * time.Hour)
//	assert.Equal(t, []string{"hello", "tips"}, w.Sent())
//
// A method of World that fails ends the test. A test that expects an error calls the
// Runner instead. World has its own methods Send, Drain and Run, so such a test calls
// w.Runner.Send, w.Runner.Drain or w.Runner.Run. All other methods of the Runner are
// methods of the World too.
package world

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// Start is the first time of a World's clock.
var Start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// World is a Runner with its store, mailer and clock.
type World struct {
	*automation.Runner
	T   testing.TB
	Ctx context.Context
	// Opts are the options of the Runner, for further nodes.
	Opts automation.Options
	// Store is the store of the Runner. It adds hooks to Memory.
	Store  *Store
	Memory *memory.Store
	Mailer *capture.Mailer
	// Clock is nil if the options have a clock.
	Clock *PacedClock

	turns *turnsTime
}

// New returns a World whose clock stands still at Start, unless opts has a clock.
// Retries have no jitter, unless opts has a retry policy.
func New(t testing.TB, opts automation.Options) *World {
	t.Helper()
	store := memory.New()
	w := NewOn(t, store, opts)
	w.Memory = store
	return w
}

// NewOn returns a World on a store that need not be in memory. Its Memory is nil.
func NewOn(t testing.TB, store automation.Store, opts automation.Options) *World {
	t.Helper()
	w := &World{T: t, Ctx: t.Context(), Store: &Store{Store: store}, Mailer: capture.New(), turns: &turnsTime{}}
	if opts.Clock == nil {
		w.Clock = NewPacedClock()
		w.Clock.Set(Start)
		opts.Clock = w.Clock
	}
	if opts.Retry == (automation.RetryPolicy{}) {
		opts.Retry.Jitter = -1
	}
	w.Opts = opts
	w.Runner = w.Node(opts)
	return w
}

// Node returns another Runner on the same store, which stands for another process.
func (w *World) Node(opts automation.Options) *automation.Runner {
	w.T.Helper()
	return w.On(w.Store, opts)
}

// On returns another Runner on the given store, with the World's mailer and, unless opts
// has a clock, the World's clock.
func (w *World) On(store automation.Store, opts automation.Options) *automation.Runner {
	w.T.Helper()
	if opts.Clock == nil && w.Clock != nil {
		opts.Clock = w.Clock
	}
	r, err := automation.New(store, w.Mailer, opts)
	require.NoError(w.T, err)
	return r
}

// Create creates an automation.
func (w *World) Create(a automation.Automation) automation.Automation {
	w.T.Helper()
	a, err := w.CreateAutomation(w.Ctx, a)
	require.NoError(w.T, err)
	return a
}

// AddContact creates a contact.
func (w *World) AddContact(c automation.Contact) automation.Contact {
	w.T.Helper()
	c, err := w.CreateContact(w.Ctx, c)
	require.NoError(w.T, err)
	return c
}

// AddContacts creates n contacts with the ids "0" to n-1 and the emails of Signups.
func (w *World) AddContacts(n int) {
	w.T.Helper()
	for i := range n {
		w.AddContact(automation.Contact{ID: fmt.Sprint(i), Email: fmt.Sprintf("%d@example.com", i)})
	}
}

// Contact returns the contact with an email.
func (w *World) Contact(email string) automation.Contact {
	w.T.Helper()
	c, err := w.GetContact(w.Ctx, automation.ContactRef{Email: email})
	require.NoError(w.T, err)
	return c
}

// Send sends events.
func (w *World) Send(events ...automation.Event) []automation.EventReceipt {
	w.T.Helper()
	receipts, err := w.Runner.Send(w.Ctx, events...)
	require.NoError(w.T, err)
	return receipts
}

// Drain calls the Runner's Drain, and returns its count.
func (w *World) Drain() int {
	w.T.Helper()
	if *byTurns {
		return w.drainByTurns()
	}
	n, err := w.Runner.Drain(w.Ctx)
	require.NoError(w.T, err)
	return n
}

// Pass moves the clock and calls Drain.
func (w *World) Pass(d time.Duration) {
	w.T.Helper()
	w.Clock.Add(d)
	w.Drain()
}

// Serve starts the Run of a node. stop ends it, and returns the result of Run. The end of
// the test calls stop too.
func (w *World) Serve(node *automation.Runner) (stop func() error) {
	ctx, cancel := context.WithCancel(w.Ctx)
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	w.T.Cleanup(func() { _ = stop() })
	return stop
}

// Runs returns all runs with their steps, newest first.
func (w *World) Runs() []automation.Run {
	w.T.Helper()
	return w.runs(automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
}

// Run returns the only run.
func (w *World) Run() automation.Run {
	w.T.Helper()
	runs := w.Runs()
	require.Len(w.T, runs, 1)
	return runs[0]
}

// RunOf returns the only run of a contact.
func (w *World) RunOf(contactID string) automation.Run {
	w.T.Helper()
	runs := w.runs(automation.RunQuery{ContactID: contactID})
	require.Len(w.T, runs, 1)
	return runs[0]
}

func (w *World) runs(q automation.RunQuery) []automation.Run {
	w.T.Helper()
	page, err := w.ListRuns(w.Ctx, q)
	require.NoError(w.T, err)
	require.False(w.T, page.HasMore)
	for i := range page.Data {
		page.Data[i], err = w.GetRun(w.Ctx, page.Data[i].ID)
		require.NoError(w.T, err)
	}
	return page.Data
}

// EndRuns lets so many contacts sign up on a node, and the runs that send each of them three
// emails come to their ends.
func (w *World) EndRuns(node *automation.Runner, runs int) {
	w.T.Helper()
	_, err := node.Apply(w.Ctx, Flow("welcome", "signup",
		Email("one"), Pause("rest", "1 day"), Email("two"), Pause("more", "1 day"), Email("three")))
	require.NoError(w.T, err)
	_, err = node.Send(w.Ctx, Signups(runs)...)
	require.NoError(w.T, err)
	for range 3 {
		_, err = node.Drain(w.Ctx)
		require.NoError(w.T, err)
		w.Clock.Add(24 * time.Hour)
	}
	require.Len(w.T, w.Sent(), 3*runs)
}

// Sent returns the template ids of the emails so far.
func (w *World) Sent() []string {
	var ids []string
	for _, e := range w.Mailer.Emails() {
		ids = append(ids, e.TemplateID)
	}
	return ids
}

// Stored returns the stored record of a run.
func (w *World) Stored(runID string) automation.RunRecord {
	w.T.Helper()
	rec, err := w.Memory.FindRun(w.Ctx, runID)
	require.NoError(w.T, err)
	return rec
}

// Rewrite changes the stored state of a run, as a newer version of the library or a disk
// failure does.
func (w *World) Rewrite(runID string, change func(state []byte) []byte) {
	w.T.Helper()
	rec := w.Stored(runID)
	works, err := w.Store.Claim(w.Ctx, automation.ClaimParams{
		Now: w.Clock.Now(), Lease: time.Minute, Limit: 1, Contact: automation.ContactRef{ID: rec.ContactID},
	})
	require.NoError(w.T, err)
	require.Len(w.T, works, 1)
	rec.State = change(bytes.Clone(rec.State))
	results, err := w.Store.Commit(w.Ctx, []automation.Transition{{
		Key: works[0].Key, Token: works[0].Token, Now: w.Clock.Now(), Release: true,
		Runs: []automation.RunChange{{RunRecord: rec}},
	}})
	require.NoError(w.T, err)
	require.NoError(w.T, results[0].Err)
}

// Step returns the record of a step of a run.
func Step(t testing.TB, run automation.Run, key string) automation.StepRun {
	t.Helper()
	for _, s := range run.Steps {
		if s.Key == key {
			return s
		}
	}
	require.FailNow(t, "the run has no such step", key)
	return automation.StepRun{}
}

// Problems returns the problems of a *ValidationError.
func Problems(t testing.TB, err error) automation.Problems {
	t.Helper()
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.ErrorIs(t, err, automation.ErrInvalid)
	return invalid.Problems
}

// Paths returns the paths of the problems.
func Paths(ps automation.Problems) []string {
	var at []string
	for _, p := range ps {
		at = append(at, p.Path)
	}
	return at
}
