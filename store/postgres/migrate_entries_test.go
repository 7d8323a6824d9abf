package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/internal/migration"
	"github.com/seed-b636437c/automation/store/postgres"
)

// triggered inserts automations of a release in which an automation had one trigger: one with
// an event that is pending and with runs, one that is disabled, and one that is deleted.
const triggered = `
INSERT INTO automation.automations (id, name, status, event_name, version, revision, deleted_at) VALUES
	('welcome', 'Welcome', 'enabled', 'signup', 1, 1, NULL), ('off', 'Off', 'disabled', 'signup', 1, 1, NULL),
	('gone', 'Gone', 'enabled', 'signup', 1, 1, '2026-03-01 12:00:00Z');
INSERT INTO automation.versions (automation_no, version, definition) VALUES (1, 1, '{}'), (2, 1, '{}');
INSERT INTO automation.events (id, owner, name, accepted_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000001', '=ada', 'signup', '2026-03-01 12:00:05Z');
INSERT INTO automation.pending (owner, event_id, accepted_at) SELECT owner, id, accepted_at FROM automation.events;
INSERT INTO automation.active_runs (id, automation_no, version, owner, event_name, status, setbacks, step, due_at, created_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000011', 1, 1, '=ada', 'signup', 0, 0, 'sleep', '2026-03-02 12:00:00Z', '2026-03-01 12:00:01Z');
INSERT INTO automation.ended_runs (id, automation_no, version, owner, event_name, status, setbacks, step, created_at, completed_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000012', 1, 1, '=ada', 'signup', 1, 0, 'send', '2026-03-01 12:00:02Z', '2026-03-01 12:00:02Z');
INSERT INTO automation.run_counts VALUES (1, 1, 0, 'sleep', 0, 1), (1, 1, 1, 'send', 0, 1);`

func TestMigrate_AutomationsKeepTheirTriggerAndTheirRuns(t *testing.T) {
	t.Parallel()
	s, _ := migratedFrom(t, 13, triggered)
	a, err := s.FindAutomation(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, "signup", a.EventName)
	assert.Nil(t, a.EventNames)
	assert.False(t, a.Gathers)
	page, err := s.ListRuns(t.Context(), automation.RunQuery{AutomationID: "welcome", EventName: "signup", PageQuery: automation.PageQuery{Limit: 10}})
	require.NoError(t, err)
	require.Len(t, page.Data, 2)
	for _, r := range page.Data {
		assert.Nil(t, r.Exit)
	}
	works, err := s.Claim(t.Context(), automation.ClaimParams{Now: noon.Add(time.Minute), Lease: time.Hour, Limit: 10, Events: 10, Runs: 10})
	require.NoError(t, err)
	require.Len(t, works, 1)
	require.Len(t, works[0].Events, 1)
	e := works[0].Events[0]
	assert.Equal(t, []automation.VersionRef{{AutomationID: "welcome", Version: 1}}, e.Starts)
	assert.True(t, e.Disabled)
	assert.Empty(t, e.AutomationID)
	assert.Nil(t, e.Cause)
	decisions, err := s.ListDecisions(t.Context(), e.ID)
	require.NoError(t, err)
	assert.Empty(t, decisions)
}

// The migrations raise the floor: an older process would start runs that must not start.
func TestMigrate_EntriesAreUnfitForOlderProcesses(t *testing.T) {
	t.Parallel()
	all, err := postgres.Migrations("")
	require.NoError(t, err)
	for _, n := range []int{13, 14, 15} {
		require.ErrorIs(t, migration.Check(all[:n], n+1, all[n].Floor), automation.ErrSchema)
	}
	pool := newPool(t, pgtest.URL(t), nil)
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	_, err = pool.Exec(t.Context(), `SELECT event_name FROM automation.automations`)
	require.Error(t, err, "a process that has checked the version before fails, too")
}
