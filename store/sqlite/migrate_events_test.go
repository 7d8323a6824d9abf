package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// withEventsApart inserts rows of a release in which events were apart from their runs: handled
// events that started an active run, an ended one, one in a lease that has expired, two runs, and
// none, and pending events of two contacts and of an email.
const withEventsApart = `
INSERT INTO automation_automations (no, id, name, status, event_names, version, revision, created_at, updated_at)
	VALUES (1, 'welcome', 'Welcome', 'enabled', '["signup"]', 1, 1, 1, 1);
INSERT INTO automation_versions (automation_no, version, definition) VALUES (1, 1, x'7b7d');
INSERT INTO automation_triggers (event_name, automation_no) VALUES ('signup', 1);
INSERT INTO automation_places (no, automation_no, version, status, step, event_name, n) VALUES (1, 1, 1, 0, 'pause', '', 3), (2, 1, 1, 1, 'last', '', 2);
INSERT INTO automation_events (no, id, owner, email, name, payload, key, occurred_at, accepted_at, automation_id, cause) VALUES
	(1, x'00000000000070008000000000000010', '=ada', NULL, 'signup', '{"n":1}', 'k1', 500000, 1000000, NULL, NULL),
	(2, x'00000000000070008000000000000020', '=ada', NULL, 'signup', NULL, NULL, NULL, 2000000, NULL, NULL),
	(3, x'00000000000070008000000000000030', '=bob', NULL, 'signup', NULL, NULL, NULL, 3000000, NULL, NULL),
	(4, x'00000000000070008000000000000040', '=ada', NULL, 'other', NULL, NULL, NULL, 4000000, NULL, NULL),
	(5, x'00000000000070008000000000000050', '=ada', 'Ada@example.com', 'signup', '{"n":5}', 'k5', NULL, 5000000, 'welcome', NULL),
	(6, x'00000000000070008000000000000060', '=ada', NULL, 'signup', NULL, NULL, NULL, 5000000, NULL, NULL),
	(7, x'00000000000070008000000000000070', '@eve@example.com', 'eve@example.com', 'signup', NULL, NULL, NULL, 7000000, NULL, NULL);
INSERT INTO automation_pending (owner, accepted_at, event_no, unannounced) VALUES
	('=ada', 5000000, 5, 1), ('=ada', 5000000, 6, NULL), ('@eve@example.com', 7000000, 7, NULL);
INSERT INTO automation_loose_events (handled_at, event_no, reason) VALUES (4000000, 4, 5);
INSERT INTO automation_decisions (event_no, automation_id, code, at, evidence) VALUES (4, 'welcome', 'limit', 4000000, '{}');
INSERT INTO automation_active_runs (no, id, place_no, owner, event_no, control, setbacks, due_at, created_at) VALUES
	(1, x'00000000000070008000000000000011', 1, '=ada', 1, 0, 0, 90000000, 1000000), (3, '=second', 1, '=ada', 2, 0, 0, NULL, 2000000);
INSERT INTO automation_ended_runs (no, id, place_no, owner, event_no, control, setbacks, created_at, completed_at) VALUES
	(2, x'00000000000070008000000000000021', 2, '=ada', 2, 0, 0, 2000000, 2000000), (4, '=old', 2, '=bob', NULL, 0, 0, 2000000, 2000000);
UPDATE automation_tokens SET last = 40, last_run = 9;
INSERT INTO automation_leases (owner, fence, until, run_no, run_id, run_place_no, run_event_no, run_due_at, run_created_at) VALUES
	('=bob', 40, 6000000, 5, x'00000000000070008000000000000031', 1, 3, 3000000, 3000000);`

// eventOf returns the id of an event of withEventsApart, or of its run.
func eventOf(digits string) string { return "00000000-0000-7000-8000-0000000000" + digits }

func TestMigrate_KeepsEventsAndTheirRuns(t *testing.T) {
	t.Parallel()
	for _, d := range []driverName{ncruces, modernc} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			db := d.open(t, filepath.Join(t.TempDir(), "store.db"))
			for _, m := range sqlite.Migrations()[:15] {
				_, err := db.Exec(m.SQL)
				require.NoError(t, err)
			}
			_, err := db.Exec(withEventsApart)
			require.NoError(t, err)
			s := sqlite.New(db)
			require.NoError(t, s.Migrate(t.Context()))
			assertEventsApart(t, s)
			assertPendingGoesOn(t, s)

			var names []string
			rows, err := db.Query("SELECT event_name FROM automation_runs WHERE contact_id = 'ada' ORDER BY created_at DESC")
			require.NoError(t, err)
			defer rows.Close()
			for rows.Next() {
				var name string
				require.NoError(t, rows.Scan(&name))
				names = append(names, name)
			}
			assert.Equal(t, []string{"signup", "signup", "signup", "signup"}, names, "of runs with their event, and of older ones")
			var events, held int
			require.NoError(t, db.QueryRow("SELECT (SELECT count(*) FROM automation_events), (SELECT count(*) FROM automation_active_runs WHERE event_age IS NOT NULL)").Scan(&events, &held))
			assert.Equal(t, []int{4, 1}, []int{events, held})
		})
	}
}

