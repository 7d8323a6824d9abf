// Package inleasetest tests stores that keep a run in the row of the lease under which
// it was started. Whatever happens to such a run, it must be found, counted, cancelled
// and resumed as any other run.
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
	// Parks is set if the store parks an in-lease run among the active runs when another
	// run starts under its lease, or when its start is written again. If it is not set,
	// the run stays in the lease, and the other one is active.
	Parks bool
	// Rows returns how many runs there are in leases, among the active runs, and among
	// the ended runs.
	Rows func() [3]int
	// ID returns the id of the only run, from the view for people.
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
		{"is cancelled", isCancelled},
		{"is not pruned", isNotPruned},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// leasedRun is a store with a leased contact, and a run of the contact that was started
// under the lease and has something to do at once.
type leasedRun struct {
	Opened
	t    *testing.T
	work automation.Work
	run  automation.RunRecord
}

// now is the time of the tests.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func uuid(n int) string { return fmt.Sprintf("0195a3c0-7d00-7000-8000-%012x", n) }

// everything claims all that is due.
func everything(at time.Time) automation.ClaimParams {
	return automation.ClaimParams{Now: at, Lease: time.Minute, Limit: 100, Events: 100, Runs: 100}
}

func begin(t *testing.T, open func(t *testing.T) Opened) *leasedRun {
	t.Helper()
	s := open(t)
	r := &leasedRun{Opened: s, t: t}
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
	r.work = r.claim(now)
	r.run = automation.RunRecord{
		ID: uuid(2000), AutomationID: "welcome", Version: 1, ContactID: id, EventID: e.Event.ID, EventName: e.Event.Name,
		Status: automation.RunRunning, Step: "first", Listens: []string{"left", "paid"}, DueAt: now, State: []byte("state"), CreatedAt: now,
	}
	r.commit(r.hold(automation.RunChange{RunRecord: r.run, New: true}))
	require.Equal(t, [3]int{1, 0, 0}, r.Rows())
	return r
}

// claim claims the only contact.
func (r *leasedRun) claim(at time.Time) automation.Work {
	r.t.Helper()
	works := r.claimAll(at)
	require.Len(r.t, works, 1)
	return works[0]
}

func (r *leasedRun) claimAll(at time.Time) []automation.Work {
	r.t.Helper()
	works, err := r.Claim(r.t.Context(), everything(at))
	require.NoError(r.t, err)
	return works
}

// hold is a transition that extends the lease.
func (r *leasedRun) hold(runs ...automation.RunChange) automation.Transition {
	return automation.Transition{
		Key: r.work.Key, Token: r.work.Token, Now: now, Extend: now.Add(time.Minute),
		Handled: []automation.HandledEvent{{ID: r.run.EventID}}, Runs: runs,
	}
}

// release is the last transition of the lease.
func (r *leasedRun) release(runs ...automation.RunChange) automation.Transition {
	t := r.hold(runs...)
	t.Release = true
	return t
}

func (r *leasedRun) commit(t automation.Transition) automation.CommitResult {
	r.t.Helper()
	results, err := r.Commit(r.t.Context(), []automation.Transition{t})
	require.NoError(r.t, err)
	require.NoError(r.t, results[0].Err)
	return results[0]
}

// known fails unless every way to find runs finds this run and no other one.
func (r *leasedRun) known(want automation.RunRecord) {
	r.t.Helper()
	found, err := r.FindRun(r.t.Context(), want.ID)
	require.NoError(r.t, err)
	assert.Equal(r.t, want, found)
	want.State = nil
	page := automation.PageQuery{Limit: 10}
	for _, q := range []automation.RunQuery{
		{PageQuery: page}, {PageQuery: page, ContactID: want.ContactID}, {PageQuery: page, EventID: want.EventID},
		{PageQuery: page, AutomationID: "welcome", Version: 1, Step: want.Step, EventName: want.EventName, Statuses: []automation.RunStatus{want.Status}},
	} {
		runs, err := r.ListRuns(r.t.Context(), q)
		require.NoError(r.t, err)
		assert.Equal(r.t, []automation.RunRecord{want}, runs.Data)
	}
	counts, err := r.CountRuns(r.t.Context(), "welcome")
	require.NoError(r.t, err)
	assert.Equal(r.t, []automation.RunCount{{AutomationID: "welcome", Version: 1, Step: want.Step, Status: want.Status, Count: 1}}, counts)
	assert.Equal(r.t, want.ID, r.ID())
}

func toItsEndWithItsLease(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	r := begin(t, open)
	assert.Equal(t, [3]int{1, 0, 0}, r.Rows())
	r.known(r.run)
	r.run.Step, r.run.State = "second", []byte("another")
	r.commit(r.hold(automation.RunChange{RunRecord: r.run}))
	assert.Equal(t, [3]int{1, 0, 0}, r.Rows())
	r.known(r.run)
	r.run.Status, r.run.Listens, r.run.DueAt, r.run.CompletedAt = automation.RunCompleted, nil, time.Time{}, now
	r.commit(r.release(automation.RunChange{RunRecord: r.run}))
	assert.Equal(t, [3]int{0, 0, 1}, r.Rows())
	r.known(r.run)
}

