package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
)

// fill inserts 50,000 active runs, as many ended runs, and the rows that belong to them.
// The outputs are those of ended runs. A hundred sets of names that runs listen to share a name.
const fill = `
INSERT INTO automation.automations (id, name, status, event_names, version, revision)
SELECT 'a' || i, 'a', 'enabled', ARRAY['e' || i], 1, 1 FROM generate_series(1, 100) i;
INSERT INTO automation.triggers SELECT 'e' || i, i FROM generate_series(1, 100) i;
INSERT INTO automation.versions SELECT i, 1, '' FROM generate_series(1, 100) i;
INSERT INTO automation.places (automation_id, version, status, step, event_name)
SELECT 'a' || i / 4 % 100 + 1, 1, i % 4, 's' || i / 4 % 20, 'e' || i / 4 % 3 FROM generate_series(0, 1199) i;
INSERT INTO automation.contacts (id, email, email_key, first_name, last_name, unsubscribed, properties, segments)
SELECT md5('c' || i)::uuid, i || '@example.com', i || '@example.com', '', '', false, '', '' FROM generate_series(1, 50000) i;
INSERT INTO automation.contact_segments SELECT 's' || i % 10, i FROM generate_series(1, 20000) i;
INSERT INTO automation.events (id, owner, name, accepted_at)
SELECT md5('e' || i)::uuid, uuid_send(md5('c' || i)::uuid), 'e' || i % 100, now() FROM generate_series(1, 50000) i;
INSERT INTO automation.pending (owner, event_id, name, accepted_at)
SELECT uuid_send(md5('c' || i)::uuid), md5('p' || i)::uuid, 'e' || i % 100, now() FROM generate_series(1, 20000) i;
INSERT INTO automation.loose_events SELECT accepted_at, id FROM automation.events ORDER BY id DESC LIMIT 20000;
INSERT INTO automation.idempotency_keys SELECT 'e', 'k' || i, '', md5('e' || i)::uuid, now() FROM generate_series(1, 20000) i;
INSERT INTO automation.leases (owner, fence_no, until) SELECT uuid_send(md5('c' || i)::uuid), i, now() FROM generate_series(1, 10000) i;
INSERT INTO automation.listen_sets (digest, names)
SELECT sha256(('s' || i)::bytea), '["e1","e' || i + 1 || '"]' FROM generate_series(1, 100) i;
INSERT INTO automation.listens SELECT name, no FROM automation.listen_sets, json_array_elements_text(names::json) name;
INSERT INTO automation.active_runs (id, place_no, owner, event_id, event_at, listen_no, due_at, created_at)
SELECT md5('r' || i)::uuid, i % 300 * 4 + 1, uuid_send(md5('c' || i % 50000)::uuid), CASE WHEN i % 2 = 0 THEN md5('e' || i % 50000)::uuid END, CASE WHEN i % 2 = 1 THEN now() END,
	i % 100 + 1, now(), now()
FROM generate_series(1, 50000) i;
INSERT INTO automation.ended_runs (id, place_no, owner, event_id, event_at, created_at, completed_at, error)
SELECT md5('o' || i)::uuid, i % 300 * 4 + 2 + i % 3, uuid_send(md5('c' || i % 50000)::uuid), CASE WHEN i % 2 = 0 THEN md5('e' || i % 50000)::uuid END, CASE WHEN i % 2 = 1 THEN now() END, now(), now(),
	CASE WHEN i % 3 > 0 THEN '{"code":"code' || i % 5 || '","message":"m"}' END
FROM generate_series(1, 50000) i;
INSERT INTO automation.run_outputs SELECT md5('o' || i)::uuid, i % 20, '' FROM generate_series(1, 20000) i;
INSERT INTO automation.decisions SELECT id, 'a1', 'limit', now() FROM automation.events ORDER BY id LIMIT 20000;
INSERT INTO automation.entries SELECT uuid_send(md5('c' || i)::uuid), i % 100 + 1, '', 1, '', CASE WHEN i % 2 = 0 THEN now() END FROM generate_series(1, 20000) i;
INSERT INTO automation.run_counts (place_no, slot, n) SELECT place_no, 0, count(*) FROM automation.active_runs GROUP BY 1;`