// assertEventsApart fails unless the store has the events of withEventsApart, with what became of
// them.
func assertEventsApart(t *testing.T, s *sqlite.Store) {
	t.Helper()
	page, err := s.ListEvents(t.Context(), automation.EventQuery{PageQuery: automation.PageQuery{Limit: 10}})
	require.NoError(t, err)
	type shown struct {
		status  automation.EventStatus
		started []string
	}
	became := map[string]shown{}
	var order []string
	for _, e := range page.Data {
		order = append(order, e.ID)
		became[e.ID] = shown{e.Status, e.Started}
		found, err := s.FindEvent(t.Context(), e.ID)
		require.NoError(t, err)
		assert.Equal(t, e, found)
	}
	assert.Equal(t, []string{eventOf("70"), eventOf("60"), eventOf("50"), eventOf("40"), eventOf("30"), eventOf("20"), eventOf("10")}, order)
	handled, pending := automation.EventStatusHandled, automation.EventStatusPending
	assert.Equal(t, map[string]shown{
		eventOf("10"): {handled, []string{eventOf("11")}}, eventOf("20"): {handled, []string{eventOf("21"), "second"}},
		eventOf("30"): {handled, []string{eventOf("31")}}, eventOf("40"): {handled, nil},
		eventOf("50"): {pending, nil}, eventOf("60"): {pending, nil}, eventOf("70"): {pending, nil},
	}, became)
	decisions, err := s.ListDecisions(t.Context(), eventOf("40"))
	require.NoError(t, err)
	assert.Len(t, decisions, 1)
	events, err := s.ListContactEvents(t.Context(), "ada", "signup", second(2))
	require.NoError(t, err)
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	assert.Equal(t, []string{eventOf("20"), eventOf("50"), eventOf("60")}, ids)
	run, err := s.FindRun(t.Context(), eventOf("11"))
	require.NoError(t, err)
	assert.Equal(t, [2]string{eventOf("10"), "signup"}, [2]string{run.EventID, run.EventName})
}

// assertPendingGoesOn claims the pending events, and starts a run with the first one. It fails
// unless the event is the same afterwards.
func assertPendingGoesOn(t *testing.T, s *sqlite.Store) {
	t.Helper()
	p := everything()
	p.Now = second(10)
	works, err := s.Claim(t.Context(), p)
	require.NoError(t, err)
	require.Len(t, works, 3)
	work := works[1]
	require.Equal(t, "ada", work.Key.ID)
	require.Len(t, work.Events, 2)
	event := work.Events[0]
	assert.Equal(t, automation.Event{
		ID: eventOf("50"), ContactID: "ada", Name: "signup", Payload: []byte(`{"n":5}`), IdempotencyKey: "k5", AutomationID: "welcome",
		OccurredAt: second(5), AcceptedAt: second(5),
	}, event.Event)
	assert.True(t, event.Unannounced)
	assert.Equal(t, []bool{false, eventOf("60") == work.Events[1].ID}, []bool{work.Events[1].Unannounced, true})
	run := automation.RunRecord{
		ID: eventOf("51"), AutomationID: "welcome", Version: 1, ContactID: "ada", EventID: event.ID, EventName: "signup",
		Status: automation.RunRunning, Step: "pause", DueAt: second(90), CreatedAt: second(10),
	}
	results, err := s.Commit(t.Context(), []automation.Transition{{
		Key: work.Key, Token: work.Token, Now: p.Now, Release: true,
		Handled: []automation.HandledEvent{{ID: event.ID}}, Runs: []automation.RunChange{{RunRecord: run, New: true}},
	}})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	found, err := s.FindEvent(t.Context(), event.ID)
	require.NoError(t, err)
	assert.Equal(t, automation.EventRecord{
		Event: event.Event, Status: automation.EventStatusHandled, HandledAt: second(10), Started: []string{run.ID},
	}, found)
	stored, err := s.FindRun(t.Context(), run.ID)
	require.NoError(t, err)
	assert.Equal(t, run, stored)
}
