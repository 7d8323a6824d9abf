package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/internal/migration"
	"github.com/seed-b636437c/automation/store/postgres"
)

// singly inserts runs of a release in which a run waited for one event: two that wait for
// events with different names, two for the same, one with a name that JSON escapes, one that
// sleeps, one in the row of its lease, and one that has ended.
const singly = `
INSERT INTO automation.automations (id, name, status, event_name, version, revision) VALUES ('welcome', 'Welcome', 'enabled', 'e', 1, 1);
INSERT INTO automation.versions (automation_no, version, definition) VALUES (1, 1, '{}');
INSERT INTO automation.events (id, owner, name, accepted_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000001', '=ada', 'paid', '2026-03-01 12:00:05Z');
INSERT INTO automation.pending (owner, event_id, accepted_at) SELECT owner, id, accepted_at FROM automation.events;
INSERT INTO automation.active_runs (id, automation_no, version, owner, event_name, status, setbacks, step, wait_event, due_at, created_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000011', 1, 1, '=ada', 'e', 0, 0, 'wait', 'paid', NULL, '2026-03-01 12:00:01Z'),
	('0195a3c0-7d00-7000-8000-000000000012', 1, 1, '=ada', 'e', 0, 0, 'wait', 'paid', '2026-03-02 12:00:00Z', '2026-03-01 12:00:02Z'),
	('0195a3c0-7d00-7000-8000-000000000013', 1, 1, '=ada', 'e', 0, 0, 'other', 'left', NULL, '2026-03-01 12:00:03Z'),
	('0195a3c0-7d00-7000-8000-000000000014', 1, 1, '=bob', 'e', 0, 0, 'other', '"<&>" é\', NULL, '2026-03-01 12:00:04Z'),
	('0195a3c0-7d00-7000-8000-000000000015', 1, 1, '=ada', 'e', 0, 0, 'sleep', NULL, '2026-03-02 12:00:00Z', '2026-03-01 12:00:05Z');
INSERT INTO automation.leases (owner, token, until, run_id, run_automation_no, run_version, run_event_name, run_step, run_due_at, run_created_at) VALUES
	('=eve', nextval('automation.tokens'), '2026-03-02 12:00:00Z', '0195a3c0-7d00-7000-8000-000000000016', 1, 1, 'e', 'send', '2026-03-01 12:00:00Z', '2026-03-01 12:00:06Z');
INSERT INTO automation.ended_runs (id, automation_no, version, owner, event_name, status, setbacks, step, created_at, completed_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000017', 1, 1, '=ada', 'e', 1, 0, 'send', '2026-03-01 12:00:07Z', '2026-03-01 12:00:07Z');
INSERT INTO automation.run_counts VALUES (1, 1, 0, 'wait', 0, 2), (1, 1, 0, 'other', 0, 2), (1, 1, 0, 'sleep', 0, 1), (1, 1, 0, 'send', 0, 1), (1, 1, 1, 'send', 0, 1);`