// drain empties the tables of work in progress except for one row at the end of each, so
// that statistics taken afterwards describe pages that are nearly empty. refill fills
// these pages again.
const (
	drain = `
CREATE TABLE runs_then AS SELECT * FROM automation.active_runs;
CREATE TABLE pending_then AS SELECT owner, event_id, name, accepted_at FROM automation.pending;
CREATE TABLE leases_then AS SELECT * FROM automation.leases;
DELETE FROM automation.active_runs WHERE ctid <> (SELECT max(ctid) FROM automation.active_runs);
DELETE FROM automation.pending WHERE ctid <> (SELECT max(ctid) FROM automation.pending);
DELETE FROM automation.leases WHERE ctid <> (SELECT max(ctid) FROM automation.leases)`

	refill = `
INSERT INTO automation.active_runs SELECT * FROM runs_then ON CONFLICT DO NOTHING;
INSERT INTO automation.pending (owner, event_id, name, accepted_at) SELECT * FROM pending_then ON CONFLICT DO NOTHING;
INSERT INTO automation.leases SELECT * FROM leases_then ON CONFLICT DO NOTHING`
)

// hot contains the statements that run all the time or on large tables, and the indexes
// that their comments name.
var hot = []struct {
	name, sql string
	indexes   []string
}{
	{"findIDs", findIDs, []string{"contacts_pkey"}},
	{"insertExpected", insertExpected, []string{"contacts_pkey", "event_definitions_id", "event_definitions_name"}},
	{"findEmails", findEmails, []string{"contacts_email"}},
	{"findKeys", findKeys, []string{"idempotency_keys_pkey"}},
	{"contactEvents", contactEvents, []string{"active_runs_owner", "ended_runs_owner", "events_owner", "leases_pkey", "pending_owner"}},
	{"leaseDue", leaseDue, []string{"active_runs_due", "leases_pkey", "pending_accepted", "projections_pkey"}},
	{"claimedContacts", claimedContacts, []string{"contacts_pkey", "pending_owner"}},
	{"claimedEvents", claimedEvents, []string{"pending_owner"}},
	{"claimedRuns", claimedRuns, []string{"active_runs_owner", "events_pkey"}},
	{"claimedWaits", claimedWaits, []string{"active_runs_owner", "events_pkey", "listens_pkey", "pending_owner"}},
	{"claimedGathered", claimedGathered, []string{"active_runs_owner", "events_pkey"}},
	{"claimedTriggers", claimedTriggers, nil},
	{"findPending", findPending, []string{"pending_owner"}},
	{"insertDecisions", insertDecisions, []string{"active_runs_pkey", "ended_runs_pkey", "events_pkey", "leases_pkey", "pending_pkey"}},
	{"findDecisions", findDecisions, []string{"decisions_pkey"}},
	{"eraseDecisions", eraseDecisions, []string{"active_runs_owner", "decisions_pkey", "ended_runs_owner", "events_owner", "leases_pkey", "pending_owner"}},
	{"writeEntries", lockCounted + writeEntries, nil},
	{"findEntries", findEntries, []string{"entries_pkey"}},
	{"deleteEntries", deleteEntries, []string{"entries_pkey"}},
	{"deleteEntriesOf", deleteEntriesOf, []string{"entries_automation"}},
	{"deleteExpiredEntries", deleteExpiredEntries, []string{"entries_expiry", "entries_pkey"}},
	{"nextDue", nextDue, []string{"active_runs_due", "leases_pkey", "pending_accepted"}},
	{"stats", stats, []string{"active_runs_due", "active_runs_owner", "leases_pkey", "pending_accepted", "pending_owner"}},
	{"startInLease", startInLease, []string{"leases_pkey", "pending_pkey"}},
	{"updateInLease", updateInLease, []string{"leases_pkey"}},
	{"parkOwned", parkOwned, []string{"leases_pkey"}},
	{"parkExpired", parkExpired, []string{"leases_pkey"}},
	{"parkRun", parkRun, []string{"leases_pkey"}},
	{"parkOfAutomation", parkOfAutomation, []string{"leases_pkey"}},
	{"nextExpiry", nextExpiry, []string{"leases_pkey"}},
	{"endLeases", endLeases, []string{"leases_pkey"}},
	{"extendLeases", extendLeases, []string{"leases_pkey"}},
	{"renameContacts", renameContacts, []string{"contacts_pkey"}},
	{"lockContacts", lockContacts, []string{"contacts_pkey"}},
	{"currentEnded", currentEnded, []string{"ended_runs_pkey"}},
	{"currentActive", currentActive, []string{"active_runs_pkey"}},
	{"takeEvents", takeEvents, []string{"pending_pkey"}},
	{"insertSent", insertSent, []string{"active_runs_pkey", "ended_runs_pkey", "events_pkey", "leases_pkey", "pending_pkey"}},
	{"eraseEnded", eraseEnded, []string{"ended_runs_owner"}},
	{"eraseActive", eraseActive, []string{"active_runs_owner"}},
	{"findEventOwner", findEventOwner, []string{"active_runs_pkey", "ended_runs_pkey", "events_pkey", "leases_pkey", "pending_pkey"}},
	{"handleEvents", handleEvents, []string{"pending_pkey"}},
	{"updateActive", updateActive, []string{"active_runs_pkey"}},
	{"updateEnded", updateEnded, []string{"ended_runs_pkey"}},
	{"endRuns", endRuns, []string{"active_runs_pkey"}},
	{"reopenRuns", reopenRuns, []string{"ended_runs_pkey"}},
	{"writeContacts", writeContacts, []string{"contacts_pkey"}},
	{"emptyContacts", emptyContacts, []string{"contacts_pkey"}},
	{"leaveSegments", leaveSegments, []string{"contact_segments_pkey"}},
	{"cancelOwnedRuns", cancelOwnedRuns, []string{"active_runs_owner"}},
	{"cancelPage", cancelPage, []string{"active_runs_place"}},
	{"cancelIDs", cancelIDs, []string{"active_runs_pkey"}},
	{"cancelRest", cancelRest, []string{"active_runs_place"}},
	{"moveEvents", moveEvents, []string{"pending_owner"}},
	{"eraseEvents", eraseEvents, []string{"events_owner"}},
	{"findOutputs", findOutputs, []string{"run_outputs_pkey"}},
	{"deleteOutputs", deleteOutputs, []string{"run_outputs_pkey"}},
	{"findListenSets", findListenSets, nil},
	{"insertPlaces", insertPlaces, nil},
	{"findPlaces", findPlaces, nil},
	{"lockedActive", lockedActive, []string{"active_runs_pkey"}},
	{"lockedEnded", lockedEnded, []string{"ended_runs_pkey"}},
	{"insertListenSets", insertListenSets, nil},
	{"findRun", findRun, []string{"active_runs_pkey", "ended_runs_pkey", "leases_pkey"}},
	{"findRuns", findRuns, []string{"active_runs_pkey", "ended_runs_pkey", "leases_pkey"}},
	{"sumCounts", sumCounts, nil},
	{"olderRuns", olderRuns, []string{"active_runs_place", "ended_runs_place", "leases_pkey"}},
	{"newerRuns", newerRuns, []string{"active_runs_place", "ended_runs_place", "leases_pkey"}},
	{"olderEnded", olderEnded, []string{"active_runs_completed", "ended_runs_completed"}},
	{"newerEnded", newerEnded, []string{"active_runs_completed", "ended_runs_completed"}},
	{"olderWithCode", olderWithCode, []string{"active_runs_code", "ended_runs_code"}},
	{"newerWithCode", newerWithCode, []string{"active_runs_code", "ended_runs_code"}},
	{"olderEndedWithCode", olderEndedWithCode, []string{"active_runs_code_completed", "ended_runs_code_completed"}},
	{"newerEndedWithCode", newerEndedWithCode, []string{"active_runs_code_completed", "ended_runs_code_completed"}},
	{"olderEndedOwned", olderEndedOwned, []string{"active_runs_owner", "ended_runs_owner"}},
	{"olderOwned", olderOwned, []string{"active_runs_owner", "ended_runs_owner", "leases_pkey"}},
	{"findEvent", findEvent, []string{"active_runs_owner", "active_runs_pkey", "ended_runs_owner", "ended_runs_pkey", "events_pkey", "leases_pkey", "loose_events_event", "pending_pkey"}},
	{"olderEvents", olderEvents, []string{"active_runs_owner", "active_runs_pkey", "ended_runs_owner", "ended_runs_pkey", "events_pkey", "leases_pkey", "loose_events_event", "pending_pkey"}},
	{"newerEvents", newerEvents, []string{"active_runs_owner", "active_runs_pkey", "ended_runs_owner", "ended_runs_pkey", "events_pkey", "leases_pkey", "loose_events_event", "pending_pkey"}},
	{"olderOwnedEvents", olderOwnedEvents, []string{"active_runs_owner", "ended_runs_owner", "events_owner", "leases_pkey", "loose_events_event", "pending_owner"}},
	{"newerOwnedEvents", newerOwnedEvents, []string{"active_runs_owner", "ended_runs_owner", "events_owner", "leases_pkey", "loose_events_event", "pending_owner"}},
	{"olderContacts", olderContacts, []string{"contacts_no"}},
	{"olderMembers", olderMembers, []string{"contact_segments_pkey", "contacts_no"}},
	{"findContactsByID", findContactsByID, []string{"contacts_pkey"}},
	{"findContactKey", findContactKey, []string{"contacts_pkey"}},
	{"laterEmails", laterEmails, []string{"contacts_email"}},
	{"earlierEmails", earlierEmails, []string{"contacts_email"}},
	{"laterMembers", laterMembers, []string{"contact_segments_pkey", "contacts_email"}},
	{"earlierMembers", earlierMembers, []string{"contact_segments_pkey", "contacts_email"}},
	{"laterOfFew", laterOfFew, []string{"contact_segments_pkey", "contacts_no"}},
	{"earlierOfFew", earlierOfFew, []string{"contact_segments_pkey", "contacts_no"}},
	{"countFewMembers", countFewMembers, []string{"contact_segments_pkey"}},
	{"deleteEnded", deleteEnded, []string{"ended_runs_completed", "ended_runs_pkey"}},
	{"deleteEvents", deleteEvents, []string{"active_runs_owner", "decisions_pkey", "ended_runs_owner", "events_pkey", "leases_pkey"}},
	{"deleteLoose", deleteLoose, []string{"loose_events_event", "loose_events_pkey"}},
	{"projectEvents", projectEvents, []string{"active_runs_pkey", "ended_runs_pkey", "events_pkey", "leases_pkey", "pending_pkey"}},
	{"handleProjected", handleProjected, []string{"pending_pkey"}},
	{"waitingEvents", waitingEvents, []string{"pending_owner"}},
	{"waitingWorking", waitingWorking, []string{"active_runs_owner", "leases_pkey", "pending_owner"}},
	{"parkTaken", parkTaken, []string{"leases_pkey"}},
	{"endTaken", endTaken, []string{"leases_pkey"}},
	{"busyOwned", busyOwned, []string{"leases_pkey"}},
	{"takenRuns", takenRuns, []string{"active_runs_owner", "events_pkey"}},
	{"findEventKey", findEventKey, []string{"idempotency_keys_pkey"}},
	{"parkProjected", parkProjected, []string{"leases_pkey"}},
	{"removeActive", removeActive, []string{"active_runs_pkey"}},
	{"removeEnded", removeEnded, []string{"ended_runs_pkey"}},
	{"ownersSince", ownersSince, []string{"active_runs_owner", "ended_runs_owner", "events_owner", "leases_pkey", "pending_owner"}},
	{"shareContacts", shareContacts, []string{"contacts_pkey"}},
	{"dropHeld", dropHeld, []string{"leases_pkey"}},
	{"findMarks", findMarks, []string{"bulk_marks_pkey"}},
	{"deleteExpiredKeys", deleteExpiredKeys, []string{"idempotency_keys_expiry", "idempotency_keys_pkey"}},
}

