package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

func TestMigrate_IsNamedByTheErrorWithoutTables(t *testing.T) {
	t.Parallel()
	s := sqlite.New(ncruces.open(t, filepath.Join(t.TempDir(), "store.db")))
	_, err := s.Claim(t.Context(), everything())
	require.ErrorIs(t, err, automation.ErrSchema)
	assert.ErrorContains(t, err, "call Migrate")
	require.ErrorIs(t, s.InsertContact(t.Context(), automation.Contact{ID: "c", Email: "c@example.com"}), automation.ErrSchema)
	require.NoError(t, s.Migrate(t.Context()))
	contacts(t, s, 1)
}

func TestMigrate_AllProcessesAtOnce(t *testing.T) {
	t.Parallel()
	for _, d := range []driverName{ncruces, modernc} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store.db")
			require.NoError(t, d.open(t, path).Ping()) // the file is in WAL mode
			var wg sync.WaitGroup
			for range 6 {
				s := sqlite.New(d.open(t, path))
				wg.Go(func() { assert.NoError(t, s.Migrate(t.Context())) })
			}
			wg.Wait()
			var applied int
			require.NoError(t, d.open(t, path).QueryRow("SELECT count(*) FROM automation_migrations").Scan(&applied))
			assert.Equal(t, len(sqlite.Migrations()), applied)
		})
	}
}

func TestMigrations_CanBeAppliedByHand(t *testing.T) {
	t.Parallel()
	db := modernc.open(t, filepath.Join(t.TempDir(), "store.db"))
	for i, m := range sqlite.Migrations() {
		assert.Equal(t, i+1, m.Number)
		assert.NotEmpty(t, m.Name)
		_, err := db.Exec(m.SQL)
		require.NoError(t, err)
	}
	s := sqlite.New(db)
	contacts(t, s, 1)
	require.NoError(t, s.Migrate(t.Context()), "nothing is left to do")
}

func TestMigrate_AllOrNothing(t *testing.T) {
	t.Parallel()
	db := ncruces.open(t, filepath.Join(t.TempDir(), "store.db"))
	_, err := db.Exec("CREATE TABLE automation_leases (of TEXT)")
	require.NoError(t, err)
	s := sqlite.New(db)
	require.Error(t, s.Migrate(t.Context()))
	var tables int
	require.NoError(t, db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'automation%'").Scan(&tables))
	assert.Equal(t, 1, tables)
	_, err = db.Exec("DROP TABLE automation_leases")
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
}

func TestMigrate_TablesOfANewerRelease(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		floor int
		want  error
	}{
		"that this one can work with":    {1, nil},
		"that this one cannot work with": {99, automation.ErrSchema},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, db := fresh(t)
			_, err := db.Exec("INSERT INTO automation_migrations (number, name, floor, applied_at) VALUES (99, 'future', ?, 0)", tt.floor)
			require.NoError(t, err)
			s := sqlite.New(db)
			_, err = s.NextDue(t.Context())
			require.ErrorIs(t, err, tt.want)
			require.ErrorIs(t, s.Migrate(t.Context()), tt.want)
		})
	}
}

func TestMigrate_RefusesARollbackJournal(t *testing.T) {
	t.Parallel()
	db := ncruces.open(t, filepath.Join(t.TempDir(), "store.db"), "journal_mode(delete)")
	assert.ErrorContains(t, sqlite.New(db).Migrate(t.Context()), "PRAGMA journal_mode = wal")
}

func TestMigrate_InMemory(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	s := sqlite.New(db)
	require.NoError(t, s.Migrate(t.Context()))
	contacts(t, s, 1)
}

