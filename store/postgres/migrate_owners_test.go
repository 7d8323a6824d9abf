package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

// oldOwners inserts the rows of three contacts as they were before migration 3: one with
// a UUID, one with another id, and an email that belongs to no contact.
const oldOwners = `
INSERT INTO automation.automations (id, name, status, event_name, version, revision) VALUES ('welcome', 'Welcome', 'enabled', 'order.placed', 1, 1);
INSERT INTO automation.versions SELECT no, 1, '{}' FROM automation.automations;
INSERT INTO automation.events (id, owner, email, name, accepted_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000001', '0195a3c0-7d00-7fff-bfff-ffffffffffff', NULL, 'order.placed', '2026-03-01 12:00:01Z'),
	('0195a3c0-7d00-7000-8000-000000000002', '=customer 7', NULL, 'order.placed', '2026-03-01 12:00:02Z'),
	('0195a3c0-7d00-7000-8000-000000000003', '@ada@example.com', 'Ada@example.com', 'order.placed', '2026-03-01 12:00:03Z');
INSERT INTO automation.pending (owner, event_id, accepted_at) SELECT owner, id, accepted_at FROM automation.events;
INSERT INTO automation.leases VALUES ('0195a3c0-7d00-7fff-bfff-ffffffffffff', nextval('automation.tokens'), '2026-03-01 12:01:00Z');
INSERT INTO automation.active_runs (id, automation_no, version, owner, event_name, status, setbacks, step, wait_event, created_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000011', 1, 1, '0195a3c0-7d00-7fff-bfff-ffffffffffff', 'order.placed', 0, 0, 'wait', 'order.placed', '2026-03-01 12:00:00Z');
INSERT INTO automation.ended_runs (id, automation_no, version, owner, event_name, status, setbacks, step, created_at, completed_at) VALUES
	('0195a3c0-7d00-7000-8000-000000000012', 1, 1, '=customer 7', 'order.placed', 1, 0, 'end', '2026-03-01 12:00:00Z', '2026-03-01 12:00:00Z');
INSERT INTO automation.run_counts VALUES (1, 1, 0, 'wait', 0, 1), (1, 1, 1, 'end', 0, 1);`

// migratedFrom returns a store whose tables were filled at an older migration, and then
// migrated.
func migratedFrom(t *testing.T, number int, fill string) (*postgres.Store, *pgxpool.Pool) {
	t.Helper()
	pool := newPool(t, pgtest.URL(t), nil)
	all, err := postgres.Migrations("")
	require.NoError(t, err)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	for _, m := range all[:number] {
		_, err = conn.Conn().PgConn().Exec(t.Context(), m.SQL).ReadAll()
		require.NoError(t, err)
	}
	_, err = conn.Conn().PgConn().Exec(t.Context(), fill).ReadAll()
	require.NoError(t, err)
	conn.Release()
	s := newStore(t, pool, postgres.Options{})
	_, err = s.NextDue(t.Context())
	require.ErrorIs(t, err, automation.ErrSchema)
	require.NoError(t, s.Migrate(t.Context()))
	return s, pool
}

var (
	byUUID  = automation.ContactRef{ID: "0195a3c0-7d00-7fff-bfff-ffffffffffff"}
	byID    = automation.ContactRef{ID: "customer 7"}
	byEmail = automation.ContactRef{Email: "ada@example.com"}
)

func TestMigrate_RowsWithLongOwnersAreFound(t *testing.T) {
	t.Parallel()
	s, pool := migratedFrom(t, 2, oldOwners)
	for run, contact := range map[string]automation.ContactRef{
		"0195a3c0-7d00-7000-8000-000000000011": byUUID, "0195a3c0-7d00-7000-8000-000000000012": byID,
	} {
		found, err := s.FindRun(t.Context(), run)
		require.NoError(t, err)
		assert.Equal(t, contact.ID, found.ContactID)
		page, err := s.ListRuns(t.Context(), automation.RunQuery{ContactID: contact.ID, PageQuery: automation.PageQuery{Limit: 10}})
		require.NoError(t, err)
		require.Len(t, page.Data, 1)
		assert.Equal(t, run, page.Data[0].ID)
		events, err := s.ListContactEvents(t.Context(), contact.ID, "order.placed", noon)
		require.NoError(t, err)
		assert.Len(t, events, 1)
	}
	var owners []string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT array_agg(owner ORDER BY id) FROM automation.runs`).Scan(&owners))
	assert.Equal(t, []string{byUUID.ID, "=customer 7"}, owners)
}

func TestMigrate_WorkOfLongOwnersGoesOn(t *testing.T) {
	t.Parallel()
	s, _ := migratedFrom(t, 2, oldOwners)
	p := automation.ClaimParams{Now: noon.Add(30 * time.Second), Lease: time.Hour, Limit: 10, Events: 10, Runs: 10}
	works, err := s.Claim(t.Context(), p)
	require.NoError(t, err)
	require.Len(t, works, 2, "the other one is leased")
	assert.Equal(t, []automation.ContactRef{byID, byEmail}, []automation.ContactRef{works[0].Key, works[1].Key})
	assert.Equal(t, "Ada@example.com", works[1].Events[0].Email)

	p.Now = noon.Add(time.Minute)
	works, err = s.Claim(t.Context(), p)
	require.NoError(t, err)
	require.Len(t, works, 1, "its lease has expired")
	assert.Equal(t, byUUID, works[0].Key)
	assert.Len(t, works[0].Events, 1)
	require.Len(t, works[0].Runs, 1, "it waits for the event")
	assert.Equal(t, "0195a3c0-7d00-7000-8000-000000000011", works[0].Runs[0].ID)
}

// The functions of the schema are for people with an SQL prompt.
func TestMigrations_FunctionsNameOwners(t *testing.T) {
	t.Parallel()
	_, pool := migrated(t)
	for _, c := range []struct{ contact, shown string }{
		{byUUID.ID, byUUID.ID},
		{"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
		{byID.ID, "=customer 7"},
		{"0195A3C0-7D00-7FFF-BFFF-FFFFFFFFFFFF", "=0195A3C0-7D00-7FFF-BFFF-FFFFFFFFFFFF"},
	} {
		var shown string
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT automation.contact_of(automation.owner_of($1))`, c.contact).Scan(&shown))
		assert.Equal(t, c.shown, shown)
	}
	var shown string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT automation.contact_of('+@ada@example.com')`).Scan(&shown))
	assert.Equal(t, "@ada@example.com", shown)
}
