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

// unplaced inserts runs of a release in which runs had no places: of an automation that two
// events start, and of one that was deleted. Some ask for something, could not be decoded, have
// failed, or are in the row of a lease that has expired. The owners of two contacts are 16 bytes
// long.
const unplaced = `
INSERT INTO automation.automations (id, name, status, event_names, version, revision, deleted_at) VALUES
	('welcome', 'Welcome', 'enabled', '{signup,invited}', 1, 1, NULL), ('gone', 'Gone', 'enabled', '{signup}', 3, 1, '2026-03-01 12:00:00Z');
INSERT INTO automation.triggers VALUES ('signup', 1), ('invited', 1);
INSERT INTO automation.versions (automation_no, version, definition, many_names) VALUES (1, 1, '{}', true), (2, 3, '{}', NULL);
INSERT INTO automation.events (id, owner, email, name, accepted_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000001', '=fifteen letters', NULL, 'signup', '2026-03-01 12:00:01Z'),
	('0195a3c0-7d00-7000-8000-000000000002', '@bob@example.com', 'Bob@example.com', 'invited', '2026-03-01 12:00:02Z');
INSERT INTO automation.pending (owner, event_id, accepted_at) SELECT owner, id, accepted_at FROM automation.events;
INSERT INTO automation.entries VALUES ('=fifteen letters', 1, '', 2, '', NULL);
INSERT INTO automation.active_runs (id, automation_no, version, owner, event_id, event_name, status, control, setbacks, step, due_at, created_at, completed_at, error, state, many_names) VALUES
	('0195a3c0-7d00-7000-8000-000000000011', 1, 1, '=fifteen letters', '0195a3c0-7d00-7000-8000-000000000001', 'signup', 0, 1, 40000, 'sleep', '2026-03-01 12:00:00Z', '2026-03-01 12:00:01Z', NULL, NULL, 'state', true),
	('0195a3c0-7d00-7000-8000-000000000012', 1, 1, '=fifteen letters', NULL, 'invited', 2, 2, 0, 'send', '2026-03-01 12:00:00Z', '2026-03-01 12:00:02Z', '2026-03-01 12:00:03Z', '{"code":"timed_out","message":"m"}', NULL, true);
INSERT INTO automation.leases (owner, fence, until, run_id, run_automation_no, run_version, run_event_name, run_step, run_due_at, run_created_at, run_many_names) VALUES
	('=eve', nextval('automation.tokens'), '2026-03-01 12:00:30Z', '0195a3c0-7d00-7000-8000-000000000013', 1, 1, 'invited', 'send', '2026-03-01 12:00:00Z', '2026-03-01 12:00:03Z', true),
	('=fay', nextval('automation.tokens'), '2026-03-01 12:00:30Z', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO automation.ended_runs (id, automation_no, version, owner, event_name, status, setbacks, step, created_at, completed_at, error, many_names, exit) VALUES
	('0195a3c0-7d00-7000-8000-000000000014', 1, 1, '=eve', 'signup', 1, 0, 'send', '2026-03-01 12:00:04Z', '2026-03-01 12:00:05Z', NULL, true, '{"reason":"condition"}'),
	('0195a3c0-7d00-7000-8000-000000000015', 2, 3, '=eve', 'signup', 2, 3, 'send', '2026-03-01 12:00:05Z', '2026-03-01 12:00:06Z', '{"code":"timed_out","message":"m"}', NULL, NULL);
INSERT INTO automation.run_counts VALUES (1, 1, 0, 'sleep', 0, 1), (1, 1, 2, 'send', 0, 1), (1, 1, 0, 'send', 3, 1), (1, 1, 1, 'send', 0, 1), (2, 3, 2, 'send', 0, 1);`