func TestStatements_UseTheirIndexes(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s, err := New(pool, Options{})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	execute(t, pool, fill, `ANALYZE`)
	checkPlans(t, pool, "statistics are fresh")
	execute(t, pool, drain, `VACUUM ANALYZE automation.active_runs, automation.pending, automation.leases`, refill)
	checkPlans(t, pool, "statistics were taken when the tables were empty")
}

func execute(t *testing.T, pool *pgxpool.Pool, texts ...string) {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	for _, text := range texts {
		_, err := conn.Conn().PgConn().Exec(t.Context(), text).ReadAll()
		require.NoError(t, err)
	}
}

// checkPlans explains every statement as the store runs it.
func checkPlans(t *testing.T, pool *pgxpool.Pool, when string) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	_, err = tx.Exec(t.Context(), byIndex)
	require.NoError(t, err)
	for _, st := range hot {
		plan := explain(t, tx.Conn(), st.name, st.sql)
		assert.Equal(t, st.indexes, indexesOf(plan), "%s, when %s:\n%s", st.name, when, plan)
		assert.NotRegexp(t, bigScan, plan, "%s, when %s", st.name, when)
		if strings.HasPrefix(st.sql, atPlaces) { // lists of all contacts' runs
			assert.NotRegexp(t, groupSort, plan, "%s, when %s", st.name, when)
		}
	}
	_, err = tx.Exec(t.Context(), `DEALLOCATE ALL`)
	require.NoError(t, err)
}

