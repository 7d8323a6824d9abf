package sqlite_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// begun is a store with a contact that is leased, and a run of it that was started
// under the lease and is about to do something.
type begun struct {
	*sqlite.Store
	db   *sql.DB
	t    *testing.T
	work automation.Work
	run  automation.RunRecord
}

func begin(t *testing.T) *begun {
	t.Helper()
	s, db := fresh(t)
	b := &begun{Store: s, db: db, t: t}
	id := contacts(t, s, 1)[0]
	require.NoError(t, s.InsertAutomation(t.Context(), automation.AutomationRecord{
		ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled, EventName: "user.created", Version: 1, Revision: 1,
		CreatedAt: now, UpdatedAt: now,
	}))
	e := event(0, id)
	_, err := s.AppendEvents(t.Context(), []automation.NewEvent{e})
	require.NoError(t, err)
	b.work = b.claim(now)
	b.run = automation.RunRecord{
		ID: uuid(2000), AutomationID: "welcome", Version: 1, ContactID: id, EventID: e.Event.ID, EventName: e.Event.Name,
		Status: automation.RunRunning, Step: "first", DueAt: now, State: []byte("state"), CreatedAt: now,
	}
	for range 2 { // writing it again changes nothing
		b.commit(b.hold(automation.RunChange{RunRecord: b.run, New: true}))
	}
	return b
}

// claim claims the only contact.
func (b *begun) claim(at time.Time) automation.Work {
	b.t.Helper()
	p := everything()
	p.Now = at
	works, err := b.Claim(b.t.Context(), p)
	require.NoError(b.t, err)
	require.Len(b.t, works, 1)
	return works[0]
}

// hold is a transition under the lease, which goes on.
func (b *begun) hold(runs ...automation.RunChange) automation.Transition {
	return automation.Transition{
		Contact: b.work.Contact, Token: b.work.Token, Now: now, Extend: now.Add(time.Minute),
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

// rows returns how many runs there are with leases, and in the other tables.
func (b *begun) rows() (rows [3]int) {
	b.t.Helper()
	require.NoError(b.t, b.db.QueryRow(`SELECT (SELECT count(*) FROM automation_begun_runs),
		(SELECT count(*) FROM automation_active_runs), (SELECT count(*) FROM automation_ended_runs)`).Scan(&rows[0], &rows[1], &rows[2]))
	return rows
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
	var id string
	require.NoError(b.t, b.db.QueryRow("SELECT id FROM automation_runs").Scan(&id))
	assert.Equal(b.t, want.ID, id)
}

func TestBegun_ToItsEndWithItsLease(t *testing.T) {
	t.Parallel()
	b := begin(t)
	assert.Equal(t, [3]int{1, 0, 0}, b.rows())
	b.known(b.run)
	b.run.Step, b.run.State = "second", []byte("another")
	b.commit(b.hold(automation.RunChange{RunRecord: b.run}))
	assert.Equal(t, [3]int{1, 0, 0}, b.rows())
	b.known(b.run)
	b.run.Status, b.run.DueAt, b.run.CompletedAt = automation.RunCompleted, time.Time{}, now
	b.commit(b.release(automation.RunChange{RunRecord: b.run}))
	assert.Equal(t, [3]int{0, 0, 1}, b.rows())
	b.known(b.run)
}

func TestBegun_UntilItSleeps(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]func(b *begun, c automation.RunChange) automation.Transition{
		"and the lease goes on": func(b *begun, c automation.RunChange) automation.Transition { return b.hold(c) },
		"and the lease ends":    func(b *begun, c automation.RunChange) automation.Transition { return b.release(c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t)
			b.run.DueAt = now.Add(time.Hour)
			b.commit(last(b, automation.RunChange{RunRecord: b.run}))
			assert.Equal(t, [3]int{0, 1, 0}, b.rows())
			b.known(b.run)
		})
	}
}

func TestBegun_GoesOnWhenTheLeaseHasExpired(t *testing.T) {
	t.Parallel()
	b := begin(t)
	assert.Zero(t, claimed(t, b.Store))
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

func TestBegun_AnotherRunOfTheContact(t *testing.T) {
	t.Parallel()
	b := begin(t)
	other := b.run
	other.ID = uuid(2001)
	for range 2 {
		b.commit(b.hold(automation.RunChange{RunRecord: other, New: true}))
	}
	assert.Equal(t, [3]int{1, 1, 0}, b.rows())
	counts, err := b.CountRuns(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{{Version: 1, Step: "first", Status: automation.RunRunning, Count: 2}}, counts)
}

func TestBegun_IsNotLostWithTheLease(t *testing.T) {
	t.Parallel()
	b := begin(t)
	b.commit(b.release())
	assert.Equal(t, [3]int{0, 1, 0}, b.rows())
	b.known(b.run)
	assert.Len(t, b.claim(now).Runs, 1)
}

func TestBegun_IsAskedToCancel(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(b *begun) error{
		"by itself": func(b *begun) error {
			_, err := b.ControlRun(b.t.Context(), b.run.ID, automation.ControlCancel, now)
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
			b := begin(t)
			require.NoError(t, ask(b))
			res := b.commit(b.hold(automation.RunChange{RunRecord: b.run}))
			assert.Equal(t, map[string]automation.Control{b.run.ID: automation.ControlCancel}, res.Controls)
			b.run.Status, b.run.DueAt, b.run.CompletedAt = automation.RunCancelled, time.Time{}, now
			b.commit(b.release(automation.RunChange{RunRecord: b.run, Seen: automation.ControlCancel}))
			assert.Equal(t, [3]int{0, 0, 1}, b.rows())
		})
	}
}

func TestBegun_IsNotPruned(t *testing.T) {
	t.Parallel()
	b := begin(t)
	later := now.AddDate(1, 0, 0)
	res, err := b.Prune(t.Context(), automation.PruneParams{Before: later, Now: later, Limit: 10})
	require.NoError(t, err)
	assert.Zero(t, res)
	_, err = b.FindEvent(t.Context(), b.run.EventID)
	require.NoError(t, err)
	b.known(b.run)
}
