// Package inleasetest tests stores that keep a run which has begun in the row of its
// lease: whatever happens to it, it is found, counted, cancelled and resumed like any
// other.
package inleasetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// Opened is an empty store.
type Opened struct {
	automation.Store
	// Parks says that a run is parked among the active ones when another begins under
	// its lease, or the same one again. Else it stays, and the other one is active.
	Parks bool
	// Rows returns how many runs there are with leases, among the active ones, and
	// among those that have ended.
	Rows func() [3]int
	// ID returns the id of the only run, as it is shown to people.
	ID func() string
}

// Run runs all tests, each on a store of its own.
func Run(t *testing.T, open func(t *testing.T) Opened) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open func(t *testing.T) Opened)
	}{
		{"to its end with its lease", toItsEndWithItsLease},
		{"written again", writtenAgain},
		{"until it sleeps", untilItSleeps},
		{"goes on when the lease has expired", goesOnWhenTheLeaseHasExpired},
		{"another run of the contact", anotherRunOfTheContact},
		{"is not lost with the lease", isNotLostWithTheLease},
		{"is asked to cancel", isAskedToCancel},
		{"is not pruned", isNotPruned},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// begun is a store with a contact that is leased, and a run of it that was started
// under the lease and is about to do something.
type begun struct {
	Opened
	t    *testing.T
	work automation.Work
	run  automation.RunRecord
}

// now is when the tests take place.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func uuid(n int) string { return fmt.Sprintf("0195a3c0-7d00-7000-8000-%012x", n) }

// everything claims all that is due.
func everything(at time.Time) automation.ClaimParams {
	return automation.ClaimParams{Now: at, Lease: time.Minute, Limit: 100, Events: 100, Runs: 100}
}

func begin(t *testing.T, open func(t *testing.T) Opened) *begun {
	t.Helper()
	s := open(t)
	b := &begun{Opened: s, t: t}
	id := uuid(0)
	require.NoError(t, s.InsertContact(t.Context(), automation.Contact{ID: id, Email: "ada@example.com", CreatedAt: now}))
	require.NoError(t, s.InsertAutomation(t.Context(), automation.AutomationRecord{
		ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled, EventName: "user.created", Version: 1, Revision: 1,
		CreatedAt: now, UpdatedAt: now,
	}))
	e := automation.NewEvent{Event: automation.Event{
		ID: uuid(1000), Name: "user.created", ContactID: id, OccurredAt: now, AcceptedAt: now,
	}}
	_, err := s.AppendEvents(t.Context(), []automation.NewEvent{e})
	require.NoError(t, err)
	b.work = b.claim(now)
	b.run = automation.RunRecord{
		ID: uuid(2000), AutomationID: "welcome", Version: 1, ContactID: id, EventID: e.Event.ID, EventName: e.Event.Name,
		Status: automation.RunRunning, Step: "first", DueAt: now, State: []byte("state"), CreatedAt: now,
	}
	b.commit(b.hold(automation.RunChange{RunRecord: b.run, New: true}))
	require.Equal(t, [3]int{1, 0, 0}, b.Rows())
	return b
}

// claim claims the only contact.
func (b *begun) claim(at time.Time) automation.Work {
	b.t.Helper()
	works := b.claimAll(at)
	require.Len(b.t, works, 1)
	return works[0]
}

func (b *begun) claimAll(at time.Time) []automation.Work {
	b.t.Helper()
	works, err := b.Claim(b.t.Context(), everything(at))
	require.NoError(b.t, err)
	return works
}

// hold is a transition under the lease, which goes on.
func (b *begun) hold(runs ...automation.RunChange) automation.Transition {
	return automation.Transition{
		Key: b.work.Key, Token: b.work.Token, Now: now, Extend: now.Add(time.Minute),
		Handled: []string{b.run.EventID}, Runs: runs,
	}
}

// release is the last transition of the lease.
func (b *begun) release(runs ...automation.RunChange) automation.Transition {
	t := b.hold(runs...)
	t.Release = true
	return t
}

func (b *begun) commit(t automation.Transition) automation.CommitResult {
	b.t.Helper()
	results, err := b.Commit(b.t.Context(), []automation.Transition{t})
	require.NoError(b.t, err)
	require.NoError(b.t, results[0].Err)
	return results[0]
}

// known fails unless this run, and no other, is found in every way.
func (b *begun) known(want automation.RunRecord) {
	b.t.Helper()
	found, err := b.FindRun(b.t.Context(), want.ID)
	require.NoError(b.t, err)
	assert.Equal(b.t, want, found)
	want.State = nil
	page := automation.PageQuery{Limit: 10}
	for _, q := range []automation.RunQuery{
		{PageQuery: page}, {PageQuery: page, ContactID: want.ContactID}, {PageQuery: page, EventID: want.EventID},
		{PageQuery: page, AutomationID: "welcome", Version: 1, Step: want.Step, EventName: want.EventName, Statuses: []automation.RunStatus{want.Status}},
	} {
		runs, err := b.ListRuns(b.t.Context(), q)
		require.NoError(b.t, err)
		assert.Equal(b.t, []automation.RunRecord{want}, runs.Data)
	}
	counts, err := b.CountRuns(b.t.Context(), "welcome")
	require.NoError(b.t, err)
	assert.Equal(b.t, []automation.RunCount{{Version: 1, Step: want.Step, Status: want.Status, Count: 1}}, counts)
	assert.Equal(b.t, want.ID, b.ID())
}

func toItsEndWithItsLease(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	b := begin(t, open)
	assert.Equal(t, [3]int{1, 0, 0}, b.Rows())
	b.known(b.run)
	b.run.Step, b.run.State = "second", []byte("another")
	b.commit(b.hold(automation.RunChange{RunRecord: b.run}))
	assert.Equal(t, [3]int{1, 0, 0}, b.Rows())
	b.known(b.run)
	b.run.Status, b.run.DueAt, b.run.CompletedAt = automation.RunCompleted, time.Time{}, now
	b.commit(b.release(automation.RunChange{RunRecord: b.run}))
	assert.Equal(t, [3]int{0, 0, 1}, b.Rows())
	b.known(b.run)
}

func writtenAgain(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	b := begin(t, open)
	b.commit(b.hold(automation.RunChange{RunRecord: b.run, New: true}))
	want := [3]int{1, 0, 0}
	if b.Parks {
		want = [3]int{0, 1, 0}
	}
	assert.Equal(t, want, b.Rows())
	b.known(b.run)
	b.run.Status, b.run.DueAt, b.run.CompletedAt = automation.RunCompleted, time.Time{}, now
	b.commit(b.release(automation.RunChange{RunRecord: b.run}))
	assert.Equal(t, [3]int{0, 0, 1}, b.Rows())
	b.known(b.run)
}

func untilItSleeps(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	for name, last := range map[string]func(b *begun, c automation.RunChange) automation.Transition{
		"and the lease goes on": func(b *begun, c automation.RunChange) automation.Transition { return b.hold(c) },
		"and the lease ends":    func(b *begun, c automation.RunChange) automation.Transition { return b.release(c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t, open)
			b.run.DueAt = now.Add(time.Hour)
			b.commit(last(b, automation.RunChange{RunRecord: b.run}))
			assert.Equal(t, [3]int{0, 1, 0}, b.Rows())
			b.known(b.run)
		})
	}
}