// ofRelease2 inserts rows of a release that had two migrations: runs that wait, sleep,
// have a request, and have ended, a pending event, and a lease.
const ofRelease2 = `
INSERT INTO automation_automations (no, id, name, status, event_name, version, revision, created_at, updated_at)
	VALUES (1, 'welcome', 'Welcome', 'enabled', 'user.created', 2, 2, 1, 1);
INSERT INTO automation_versions (automation_no, version, definition) VALUES (1, 1, x'7b7d'), (1, 2, x'7b7d');
INSERT INTO automation_events (no, id, owner, name, payload, accepted_at) VALUES
	(1, '=e1', '=ada', 'user.created', '{"plan":"pro"}', 1000000), (2, '=e2', '=ada', 'user.active', NULL, 2000000);
INSERT INTO automation_pending (owner, accepted_at, event_no) VALUES ('=ada', 2000000, 2);
INSERT INTO automation_active_runs
	(no, id, automation_no, version, owner, event_no, status, control, setbacks, step, wait_event, due_at, created_at, completed_at, error, state) VALUES
	(1, '=waits', 1, 1, '=ada', 1, 0, 0, 0, 'wait', 'user.active', 90000000, 1000000, NULL, NULL, x'01'),
	(3, '=sleeps', 1, 2, '=ada', NULL, 0, 0, 2, 'delay', NULL, 80000000, 1000000, NULL, NULL, x'02'),
	(5, '=asked', 1, 2, '=bob', NULL, 2, 2, 0, 'send', NULL, 70000000, 1000000, 3000000, '{"code":"damaged","message":"m"}', x'03');
INSERT INTO automation_ended_runs
	(no, id, automation_no, version, owner, event_no, status, control, setbacks, step, created_at, completed_at, state) VALUES
	(2, '=done', 1, 1, '=ada', 1, 1, 0, 0, 'send', 1000000, 4000000, x'04'),
	(7, '=stopped', 1, 2, '=bob', NULL, 3, 0, 0, 'wait', 1000000, 5000000, NULL);
INSERT INTO automation_run_counts (automation_no, version, status, step, n) VALUES
	(1, 1, 0, 'wait', 1), (1, 2, 0, 'delay', 1), (1, 2, 2, 'send', 1), (1, 1, 1, 'send', 1), (1, 2, 3, 'wait', 1), (1, 2, 1, 'send', 0);
UPDATE sqlite_sequence SET seq = 9 WHERE name = 'automation_active_runs';
UPDATE automation_tokens SET last = 40;
INSERT INTO automation_leases (owner, token, until) VALUES ('=bob', 40, 60000000);`

// TestMigrate_KeepsTheRows migrates tables that are at the second migration.
func TestMigrate_KeepsTheRows(t *testing.T) {
	t.Parallel()
	for _, d := range []driverName{ncruces, modernc} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			db := d.open(t, filepath.Join(t.TempDir(), "store.db"))
			for _, m := range sqlite.Migrations()[:2] {
				_, err := db.Exec(m.SQL)
				require.NoError(t, err)
			}
			_, err := db.Exec(ofRelease2)
			require.NoError(t, err)
			s := sqlite.New(db)
			_, err = s.FindRun(t.Context(), "waits")
			require.ErrorIs(t, err, automation.ErrSchema)
			require.NoError(t, s.Migrate(t.Context()))
			assertRelease2Runs(t, s)
			assertRelease2Work(t, s)
		})
	}
}

func second(n int64) time.Time { return time.Unix(n, 0).UTC() }