var (
	indexName = regexp.MustCompile(`Index (?:Only )?Scan (?:Backward )?using (\w+)`)
	bigScan   = regexp.MustCompile(`Seq Scan on (active_runs|ended_runs|events|pending|leases|contacts|contact_segments|loose_events|idempotency_keys|run_outputs|listens|listen_sets|decisions|entries)\b`)
	// groupSort sorts a table of runs, and so reads a whole group of runs for one page.
	groupSort = regexp.MustCompile(`Sort Key: [^\n]*\n *->  Index Scan [^\n]* on (active|ended)_runs`)
	// smallTables have as many rows as people have made automations, versions and steps.
	smallTables = regexp.MustCompile(`^(automations|versions|triggers|run_counts|places|listen_sets)_`)
	parameter   = regexp.MustCompile(`\$(\d+)`)
)

// explain returns the generic plan of a statement.
func explain(t *testing.T, conn *pgx.Conn, name, sql string) string {
	t.Helper()
	parameters := 0
	for _, p := range parameter.FindAllStringSubmatch(sql, -1) {
		var n int
		_, err := fmt.Sscan(p[1], &n)
		require.NoError(t, err)
		parameters = max(parameters, n)
	}
	args := ""
	if parameters > 0 {
		args = "(" + strings.TrimSuffix(strings.Repeat("NULL, ", parameters), ", ") + ")"
	}
	_, err := conn.PgConn().Exec(t.Context(), "PREPARE "+name+" AS "+sql).ReadAll()
	require.NoError(t, err, name)
	results, err := conn.PgConn().Exec(t.Context(), "EXPLAIN EXECUTE "+name+args).ReadAll()
	require.NoError(t, err, name)
	var lines []string
	for _, row := range results[0].Rows {
		lines = append(lines, string(row[0]))
	}
	return strings.Join(lines, "\n")
}

// indexesOf returns the indexes of large tables that a plan uses, sorted.
func indexesOf(plan string) []string {
	var names []string
	for _, m := range indexName.FindAllStringSubmatch(plan, -1) {
		if !smallTables.MatchString(m[1]) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