func TestMigrate_RunsThatWaitForOneEventAreFoundByIt(t *testing.T) {
	t.Parallel()
	s, pool := migratedFrom(t, 12, singly)
	listens := map[string][]string{
		"0195a3c0-7d00-7000-8000-000000000011": {"paid"}, "0195a3c0-7d00-7000-8000-000000000012": {"paid"}, "0195a3c0-7d00-7000-8000-000000000013": {"left"},
		"0195a3c0-7d00-7000-8000-000000000014": {`"<&>" é\`}, "0195a3c0-7d00-7000-8000-000000000015": nil, "0195a3c0-7d00-7000-8000-000000000016": nil,
		"0195a3c0-7d00-7000-8000-000000000017": nil,
	}
	for id, want := range listens {
		run, err := s.FindRun(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, want, run.Listens, id)
	}
	works, err := s.Claim(t.Context(), automation.ClaimParams{Now: noon.Add(time.Minute), Lease: time.Hour, Limit: 10, Events: 10, Runs: 10})
	require.NoError(t, err)
	require.Len(t, works, 1, "eve is leased")
	var ids []string
	for _, r := range works[0].Runs {
		ids = append(ids, r.ID)
	}
	assert.Equal(t, []string{"0195a3c0-7d00-7000-8000-000000000011", "0195a3c0-7d00-7000-8000-000000000012"}, ids)

	// A run that listens to the same name later gets the number of the set that was migrated.
	again := starting(works[0], 1, "wait")
	for i, name := range []string{"paid", `"<&>" é\`} {
		run := again.Runs[0]
		run.ID, run.Listens = []string{"0195a3c0-7d00-7000-8000-000000000021", "0195a3c0-7d00-7000-8000-000000000022"}[i], []string{name}
		again.Runs = append(again.Runs, run)
	}
	again.Runs = again.Runs[1:]
	commitAll(t, s, []automation.Transition{again})
	var sets int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM automation.listen_sets`).Scan(&sets))
	assert.Equal(t, 3, sets)
	var shown string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT listens FROM automation.runs WHERE id = '0195a3c0-7d00-7000-8000-000000000013'`).Scan(&shown))
	assert.Equal(t, `["left"]`, shown)
}

// The migration raises the floor, so that no process goes on which would wake no run.
func TestMigrate_ListensAreUnfitForOlderProcesses(t *testing.T) {
	t.Parallel()
	all, err := postgres.Migrations("")
	require.NoError(t, err)
	require.ErrorIs(t, migration.Check(all[:12], 13, all[12].Floor), automation.ErrSchema)
	pool := newPool(t, pgtest.URL(t), nil)
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	_, err = pool.Exec(t.Context(), `SELECT wait_event FROM automation.active_runs`)
	require.Error(t, err, "a process that has checked the version before fails, too")
}

// TestCommit_ASetOfNamesHasOneNumber has stores that use many sets for the first time at once.
func TestCommit_ASetOfNamesHasOneNumber(t *testing.T) {
	t.Parallel()
	s, pool := migrated(t)
	works := leased(t, s, 16)
	errs := make(chan error, len(works))
	for i, w := range works {
		go func() {
			tr := starting(w, i, "wait")
			for j := range 4 { // in another order for each
				run := tr.Runs[0]
				run.ID, run.Listens = fmt.Sprintf("0195a3c0-7d00-7000-8000-%012x", 1000+10*i+j), []string{"paid", []string{"a", "b", "c", "d"}[(i+j)%4]}
				tr.Runs = append(tr.Runs, run)
			}
			results, err := newStore(t, pool, postgres.Options{}).Commit(t.Context(), []automation.Transition{tr})
			if err == nil {
				err = results[0].Err
			}
			errs <- err
		}()
	}
	for range works {
		require.NoError(t, <-errs)
	}
	var sets, names, runs int
	require.NoError(t, pool.QueryRow(t.Context(), `
SELECT (SELECT count(*) FROM automation.listen_sets), (SELECT count(*) FROM automation.listens),
	(SELECT count(*) FROM automation.active_runs r JOIN automation.listen_sets s ON s.no = r.listen_no)`).Scan(&sets, &names, &runs))
	assert.Equal(t, []int{4, 8, 64}, []int{sets, names, runs})
}

// A name that the database cannot store fails its transition alone, and nothing is remembered
// about its set.
func TestCommit_ANameThatTheDatabaseRefusesFailsAlone(t *testing.T) {
	t.Parallel()
	s, pool := migrated(t)
	works := leased(t, s, 2)
	ts := []automation.Transition{starting(works[0], 0, "wait"), starting(works[1], 1, "wait")}
	ts[0].Runs[0].Listens, ts[1].Runs[0].Listens = []string{"no\x00text"}, []string{"paid"}
	for range 2 {
		results, err := s.Commit(t.Context(), ts[:1])
		require.NoError(t, err)
		require.Error(t, results[0].Err)
	}
	results, err := s.Commit(t.Context(), ts)
	require.NoError(t, err)
	require.Error(t, results[0].Err)
	require.NoError(t, results[1].Err)
	var sets int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM automation.listen_sets`).Scan(&sets))
	assert.Equal(t, 1, sets)
}