func writtenAgain(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	r := begin(t, open)
	r.commit(r.hold(automation.RunChange{RunRecord: r.run, New: true}))
	want := [3]int{1, 0, 0}
	if r.Parks {
		want = [3]int{0, 1, 0}
	}
	assert.Equal(t, want, r.Rows())
	r.known(r.run)
	r.run.Status, r.run.Listens, r.run.DueAt, r.run.CompletedAt = automation.RunCompleted, nil, time.Time{}, now
	r.commit(r.release(automation.RunChange{RunRecord: r.run}))
	assert.Equal(t, [3]int{0, 0, 1}, r.Rows())
	r.known(r.run)
}

func untilItSleeps(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	for name, last := range map[string]func(r *leasedRun, c automation.RunChange) automation.Transition{
		"and the lease goes on": func(r *leasedRun, c automation.RunChange) automation.Transition { return r.hold(c) },
		"and the lease ends":    func(r *leasedRun, c automation.RunChange) automation.Transition { return r.release(c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t, open)
			r.run.DueAt = now.Add(time.Hour)
			r.commit(last(r, automation.RunChange{RunRecord: r.run}))
			assert.Equal(t, [3]int{0, 1, 0}, r.Rows())
			r.known(r.run)
		})
	}
}

func goesOnWhenTheLeaseHasExpired(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	r := begin(t, open)
	assert.Empty(t, r.claimAll(now))
	next, err := r.NextDue(t.Context())
	require.NoError(t, err)
	assert.Equal(t, now.Add(time.Minute), next)
	w := r.claim(next)
	require.Len(t, w.Runs, 1)
	assert.Equal(t, r.run, w.Runs[0].RunRecord)
	results, err := r.Commit(t.Context(), []automation.Transition{r.hold(automation.RunChange{RunRecord: r.run})})
	require.NoError(t, err)
	require.ErrorIs(t, results[0].Err, automation.ErrLeaseLost)
	r.known(r.run)
}

func anotherRunOfTheContact(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	r := begin(t, open)
	other := r.run
	other.ID = uuid(2001)
	for range 2 {
		r.commit(r.hold(automation.RunChange{RunRecord: other, New: true}))
	}
	want := [3]int{1, 1, 0}
	if r.Parks {
		want = [3]int{0, 2, 0}
	}
	assert.Equal(t, want, r.Rows())
	counts, err := r.CountRuns(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{{AutomationID: "welcome", Version: 1, Step: "first", Status: automation.RunRunning, Count: 2}}, counts)
}

func isNotLostWithTheLease(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	r := begin(t, open)
	r.commit(r.release())
	assert.Equal(t, [3]int{0, 1, 0}, r.Rows())
	r.known(r.run)
	assert.Len(t, r.claim(now).Runs, 1)
}

func isCancelled(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	for name, cancel := range map[string]func(r *leasedRun) error{
		"by itself": func(r *leasedRun) error {
			_, err := r.RecordRunRequest(r.t.Context(), r.run.ID, automation.RequestCancel, now)
			return err
		},
		"with all of its automation": func(r *leasedRun) error {
			n, err := r.CancelRuns(r.t.Context(), "welcome", now)
			assert.Equal(r.t, 1, n)
			return err
		},
		"with its automation": func(r *leasedRun) error { return r.DeleteAutomation(r.t.Context(), "welcome", now) },
		"with its contact":    func(r *leasedRun) error { return r.DeleteContact(r.t.Context(), r.run.ContactID, now) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t, open)
			require.NoError(t, cancel(r))
			res := r.commit(r.hold(automation.RunChange{RunRecord: r.run}))
			assert.Equal(t, map[string]automation.RunRequest{r.run.ID: automation.RequestCancel}, res.Requests)
			r.run.Status, r.run.DueAt, r.run.CompletedAt = automation.RunCancelled, time.Time{}, now
			r.commit(r.release(automation.RunChange{RunRecord: r.run, Served: automation.RequestCancel}))
			assert.Equal(t, [3]int{0, 0, 1}, r.Rows())
		})
	}
}

func isNotPruned(t *testing.T, open func(t *testing.T) Opened) {
	t.Parallel()
	r := begin(t, open)
	later := now.AddDate(1, 0, 0)
	res, err := r.Prune(t.Context(), automation.PruneParams{Before: later, Now: later, Limit: 10})
	require.NoError(t, err)
	assert.Zero(t, res)
	_, err = r.FindEvent(t.Context(), r.run.EventID)
	require.NoError(t, err)
	r.known(r.run)
}
