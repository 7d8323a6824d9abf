package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// Automations of a release in which an automation had one trigger keep it, and their runs are
// found by it. A process of that release fails.
func TestMigrate_AutomationsKeepTheirTriggerAndTheirRuns(t *testing.T) {
	t.Parallel()
	db := ncruces.open(t, filepath.Join(t.TempDir(), "store.db"))
	for _, m := range sqlite.Migrations()[:12] {
		_, err := db.Exec(m.SQL)
		require.NoError(t, err)
	}
	_, err := db.Exec(`
INSERT INTO automation_automations (no, id, name, status, event_name, version, revision, created_at, updated_at, deleted_at) VALUES
	(1, 'welcome', 'Welcome', 'enabled', 'signup', 1, 1, 1000000, 2000000, NULL), (2, 'off', 'Off', 'disabled', 'signup', 1, 1, 1000000, 2000000, NULL),
	(3, 'gone', 'Gone', 'enabled', 'signup', 1, 1, 1000000, 2000000, 3000000);
INSERT INTO automation_versions (automation_no, version, definition) VALUES (1, 1, x'7b7d'), (2, 1, x'7b7d');
INSERT INTO automation_places (no, automation_no, version, status, step, n) VALUES (1, 1, 1, 1, 'send', 1), (2, 1, 1, 0, 'sleep', 1);
INSERT INTO automation_events (no, id, owner, name, accepted_at) VALUES (1, '=e1', '=ada', 'signup', 1000000);
INSERT INTO automation_ended_runs (no, id, place_no, owner, event_no, control, setbacks, created_at, completed_at) VALUES
	(1, '=ended', 1, '=ada', 1, 0, 0, 1000000, 8000000);
INSERT INTO automation_active_runs (no, id, place_no, owner, event_no, control, setbacks, due_at, created_at) VALUES
	(2, '=asleep', 2, '=ada', 1, 0, 0, 9000000, 4000000);`)
	require.NoError(t, err)
	s := sqlite.New(db)
	require.NoError(t, s.Migrate(t.Context()))
	a, err := s.FindAutomation(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, "signup", a.EventName)
	assert.Nil(t, a.EventNames)
	page, err := s.ListRuns(t.Context(), automation.RunQuery{AutomationID: "welcome", EventName: "signup", PageQuery: automation.PageQuery{Limit: 10}})
	require.NoError(t, err)
	require.Len(t, page.Data, 2)
	assert.Nil(t, page.Data[0].Exit)
	run, err := s.FindRun(t.Context(), "asleep")
	require.NoError(t, err)
	assert.Equal(t, "sleep", run.Step)

	var triggers int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM automation_triggers WHERE event_name = 'signup'`).Scan(&triggers))
	assert.Equal(t, 2, triggers, "a deleted automation has none")
	_, err = db.Exec(`SELECT event_name FROM automation_automations`)
	require.Error(t, err, "a process of the release before fails")
	for i, m := range sqlite.Migrations()[12:] {
		assert.Equal(t, 13+i, m.Floor)
	}
}
