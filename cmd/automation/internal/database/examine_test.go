package database

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// migrated returns a Postgres database with tables in a schema of another name.
func migrated(t *testing.T) *postgresDatabase {
	d, err := openPostgres(t.Context(), Target{URL: pgtest.URL(t), Schema: "mails"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	require.NoError(t, d.Migrate(t.Context()))
	return d
}

func (d *postgresDatabase) execute(t *testing.T, statement string) {
	t.Helper()
	_, err := d.pool.Exec(t.Context(), statement)
	require.NoError(t, err)
}

// examined returns the findings by their checks.
func examined(t *testing.T, d Database, now func() time.Time) map[string]Finding {
	t.Helper()
	all, err := d.Examine(t.Context(), now)
	require.NoError(t, err)
	byCheck := map[string]Finding{}
	for _, f := range all {
		byCheck[f.Check] = f
	}
	return byCheck
}

// alarms returns the findings that are not OK, with their states.
func alarms(all map[string]Finding) map[string]State {
	found := map[string]State{}
	for check, f := range all {
		if f.State != OK {
			found[check] = f.State
		}
	}
	return found
}

func TestExamine_Postgres(t *testing.T) {
	t.Parallel()
	d := migrated(t)
	assert.Empty(t, alarms(examined(t, d, time.Now)))

	d.execute(t, "DROP INDEX mails.active_runs_due; ALTER TABLE mails.leases SET (autovacuum_enabled = false)")
	all := examined(t, d, func() time.Time { return time.Now().Add(-10 * time.Second) })
	assert.Equal(t, map[string]State{"clock": Warning, "indexes": Problem, "autovacuum": Problem}, alarms(all))
	assert.Contains(t, all["clock"].Message, "differ by 10")
	assert.Contains(t, all["indexes"].Message, ": active_runs_due")
	assert.Contains(t, all["autovacuum"].Message, "autovacuum is off for leases")

	d.execute(t, all["indexes"].WayOut[len("drop what is left of them, and execute: "):])
	all = examined(t, d, func() time.Time { return time.Now().Add(time.Hour) })
	assert.Equal(t, map[string]State{"clock": Problem, "autovacuum": Problem}, alarms(all), "the way out leads out")
}

func TestExamine_PostgresThatRefusesWrites(t *testing.T) {
	t.Parallel()
	d := migrated(t)
	d.execute(t, "ALTER DATABASE "+d.pool.Config().ConnConfig.Database+" SET default_transaction_read_only = on")
	d.pool.Reset()
	all := examined(t, d, time.Now)
	assert.Equal(t, map[string]State{"server": Problem}, alarms(all))
	assert.Contains(t, all["server"].Message, "read-only by default")
}

func TestExamine_TransactionThatIsOpenForLong(t *testing.T) {
	t.Parallel()
	d := migrated(t)
	f, err := d.transactions(t.Context(), 0)
	require.NoError(t, err)
	assert.Equal(t, OK, f.State, "no transaction is open")

	tx, err := d.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	f, err = d.transactions(t.Context(), 0)
	require.NoError(t, err)
	assert.Equal(t, Warning, f.State)
	assert.Contains(t, f.Message, `a transaction of "automation command" (pid `)
	assert.Contains(t, f.WayOut, "SELECT pg_terminate_backend(")
}

func TestExamine_DeadRows(t *testing.T) {
	t.Parallel()
	d := migrated(t)
	d.execute(t, "INSERT INTO mails.segments (id, name) SELECT i, '' FROM generate_series(1, 100) i; DELETE FROM mails.segments; SELECT pg_stat_force_next_flush()")
	d.execute(t, "SELECT 1") // the server counts at the end of a transaction
	f, err := d.deadRows(t.Context(), 99)
	require.NoError(t, err)
	assert.Equal(t, Problem, f.State)
	assert.Contains(t, f.Message, "table segments has 100 dead rows beside 0 live ones, and was never vacuumed")
	assert.Contains(t, f.WayOut, `VACUUM "mails"."segments"`)

	d.execute(t, `VACUUM mails.segments`)
	f, err = d.deadRows(t.Context(), 99)
	require.NoError(t, err)
	assert.Equal(t, OK, f.State)
}

func openFile(t *testing.T) (*sqliteDatabase, string) {
	path := filepath.Join(t.TempDir(), "automation.db")
	store, err := sqlitefile.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	d, err := openSQLite(t.Context(), path, Write)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d, path
}

func TestExamine_SQLite(t *testing.T) {
	t.Parallel()
	d, path := openFile(t)
	assert.Empty(t, alarms(examined(t, d, time.Now)))

	_, err := d.db.Exec("DROP INDEX automation_active_runs_due; DROP INDEX automation_events_owner")
	require.NoError(t, err)
	all := examined(t, d, time.Now)
	assert.Equal(t, map[string]State{"indexes": Problem}, alarms(all))
	_, err = d.db.Exec(all["indexes"].WayOut[len("drop what is left of them, and execute: "):])
	require.NoError(t, err)
	assert.Empty(t, alarms(examined(t, d, time.Now)), "the way out leads out")

	f, err := d.log(0)
	require.NoError(t, err)
	assert.Equal(t, Warning, f.State)
	assert.Contains(t, f.Message, path+"-wal has 0 MB")
}

func TestExamine_DamagedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "automation.db")
	store, err := sqlitefile.Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	info, err := file.Stat()
	require.NoError(t, err)
	_, err = file.WriteAt(make([]byte, 8192), info.Size()-8192)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	d, err := openSQLite(t.Context(), path, Read)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	f, err := d.damage(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Problem, f.State)
	assert.Contains(t, f.Message, "the file is damaged: ")
}

func TestExamine_RollbackJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "other.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	d, err := openSQLite(t.Context(), path, Read)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	f, err := d.journal(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Problem, f.State)
	assert.Contains(t, f.Message, `the journal mode is "delete"`)
}
