package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/migration"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// singly inserts runs of a release in which a run waited for one event: two that wait for
// events with different names at one step, one with a name that JSON escapes, one that sleeps
// at the same step, one in the row of its lease, and some that have ended.
const singly = `
INSERT INTO automation_automations (no, id, name, status, event_name, version, revision, created_at, updated_at) VALUES
	(1, 'welcome', 'Welcome', 'enabled', 'e', 1, 1, 1000000, 2000000);
INSERT INTO automation_versions (automation_no, version, definition) VALUES (1, 1, x'7b7d');
INSERT INTO automation_events (no, id, owner, name, accepted_at) VALUES (1, '=e1', '=ada', 'paid', 1000000);
INSERT INTO automation_pending (owner, accepted_at, event_no) VALUES ('=ada', 1000000, 1);
INSERT INTO automation_places (no, automation_no, version, status, step, wait_event, n) VALUES
	(1, 1, 1, 0, 'wait', 'left', 1), (2, 1, 1, 0, 'wait', '', 2), (3, 1, 1, 0, 'wait', 'paid', 2), (4, 1, 1, 0, 'other', '"<&>" é\', 1),
	(5, 1, 1, 1, 'wait', 'paid', 1), (6, 1, 1, 1, 'wait', '', 2);
INSERT INTO automation_active_runs (no, id, place_no, owner, control, setbacks, due_at, created_at) VALUES
	(1, '=paid', 3, '=ada', 0, 0, NULL, 1000000), (2, '=also', 3, '=ada', 0, 0, 90000000, 2000000), (3, '=left', 1, '=ada', 0, 0, NULL, 3000000),
	(4, '=odd', 4, '=bob', 0, 0, NULL, 4000000), (5, '=sleeps', 2, '=ada', 0, 0, 90000000, 5000000);
INSERT INTO automation_leases (owner, token, until, run_no, run_id, run_place_no, run_due_at, run_created_at) VALUES
	('=eve', 7, 90000000, 6, '=begun', 2, 6000000, 6000000);
INSERT INTO automation_ended_runs (no, id, place_no, owner, control, setbacks, created_at, completed_at) VALUES
	(7, '=done', 6, '=ada', 0, 0, 7000000, 8000000), (8, '=over', 5, '=ada', 0, 0, 7000000, 8000000), (9, '=past', 6, '=ada', 0, 0, 7000000, 8000000);
UPDATE automation_tokens SET last = 7, last_run = 9;`

func TestMigrate_RunsThatWaitForOneEventAreFoundByIt(t *testing.T) {
	t.Parallel()
	for _, d := range []driverName{ncruces, modernc} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			db := d.open(t, filepath.Join(t.TempDir(), "store.db"))
			for _, m := range sqlite.Migrations()[:11] {
				_, err := db.Exec(m.SQL)
				require.NoError(t, err)
			}
			_, err := db.Exec(singly)
			require.NoError(t, err)
			s := sqlite.New(db)
			_, err = s.FindRun(t.Context(), "paid")
			require.ErrorIs(t, err, automation.ErrSchema)
			require.NoError(t, s.Migrate(t.Context()))
			assertListens(t, s)
			var shown string
			require.NoError(t, db.QueryRow(`SELECT listens FROM automation_runs WHERE id = 'left'`).Scan(&shown))
			assert.Equal(t, `["left"]`, shown)
			_, err = db.Exec(`SELECT wait_event FROM automation_places`)
			require.Error(t, err, "a process that has checked the version before fails, too")
			all := sqlite.Migrations()
			require.ErrorIs(t, migration.Check(all[:11], 12, all[11].Floor), automation.ErrSchema)
		})
	}
}