// assertRelease2Runs fails unless the store has the runs of ofRelease2.
func assertRelease2Runs(t *testing.T, s *sqlite.Store) {
	t.Helper()
	runs := map[string]automation.RunRecord{
		"waits": {
			Version: 1, ContactID: "ada", EventID: "e1", EventName: "user.created", Status: automation.RunRunning, Step: "wait",
			Listens: []string{"user.active"}, DueAt: second(90), State: []byte{1},
		},
		"sleeps": {Version: 2, ContactID: "ada", Status: automation.RunRunning, Step: "delay", DueAt: second(80), DecodeFailures: 2, State: []byte{2}},
		"asked": {
			Version: 2, ContactID: "bob", Status: automation.RunFailed, Step: "send", DueAt: second(70), CompletedAt: second(3),
			Error: &automation.StepError{Code: "damaged", Message: "m"}, State: []byte{3},
		},
		"done": {
			Version: 1, ContactID: "ada", EventID: "e1", EventName: "user.created", Status: automation.RunCompleted, Step: "send",
			CompletedAt: second(4), State: []byte{4},
		},
		"stopped": {Version: 2, ContactID: "bob", Status: automation.RunCancelled, Step: "wait", CompletedAt: second(5)},
	}
	for id, want := range runs {
		want.ID, want.AutomationID, want.CreatedAt = id, "welcome", second(1)
		got, err := s.FindRun(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	counts, err := s.CountRuns(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{
		{AutomationID: "welcome", Version: 1, Step: "send", Status: automation.RunCompleted, Count: 1}, {AutomationID: "welcome", Version: 1, Step: "wait", Status: automation.RunRunning, Count: 1},
		{AutomationID: "welcome", Version: 2, Step: "delay", Status: automation.RunRunning, Count: 1}, {AutomationID: "welcome", Version: 2, Step: "send", Status: automation.RunFailed, Count: 1},
		{AutomationID: "welcome", Version: 2, Step: "wait", Status: automation.RunCancelled, Count: 1},
	}, counts)
}

// assertRelease2Work fails unless the store can go on with the work of ofRelease2.
func assertRelease2Work(t *testing.T, s *sqlite.Store) {
	t.Helper()
	p := everything()
	p.Now = second(10) // bob is leased
	works, err := s.Claim(t.Context(), p)
	require.NoError(t, err)
	require.Len(t, works, 1)
	assert.Equal(t, int64(41), works[0].Token)
	require.Len(t, works[0].Events, 1)
	assert.Equal(t, "e2", works[0].Events[0].ID)
	require.Len(t, works[0].Runs, 1)
	assert.Equal(t, "waits", works[0].Runs[0].ID)
	assert.JSONEq(t, `{"plan":"pro"}`, string(works[0].Runs[0].TriggerPayload))

	latest := automation.RunRecord{ID: "latest", AutomationID: "welcome", Version: 2, ContactID: "ada", Status: automation.RunRunning, Step: "send", CreatedAt: second(1)}
	results, err := s.Commit(t.Context(), []automation.Transition{{
		Key: works[0].Key, Token: works[0].Token, Now: p.Now, Release: true, Runs: []automation.RunChange{{RunRecord: latest, New: true}},
	}})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	page, err := s.ListRuns(t.Context(), automation.RunQuery{PageQuery: automation.PageQuery{Limit: 10}})
	require.NoError(t, err)
	var ids []string
	for _, r := range page.Data {
		ids = append(ids, r.ID)
	}
	assert.Equal(t, []string{"latest", "stopped", "asked", "sleeps", "done", "waits"}, ids, "newest first, by their numbers")
}

// TestMigrate_WhatIsDisabledStaysSo migrates automations of a release that did not record
// who stopped them.
func TestMigrate_WhatIsDisabledStaysSo(t *testing.T) {
	t.Parallel()
	db := ncruces.open(t, filepath.Join(t.TempDir(), "store.db"))
	for _, m := range sqlite.Migrations()[:3] {
		_, err := db.Exec(m.SQL)
		require.NoError(t, err)
	}
	_, err := db.Exec(`
INSERT INTO automation_automations (no, id, name, status, event_name, version, revision, created_at, updated_at) VALUES
	(1, 'off', 'Off', 'disabled', 'user.created', 1, 1, 1000000, 2000000), (2, 'on', 'On', 'enabled', 'user.created', 1, 1, 1000000, 2000000);
INSERT INTO automation_versions (automation_no, version, definition) VALUES (1, 1, x'7b7d'), (2, 1, x'7b7d');`)
	require.NoError(t, err)
	s := sqlite.New(db)
	require.NoError(t, s.Migrate(t.Context()))
	for id, want := range map[string]time.Time{"off": second(2), "on": {}} {
		a, err := s.FindAutomation(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, want, a.StoppedAt, id)
	}
}

// TestMigrate_VersionsOfOlderProcessesHaveNoTimeAndNoAuthor has one version from before
// migration 8, and one that a process inserts afterwards which does not know the columns.
func TestMigrate_VersionsOfOlderProcessesHaveNoTimeAndNoAuthor(t *testing.T) {
	t.Parallel()
	db := ncruces.open(t, filepath.Join(t.TempDir(), "store.db"))
	for _, m := range sqlite.Migrations()[:7] {
		_, err := db.Exec(m.SQL)
		require.NoError(t, err)
	}
	_, err := db.Exec(`
INSERT INTO automation_automations (no, id, name, status, event_name, version, revision, created_at, updated_at) VALUES
	(1, 'welcome', 'Welcome', 'enabled', 'e', 2, 2, 1000000, 2000000);
INSERT INTO automation_versions (automation_no, version, definition) VALUES (1, 1, x'7b7d');`)
	require.NoError(t, err)
	s := sqlite.New(db)
	require.NoError(t, s.Migrate(t.Context()))
	_, err = db.Exec(`INSERT INTO automation_versions (automation_no, version, definition) VALUES (1, 2, x'7b7d')`)
	require.NoError(t, err)
	page, err := s.ListAutomationVersions(t.Context(), "welcome", automation.PageQuery{Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, []automation.VersionRecord{
		{VersionRef: automation.VersionRef{AutomationID: "welcome", Version: 2}, Name: "Welcome", Current: true},
		{VersionRef: automation.VersionRef{AutomationID: "welcome", Version: 1}, Name: "Welcome"},
	}, page.Data)
}

// TestMigrate_RunsThatFailedEarlierAreFoundByTheirCode has runs from before migration 10: one
// that ended, one with a request to retry, one with a damaged error, and one without an error.
func TestMigrate_RunsThatFailedEarlierAreFoundByTheirCode(t *testing.T) {
	t.Parallel()
	db := ncruces.open(t, filepath.Join(t.TempDir(), "store.db"))
	for _, m := range sqlite.Migrations()[:9] {
		_, err := db.Exec(m.SQL)
		require.NoError(t, err)
	}
	_, err := db.Exec(`
INSERT INTO automation_automations (no, id, name, status, event_name, version, revision, created_at, updated_at) VALUES
	(1, 'welcome', 'Welcome', 'enabled', 'e', 1, 1, 1000000, 2000000);
INSERT INTO automation_versions (automation_no, version, definition) VALUES (1, 1, x'7b7d');
INSERT INTO automation_places (no, automation_no, version, status, step, wait_event, n) VALUES (1, 1, 1, 1, 'send', '', 1), (2, 1, 1, 2, 'send', '', 3);
INSERT INTO automation_ended_runs (no, id, place_no, owner, control, setbacks, created_at, completed_at, error) VALUES
	(1, '=ended', 2, '=ada', 0, 0, 1000000, 8000000, '{"code":"timed_out","message":"\u0000"}'),
	(2, '=damaged', 2, '=ada', 0, 0, 2000000, 9000000, 'not JSON'),
	(3, '=done', 1, '=ada', 0, 0, 3000000, 9000000, NULL);
INSERT INTO automation_active_runs (no, id, place_no, owner, control, setbacks, due_at, created_at, completed_at, error) VALUES
	(4, '=asked', 2, '=bob', 2, 0, 1000000, 4000000, 7000000, '{"code":"timed_out","message":"m"}');`)
	require.NoError(t, err)
	s := sqlite.New(db)
	require.NoError(t, s.Migrate(t.Context()))
	for _, q := range []automation.RunQuery{{}, {CompletedFrom: second(1)}} {
		q.ErrorCode, q.Limit = automation.FailedTimeout, 10
		page, err := s.ListRuns(t.Context(), q)
		require.NoError(t, err)
		var ids []string
		for _, r := range page.Data {
			ids = append(ids, r.ID)
		}
		assert.ElementsMatch(t, []string{"ended", "asked"}, ids)
	}
}
