package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/store/storetest"
)

// TestStore_EveryStatementUsesAnIndex runs the suite on one handle, and then checks the
// plans of all statements that the suite has executed: on tables that were never
// analysed, and on tables that were analysed while they were nearly empty.
func TestStore_EveryStatementUsesAnIndex(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	statements := map[string]bool{}
	t.Run("suite", func(t *testing.T) {
		storetest.Run(t, func(tb testing.TB) storetest.Target {
			s := migratedFile(tb)
			tb.Cleanup(func() {
				mu.Lock()
				defer mu.Unlock()
				for _, query := range s.known() {
					statements[query] = true
				}
			})
			return storetest.Sole(unclosed{s})
		})
	})
	require.Greater(t, len(statements), 70, "the statements of the store")
	for name, prepare := range map[string]string{"never analysed": "", "analysed too early": analysed} {
		t.Run(name, func(t *testing.T) {
			db := migratedFile(t).db
			_, err := db.Exec(prepare)
			require.NoError(t, err)
			for query := range statements {
				for _, line := range explain(t, db, query) {
					assert.True(t, bounded(line), "%s\n%s", line, query)
				}
			}
		})
	}
}

// TestLists_OfACodeSeekIt has the statements for lists with the code of an error.
func TestLists_OfACodeSeekIt(t *testing.T) {
	t.Parallel()
	for query, order := range map[string]string{
		olderWithCode: "code (place_no=? AND <expr>=? AND created_at", newerWithCode: "code (place_no=? AND <expr>=? AND created_at",
		olderEndedWithCode: "code_completed (place_no=? AND <expr>=? AND completed_at", newerEndedWithCode: "code_completed (place_no=? AND <expr>=? AND completed_at",
	} {
		for _, prepare := range []string{"", analysed} {
			db := migratedFile(t).db
			_, err := db.Exec(prepare)
			require.NoError(t, err)
			plan := strings.Join(explain(t, db, query), "\n")
			for _, table := range []string{"automation_active_runs_", "automation_ended_runs_"} {
				assert.Contains(t, plan, "SEARCH x USING INDEX "+table+order)
			}
			assert.Equal(t, 2, strings.Count(plan, "USE TEMP B-TREE"), "only what a page can have is sorted, of each table:\n%s", plan)
		}
	}
}

// manySets has a hundred sets that share a name, and many runs that listen to each.
const manySets = `
WITH RECURSIVE f (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM f WHERE i < 100)
INSERT INTO automation_listen_sets (names) SELECT json_array('exit' || i, 'paid') FROM f;
INSERT OR IGNORE INTO automation_listens (event_name, no) SELECT j.value, s.no FROM automation_listen_sets s, json_each(s.names) j;
WITH RECURSIVE f (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM f WHERE i < 5000)
INSERT INTO automation_active_runs (id, place_no, owner, control, setbacks, created_at, listen_no) SELECT '=w' || i, 1, '=c' || i, 0, 0, 1, 1 + i % 100 FROM f;`

// TestClaim_GoesFromEventsToSetsToRuns has the statement that finds the runs which listen to
// an event.
func TestClaim_GoesFromEventsToSetsToRuns(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]string{
		"never analysed": "", "analysed too early": analysed, "analysed too early, then many sets": analysed + manySets,
		"analysed with many sets": manySets + "ANALYZE;",
	} {
		db := migratedFile(t).db
		_, err := db.Exec(prepare)
		require.NoError(t, err)
		plan := strings.Join(explain(t, db, claimedWaits), "\n")
		for _, search := range []string{
			"SEARCH n USING PRIMARY KEY (owner=?)", "SEARCH l USING PRIMARY KEY (event_name=?)",
			"SEARCH r USING INDEX automation_active_runs_owner (owner=? AND listen_no=?)",
		} {
			assert.Contains(t, plan, search, name)
		}
	}
}

// unclosed keeps the suite from closing a store, because a closed store has no
// statements.
type unclosed struct{ *Store }

func (unclosed) Close() {}

func migratedFile(tb testing.TB) *Store {
	tb.Helper()
	db, err := driver.Open("file:" + filepath.Join(tb.TempDir(), "store.db") + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	s := New(db)
	require.NoError(tb, s.Migrate(context.Background()))
	return s
}

// known returns all statements that the store has executed.
func (s *Store) known() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	queries := slices.Clone(s.wanted)
	for query := range s.statements {
		queries = append(queries, query)
	}
	return queries
}