// assertListens fails unless the store has the runs of singly.
func assertListens(t *testing.T, s *sqlite.Store) {
	t.Helper()
	for id, want := range map[string][]string{
		"paid": {"paid"}, "also": {"paid"}, "left": {"left"}, "odd": {`"<&>" é\`}, "sleeps": nil, "begun": nil, "done": nil, "over": nil, "past": nil,
	} {
		run, err := s.FindRun(t.Context(), id)
		require.NoError(t, err, id)
		assert.Equal(t, want, run.Listens, id)
	}
	counts, err := s.CountRuns(t.Context(), "welcome")
	require.NoError(t, err)
	count := func(step string, status automation.RunStatus, n int) automation.RunCount {
		return automation.RunCount{AutomationID: "welcome", Version: 1, Step: step, Status: status, Count: n}
	}
	assert.Equal(t, []automation.RunCount{count("other", automation.RunRunning, 1), count("wait", automation.RunCompleted, 3), count("wait", automation.RunRunning, 5)}, counts)
	for status, n := range map[automation.RunStatus]int{automation.RunRunning: 6, automation.RunCompleted: 3} {
		page, err := s.ListRuns(t.Context(), automation.RunQuery{Statuses: []automation.RunStatus{status}, PageQuery: automation.PageQuery{Limit: 10}})
		require.NoError(t, err)
		assert.Len(t, page.Data, n, "each is at a place")
	}
	p := everything()
	p.Now = second(10)
	works, err := s.Claim(t.Context(), p)
	require.NoError(t, err)
	require.Len(t, works, 1)
	var ids []string
	for _, r := range works[0].Runs {
		ids = append(ids, r.ID)
	}
	assert.Equal(t, []string{"paid", "also"}, ids)
}

// waits returns a store with leased contacts, and a transition for each that starts a run
// which listens to the names.
func waits(t *testing.T, s *sqlite.Store, n int, names ...string) (ts []automation.Transition) {
	t.Helper()
	require.NoError(t, s.InsertAutomation(t.Context(), automation.AutomationRecord{
		ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled, EventName: "user.created", Version: 1, Revision: 1,
		CreatedAt: now, UpdatedAt: now,
	}))
	for i, id := range contacts(t, s, n) {
		_, err := s.AppendEvents(t.Context(), []automation.NewEvent{event(i, id)})
		require.NoError(t, err)
	}
	works, err := s.Claim(t.Context(), everything())
	require.NoError(t, err)
	require.Len(t, works, n)
	for i, w := range works {
		ts = append(ts, automation.Transition{
			Key: w.Key, Token: w.Token, Now: now, Release: true, Handled: []automation.HandledEvent{{ID: w.Events[0].ID}},
			Runs: []automation.RunChange{{New: true, RunRecord: automation.RunRecord{
				ID: uuid(2000 + i), AutomationID: "welcome", Version: 1, ContactID: w.Key.ID, EventID: w.Events[0].ID, EventName: "user.created",
				Status: automation.RunRunning, Step: "wait", Listens: names, CreatedAt: now,
			}}},
		})
	}
	return ts
}

// A transaction that fails after it has inserted a set leaves no number behind.
func TestCommit_ASetOfARolledBackTransactionIsForgotten(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	ts := waits(t, s, 1, "left", "paid")
	_, err := db.Exec(`CREATE TRIGGER full BEFORE INSERT ON automation_active_runs BEGIN SELECT raise(ABORT, 'full'); END`)
	require.NoError(t, err)
	results, err := s.Commit(t.Context(), ts)
	require.NoError(t, err)
	require.ErrorContains(t, results[0].Err, "full")
	// The number of the lost set goes to another one.
	_, err = db.Exec(`DROP TRIGGER full; INSERT INTO automation_listen_sets (names) VALUES ('["other"]')`)
	require.NoError(t, err)
	results, err = s.Commit(t.Context(), ts)
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	run, err := s.FindRun(t.Context(), ts[0].Runs[0].ID)
	require.NoError(t, err)
	assert.Equal(t, []string{"left", "paid"}, run.Listens)
	e := event(10, ts[0].Key.ID)
	e.Event.Name = "paid"
	_, err = s.AppendEvents(t.Context(), []automation.NewEvent{e})
	require.NoError(t, err)
	works, err := s.Claim(t.Context(), everything())
	require.NoError(t, err)
	require.Len(t, works, 1)
	require.Len(t, works[0].Runs, 1)
	assert.Equal(t, run.ID, works[0].Runs[0].ID)
}

// TestCommit_ASetOfNamesHasOneNumber has stores that use a set for the first time at once.
func TestCommit_ASetOfNamesHasOneNumber(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	ts := waits(t, s, 8, "left", "paid")
	errs := make(chan error, len(ts))
	for i := range ts {
		go func() {
			results, err := sqlite.New(db).Commit(t.Context(), ts[i:i+1])
			if err == nil {
				err = results[0].Err
			}
			errs <- err
		}()
	}
	for range ts {
		require.NoError(t, <-errs)
	}
	var sets, names, runs int
	require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM automation_listen_sets), (SELECT count(*) FROM automation_listens),
		(SELECT count(*) FROM automation_active_runs r JOIN automation_listen_sets s ON s.no = r.listen_no)`).Scan(&sets, &names, &runs))
	assert.Equal(t, []int{1, 2, 8}, []int{sets, names, runs})
}
