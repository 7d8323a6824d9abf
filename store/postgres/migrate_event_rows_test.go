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

// apart inserts events of a release in which all were in events: two that are pending, one that
// started a run that sleeps, and one whose run is in the row of a lease that has expired.
const apart = `
INSERT INTO automation.automations (id, name, status, event_names, version, revision) VALUES ('welcome', 'Welcome', 'enabled', '{signup}', 1, 1);
INSERT INTO automation.triggers VALUES ('signup', 1);
INSERT INTO automation.versions (automation_no, version, definition) VALUES (1, 1, '{}');
INSERT INTO automation.places (automation_id, version, status, step, event_name) VALUES ('welcome', 1, 0, 'send', 'signup');
INSERT INTO automation.run_counts VALUES (2, 1, 0);
INSERT INTO automation.events (id, owner, email, name, payload, key, occurred_at, accepted_at, automation_id, cause) VALUES
	('0195a3c0-7d00-7000-8000-000000000002', '=ada', NULL, 'signup', '{"n":1}', 'k', '2026-03-01 11:00:00Z', '2026-03-01 12:00:02Z', 'welcome', NULL),
	('0195a3c0-7d00-7000-8000-000000000004', '=ada', NULL, 'signup', NULL, NULL, NULL, '2026-03-01 12:00:02Z', NULL, NULL),
	('0195a3c0-7d00-7000-8000-000000000006', '=bob', NULL, 'signup', '{"n":3}', NULL, NULL, '2026-03-01 12:00:00Z', NULL, NULL),
	('0195a3c0-7d00-7000-8000-000000000008', '=eve', NULL, 'signup', '{"n":4}', NULL, NULL, '2026-03-01 12:00:01Z', NULL, NULL);
INSERT INTO automation.pending (owner, event_id, accepted_at, unannounced)
	SELECT owner, id, accepted_at, CASE WHEN payload IS NULL THEN true END FROM automation.events WHERE owner = '=ada' ORDER BY id DESC;
INSERT INTO automation.active_runs (id, place_no, owner, event_id, due_at, created_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000007', 1, '=bob', '0195a3c0-7d00-7000-8000-000000000006', '2026-03-01 12:00:00Z', '2026-03-01 12:00:00Z');
INSERT INTO automation.leases (owner, fence, until, run_id, run_place_no, run_event_id, run_due_at, run_created_at) VALUES
	('=eve', nextval('automation.fences'), '2026-03-01 12:00:30Z', '0195a3c0-7d00-7000-8000-000000000009', 1, '0195a3c0-7d00-7000-8000-000000000008', '2026-03-01 12:00:00Z', '2026-03-01 12:00:01Z');`

func TestMigrate_EventsStayWhatTheyWere(t *testing.T) {
	t.Parallel()
	s, _ := migratedFrom(t, 19, apart)
	keyed := automation.Event{
		ID: "0195a3c0-7d00-7000-8000-000000000002", ContactID: "ada", Name: "signup", Payload: []byte(`{"n":1}`), IdempotencyKey: "k",
		OccurredAt: noon.Add(-time.Hour), AcceptedAt: noon.Add(2 * time.Second), AutomationID: "welcome",
	}
	page, err := s.ListEvents(t.Context(), automation.EventQuery{PageQuery: automation.PageQuery{Limit: 10}})
	require.NoError(t, err)
	require.Len(t, page.Data, 4)
	assert.Equal(t, []string{"0195a3c0-7d00-7000-8000-000000000009"}, page.Data[0].Started)
	assert.Equal(t, []string{"0195a3c0-7d00-7000-8000-000000000007"}, page.Data[1].Started)
	assert.Equal(t, automation.EventStatusPending, page.Data[2].Status)
	assert.Equal(t, keyed, page.Data[3].Event)

	works, err := s.Claim(t.Context(), automation.ClaimParams{Now: noon.Add(time.Minute), Lease: time.Hour, Limit: 10, Events: 10, Runs: 10})
	require.NoError(t, err)
	require.Len(t, works, 3)
	for _, w := range works {
		switch w.Key.ID {
		case "ada":
			require.Len(t, w.Events, 2)
			assert.Equal(t, []bool{true, false}, []bool{w.Events[0].Unannounced, w.Events[1].Unannounced}, "in the order in which they were accepted")
			assert.Equal(t, keyed, w.Events[1].Event)
		case "bob":
			require.Len(t, w.Runs, 1)
			assert.JSONEq(t, `{"n":3}`, string(w.Runs[0].TriggerPayload))
		default:
			require.Len(t, w.Runs, 1)
			assert.JSONEq(t, `{"n":4}`, string(w.Runs[0].TriggerPayload))
			assert.Equal(t, "0195a3c0-7d00-7000-8000-000000000008", w.Runs[0].EventID)
		}
	}
}

// The migration raises the floor, and a process that has checked the version before fails, too:
// its claims and commits name a column that has another name, and what it sends has no name.
func TestMigrate_EventRowsAreUnfitForOlderProcesses(t *testing.T) {
	t.Parallel()
	all, err := postgres.Migrations("")
	require.NoError(t, err)
	require.ErrorIs(t, migration.Check(all[:19], 20, all[19].Floor), automation.ErrSchema)
	pool := newPool(t, pgtest.URL(t), nil)
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	for _, sql := range []string{
		"INSERT INTO automation.leases (owner, fence, until) VALUES ('=ada', 0, now())",
		"DELETE FROM automation.leases WHERE owner = '=ada' AND fence = 0",
		"INSERT INTO automation.pending (owner, event_id, accepted_at) VALUES ('=ada', gen_random_uuid(), now())",
	} {
		_, err = pool.Exec(t.Context(), sql)
		require.Error(t, err, sql)
	}
}