// analysed takes statistics while every table has a few rows.
const analysed = `
CREATE TABLE few AS WITH RECURSIVE f (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM f WHERE i < 5) SELECT i FROM f;
INSERT INTO automation_active_runs (id, place_no, owner, control, setbacks, due_at, created_at) SELECT '=r' || i, 2, '=c' || i, 0, 0, i, i FROM few;
INSERT INTO automation_ended_runs (id, place_no, owner, event_no, control, setbacks, created_at, completed_at)
	SELECT '=o' || i, 3, '=c' || i, i, 0, 0, i, i FROM few;
INSERT INTO automation_events (id, owner, name, accepted_at) SELECT '=e' || i, '=c' || i, 'e', 1 FROM few;
INSERT INTO automation_pending (owner, accepted_at, no, id, name) SELECT '=c' || i, i, i, '=p' || i, 'e' FROM few;
INSERT INTO automation_loose_events (handled_at, event_no) SELECT i, i FROM few;
INSERT INTO automation_idempotency_keys (name, key, hash, event_id, expires_at) SELECT 'n', 'k' || i, 'h', '=e' || i, i FROM few;
INSERT INTO automation_run_outputs (run_id, step, output) SELECT '=r' || i, i, x'00' FROM few;
INSERT INTO automation_leases (owner, fence, until, run_no, run_id, run_place_no, run_due_at, run_created_at)
	SELECT '=c' || i, i, i, i, '=b' || i, 1, i, i FROM few;
INSERT INTO automation_contacts (id, email, email_key, first_name, last_name, unsubscribed, properties, segments, created_at)
	SELECT '=c' || i, 'e' || i, 'e' || i, '', '', 0, '', '', 1 FROM few;
INSERT INTO automation_contact_segments (segment, contact_no) SELECT 's', i FROM few;
INSERT INTO automation_places (automation_no, version, status, step, event_name, n)
	VALUES (1, 1, 0, 's', '', 5), (1, 1, 0, 't', '', 5), (1, 1, 1, 's', '', 5);
INSERT INTO automation_triggers (event_name, automation_no) SELECT 'e' || i, i FROM few;
INSERT INTO automation_decisions (event_no, automation_id, code, at) SELECT i, 'a', 'limit', 1 FROM few;
INSERT INTO automation_entries (owner, automation_no, key, n, starts, expires_at) SELECT '=c' || i, i, '', 1, '1', i FROM few;
INSERT INTO automation_listen_sets (names) SELECT json_array('e', 'f' || i) FROM few;
INSERT INTO automation_listens (event_name, no) SELECT j.value, s.no FROM automation_listen_sets s, json_each(s.names) j;
ANALYZE;`

// numbered matches an argument that a statement may name more than once.
var numbered = regexp.MustCompile(`\?[0-9]+`)

// explain returns the plan of a statement with any number of arguments.
func explain(t *testing.T, db *sql.DB, query string) (lines []string) {
	t.Helper()
	unnumbered := strings.Count(query, "?") - len(numbered.FindAllString(query, -1))
	arguments := make([]any, unnumbered, 16*rowsAtOnce)
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, arguments...)
	for err != nil && len(arguments) < cap(arguments) {
		arguments = append(arguments, nil)
		rows, err = db.Query("EXPLAIN QUERY PLAN "+query, arguments...)
	}
	require.NoError(t, err, query)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var line string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &line))
		lines = append(lines, line)
	}
	require.NoError(t, rows.Err())
	return lines
}

// bounded reports whether the cost of a line of a plan does not grow with the tables.
func bounded(line string) bool {
	if strings.Contains(line, "AUTOMATIC") {
		return false
	}
	if strings.HasPrefix(line, "SCAN (subquery") || strings.HasPrefix(line, "SCAN j VIRTUAL TABLE") || line == "SCAN keys" || line == "SCAN last" || line == "SCAN 32 CONSTANT ROWS" || strings.HasSuffix(line, "-ROW VALUES CLAUSE") {
		return true // of rows that were found before
	}
	return !strings.HasPrefix(line, "SCAN ") || slices.Contains([]string{
		"SCAN CONSTANT ROW",
		"SCAN p USING COVERING INDEX automation_pending_accepted", // until the first event whose contact is not leased
		"SCAN automation_leases", "SCAN l", "SCAN leased",         // as many as contacts with work in progress
		"SCAN automation_versions", "SCAN automation_places", // as many as people have made
		"SCAN automation_pending USING COVERING INDEX automation_pending_accepted", // until the first one
		"SCAN automation_bulks", // as many as were called lately
		"SCAN automation_places USING COVERING INDEX sqlite_autoindex_automation_places_1",
	}, line)
}
