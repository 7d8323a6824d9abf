package postgres

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
)

// startMany gives one contact 3,000 pending events and 3,000 runs that wait for another
// event, as in the middle of the work on 6,000 events that each start such a run. The runs
// stand at a hundred steps, and what they listen to differs from step to step. A second
// contact has one of these runs, and one event that it waits for.
const startMany = `
INSERT INTO automation.automations (id, name, status, event_names, version, revision) VALUES ('a', 'a', 'enabled', '{started}', 1, 1);
INSERT INTO automation.events (id, owner, name, accepted_at)
SELECT md5('e' || i)::uuid, '=ada'::bytea, 'started', now() FROM generate_series(1, 3000) i;
INSERT INTO automation.pending (event_id, owner, name, accepted_at)
SELECT md5('p' || i)::uuid, '=ada'::bytea, 'started', now() FROM generate_series(1, 3000) i;
INSERT INTO automation.places (automation_id, version, status, step, event_name) VALUES ('a', 1, 0, 'wait', 'started');
INSERT INTO automation.active_runs (id, place_no, owner, event_id, listen_no, due_at, created_at)
SELECT id, 1, owner, id, row_number() OVER () % 100 + 1, now() + interval '30 days', now()
FROM automation.events ORDER BY id DESC LIMIT 3000;
INSERT INTO automation.listen_sets (digest, names) SELECT sha256(('s' || i)::bytea), '["awaited","exit' || i || '"]' FROM generate_series(1, 100) i;
INSERT INTO automation.listens SELECT name, no FROM automation.listen_sets, json_array_elements_text(names::json) name;
INSERT INTO automation.pending (event_id, owner, name, accepted_at) VALUES (md5('ben')::uuid, '=ben', 'awaited', now());
INSERT INTO automation.active_runs (id, place_no, owner, listen_no, created_at)
VALUES (md5('ben')::uuid, 1, '=ben', (SELECT max(no) FROM automation.listen_sets), now());`

// claims are the statements that a claim runs, with arguments for contact ada.
var claims = []struct{ name, sql, args string }{
	{"leaseDue", leaseDue, `now(), 100, now() + interval '1 minute', 'engine/'`},
	{"claimedContacts", claimedContacts, `ARRAY['ada']`},
	{"claimedEvents", claimedEvents, `ARRAY['=ada'::bytea], 256`},
	{"claimedRuns", claimedRuns, `ARRAY['=ada'::bytea], now(), 1024`},
	{"claimedWaits", claimedWaits, `ARRAY['=ada'::bytea], 256`},
	{"claimedGathered", claimedGathered, `ARRAY['=ada'::bytea], ARRAY['a']`},
}

// TestClaim_OfAContactWithManyRunsReadsEachRowOnce makes plans while the tables are empty
// and without statistics, and uses them right after a bulk start.
func TestClaim_OfAContactWithManyRunsReadsEachRowOnce(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s, err := New(pool, Options{})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	_, err = tx.Exec(t.Context(), byIndex)
	require.NoError(t, err)
	for _, c := range claims {
		_, err := tx.Conn().PgConn().Exec(t.Context(), "PREPARE "+c.name+" AS "+c.sql).ReadAll()
		require.NoError(t, err, c.name)
		measure(t, tx.Conn(), c.name, c.args)
	}
	_, err = tx.Conn().PgConn().Exec(t.Context(), startMany).ReadAll()
	require.NoError(t, err)
	for _, c := range claims {
		plan, text := measure(t, tx.Conn(), c.name, c.args)
		assert.Less(t, plan.rows(), 40_000.0, "%s reads more than it should of 6,000 rows:\n%s", c.name, text)
	}
	plan, text := measure(t, tx.Conn(), "claimedWaits", `ARRAY['=ben'::bytea], 256`)
	assert.Less(t, plan.rows(), 1_000.0, "an event costs a look-up for each of the hundred sets with its name:\n%s", text)
	assert.InDelta(t, 1, plan.Rows, 0, "its run")
	_, err = tx.Exec(t.Context(), `DEALLOCATE ALL`)
	require.NoError(t, err)
}

// node is a node of a plan that was executed.
type node struct {
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Joined  float64 `json:"Rows Removed by Join Filter"`
	Plans   []node
}

// rows returns how many rows the nodes of the plan have returned or removed.
func (n node) rows() float64 {
	total := (n.Rows + n.Removed + n.Joined) * n.Loops
	for _, child := range n.Plans {
		total += child.rows()
	}
	return total
}

// measure executes a prepared statement, and returns its plan.
func measure(t *testing.T, conn *pgx.Conn, name, args string) (plan node, text string) {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), fmt.Sprintf("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE %s(%s)", name, args)).ReadAll()
	require.NoError(t, err, name)
	raw := results[0].Rows[0][0]
	var plans []struct{ Plan node }
	require.NoError(t, json.Unmarshal(raw, &plans))
	return plans[0].Plan, string(raw)
}