func goesOnWhenTheLeaseHasExpired(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	b := begin(t, open)
	assert.Empty(t, b.claimAll(now))
	next, err := b.NextDue(t.Context())
	require.NoError(t, err)
	assert.Equal(t, now.Add(time.Minute), next)
	w := b.claim(next)
	require.Len(t, w.Runs, 1)
	assert.Equal(t, b.run, w.Runs[0].RunRecord)
	results, err := b.Commit(t.Context(), []automation.Transition{b.hold(automation.RunChange{RunRecord: b.run})})
	require.NoError(t, err)
	require.ErrorIs(t, results[0].Err, automation.ErrLeaseLost)
	b.known(b.run)
}

func anotherRunOfTheContact(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	b := begin(t, open)
	other := b.run
	other.ID = uuid(2001)
	for range 2 {
		b.commit(b.hold(automation.RunChange{RunRecord: other, New: true}))
	}
	want := [3]int{1, 1, 0}
	if b.Parks {
		want = [3]int{0, 2, 0}
	}
	assert.Equal(t, want, b.Rows())
	counts, err := b.CountRuns(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{{Version: 1, Step: "first", Status: automation.RunRunning, Count: 2}}, counts)
}

func isNotLostWithTheLease(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	b := begin(t, open)
	b.commit(b.release())
	assert.Equal(t, [3]int{0, 1, 0}, b.Rows())
	b.known(b.run)
	assert.Len(t, b.claim(now).Runs, 1)
}

func isAskedToCancel(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	for name, ask := range map[string]func(b *begun) error{
		"by itself": func(b *begun) error {
			_, err := b.RecordRunRequest(b.t.Context(), b.run.ID, automation.RequestCancel, now)
			return err
		},
		"with all of its automation": func(b *begun) error {
			n, err := b.CancelRuns(b.t.Context(), "welcome", now)
			assert.Equal(b.t, 1, n)
			return err
		},
		"with its automation": func(b *begun) error { return b.DeleteAutomation(b.t.Context(), "welcome", now) },
		"with its contact":    func(b *begun) error { return b.DeleteContact(b.t.Context(), b.run.ContactID, now) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t, open)
			require.NoError(t, ask(b))
			res := b.commit(b.hold(automation.RunChange{RunRecord: b.run}))
			assert.Equal(t, map[string]automation.RunRequest{b.run.ID: automation.RequestCancel}, res.Requests)
			b.run.Status, b.run.DueAt, b.run.CompletedAt = automation.RunCancelled, time.Time{}, now
			b.commit(b.release(automation.RunChange{RunRecord: b.run, Served: automation.RequestCancel}))
			assert.Equal(t, [3]int{0, 0, 1}, b.Rows())
		})
	}
}

func isNotPruned(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	b := begin(t, open)
	later := now.AddDate(1, 0, 0)
	res, err := b.Prune(t.Context(), automation.PruneParams{Before: later, Now: later, Limit: 10})
	require.NoError(t, err)
	assert.Zero(t, res)
	_, err = b.FindEvent(t.Context(), b.run.EventID)
	require.NoError(t, err)
	b.known(b.run)
}