func TestMigrate_RunsKeepWhatTheirPlacesHave(t *testing.T) {
	t.Parallel()
	s, pool := migratedFrom(t, 16, unplaced)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	timedOut := &automation.StepError{Code: automation.FailedTimeout, Message: "m"}
	for _, want := range []automation.RunRecord{
		{
			ID: "0195a3c0-7d00-7000-8000-000000000011", AutomationID: "welcome", Version: 1, ContactID: "fifteen letters", EventID: "0195a3c0-7d00-7000-8000-000000000001",
			EventName: "signup", Step: "sleep", Status: automation.RunRunning, DecodeFailures: 32767, DueAt: noon, CreatedAt: at(1), State: []byte("state"),
		},
		{
			ID: "0195a3c0-7d00-7000-8000-000000000012", AutomationID: "welcome", Version: 1, ContactID: "fifteen letters",
			EventName: "invited", Step: "send", Status: automation.RunFailed, DueAt: noon, CreatedAt: at(2), CompletedAt: at(3), Error: timedOut,
		},
		{
			ID: "0195a3c0-7d00-7000-8000-000000000013", AutomationID: "welcome", Version: 1, ContactID: "eve",
			EventName: "invited", Step: "send", Status: automation.RunRunning, DueAt: noon, CreatedAt: at(3),
		},
		{
			ID: "0195a3c0-7d00-7000-8000-000000000014", AutomationID: "welcome", Version: 1, ContactID: "eve",
			EventName: "signup", Step: "send", Status: automation.RunCompleted, CreatedAt: at(4), CompletedAt: at(5), Exit: &automation.RunExit{Reason: automation.ExitCondition},
		},
		{
			ID: "0195a3c0-7d00-7000-8000-000000000015", AutomationID: "gone", Version: 3, ContactID: "eve", DecodeFailures: 3,
			EventName: "signup", Step: "send", Status: automation.RunFailed, CreatedAt: at(5), CompletedAt: at(6), Error: timedOut,
		},
	} {
		run, err := s.FindRun(t.Context(), want.ID)
		require.NoError(t, err)
		assert.Equal(t, want, run)
	}
	counts, err := s.CountRuns(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{
		{AutomationID: "welcome", Version: 1, Step: "send", Status: automation.RunRunning, Count: 1},
		{AutomationID: "welcome", Version: 1, Step: "send", Status: automation.RunCompleted, Count: 1},
		{AutomationID: "welcome", Version: 1, Step: "send", Status: automation.RunFailed, Count: 1},
		{AutomationID: "welcome", Version: 1, Step: "sleep", Status: automation.RunRunning, Count: 1},
	}, counts)
	for name, want := range map[string]int{"signup": 3, "invited": 2} {
		page, err := s.ListRuns(t.Context(), automation.RunQuery{EventName: name, PageQuery: automation.PageQuery{Limit: 10}})
		require.NoError(t, err)
		assert.Len(t, page.Data, want, name)
	}
	page, err := s.ListRuns(t.Context(), automation.RunQuery{ErrorCode: automation.FailedTimeout, PageQuery: automation.PageQuery{Limit: 10}})
	require.NoError(t, err)
	assert.Len(t, page.Data, 2)
	entries, err := s.FindEntries(t.Context(), "fifteen letters", []automation.EntryRef{{AutomationID: "welcome"}})
	require.NoError(t, err)
	require.Len(t, entries, 1)
	var shown []string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT array_agg(concat_ws(' ', automation_id, owner, event_name, status, control, step) ORDER BY id) FROM automation.runs`).Scan(&shown))
	assert.Equal(t, []string{
		"welcome =fifteen letters signup running cancel sleep", "welcome =fifteen letters invited failed retry send",
		"welcome =eve invited running  send", "welcome =eve signup completed  send", "gone =eve signup failed  send",
	}, shown)
}

func TestMigrate_WorkGoesOnAtPlaces(t *testing.T) {
	t.Parallel()
	s, _ := migratedFrom(t, 16, unplaced)
	works, err := s.Claim(t.Context(), automation.ClaimParams{Now: noon.Add(time.Minute), Lease: time.Hour, Limit: 10, Events: 10, Runs: 10})
	require.NoError(t, err)
	found := map[string][2]int{}
	requests := map[string]automation.RunRequest{}
	for _, w := range works {
		found[w.Key.String()] = [2]int{len(w.Events), len(w.Runs)}
		for _, r := range w.Runs {
			requests[r.ID] = r.Request
		}
	}
	assert.Equal(t, map[string][2]int{"fifteen letters": {1, 2}, "bob@example.com": {1, 0}, "eve": {0, 1}}, found)
	assert.Equal(t, map[string]automation.RunRequest{
		"0195a3c0-7d00-7000-8000-000000000011": automation.RequestCancel, "0195a3c0-7d00-7000-8000-000000000012": automation.RequestRetry,
		"0195a3c0-7d00-7000-8000-000000000013": automation.RequestNone,
	}, requests)
	for i := range works {
		w := &works[i]
		if w.Key.ID != "eve" {
			continue
		}
		run := automation.RunChange{RunRecord: w.Runs[0].RunRecord}
		run.Status, run.CompletedAt = automation.RunCompleted, noon.Add(time.Minute)
		commitAll(t, s, []automation.Transition{{Key: w.Key, Token: w.Token, Now: noon.Add(time.Minute), Release: true, Runs: []automation.RunChange{run}}})
	}
	counts, err := s.CountRuns(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Contains(t, counts, automation.RunCount{AutomationID: "welcome", Version: 1, Step: "send", Status: automation.RunCompleted, Count: 2})
}

// The migration raises the floor, and a process that has checked the version before fails, too:
// its claims name the sequence that has gone, and its commits compare owners with text.
func TestMigrate_PlacesAreUnfitForOlderProcesses(t *testing.T) {
	t.Parallel()
	all, err := postgres.Migrations("")
	require.NoError(t, err)
	require.ErrorIs(t, migration.Check(all[:16], 17, all[16].Floor), automation.ErrSchema)
	pool := newPool(t, pgtest.URL(t), nil)
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	_, err = pool.Exec(t.Context(), `SELECT nextval('automation.tokens')`)
	require.Error(t, err)
	_, err = pool.Exec(t.Context(), `SELECT FROM automation.leases WHERE owner = ANY ('{=ada}'::text[])`)
	require.Error(t, err)
}
