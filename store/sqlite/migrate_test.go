package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

func TestMigrate_ForgottenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := sqlite.New(ncruces.open(t, filepath.Join(t.TempDir(), "store.db")))
	_, err := s.Claim(t.Context(), everything())
	require.ErrorIs(t, err, automation.ErrSchema)
	assert.ErrorContains(t, err, "call Migrate")
	require.ErrorIs(t, s.InsertContact(t.Context(), automation.Contact{ID: "c", Email: "c@example.com"}), automation.ErrSchema)
	require.NoError(t, s.Migrate(t.Context()))
	contacts(t, s, 1)
}

func TestMigrate_AtOnce(t *testing.T) {
	t.Parallel()
	for _, d := range []driverName{ncruces, modernc} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store.db")
			require.NoError(t, d.open(t, path).Ping()) // the file is in WAL mode
			var wg sync.WaitGroup
			for range 6 {
				s := sqlite.New(d.open(t, path))
				wg.Go(func() { assert.NoError(t, s.Migrate(t.Context())) })
			}
			wg.Wait()
			var applied int
			require.NoError(t, d.open(t, path).QueryRow("SELECT count(*) FROM automation_migrations").Scan(&applied))
			assert.Equal(t, len(sqlite.Migrations()), applied)
		})
	}
}

func TestMigrations_CanBeAppliedByHand(t *testing.T) {
	t.Parallel()
	db := modernc.open(t, filepath.Join(t.TempDir(), "store.db"))
	for i, m := range sqlite.Migrations() {
		assert.Equal(t, i+1, m.Number)
		assert.NotEmpty(t, m.Name)
		_, err := db.Exec(m.SQL)
		require.NoError(t, err)
	}
	s := sqlite.New(db)
	contacts(t, s, 1)
	require.NoError(t, s.Migrate(t.Context()), "nothing is left to do")
}

func TestMigrate_AllOrNothing(t *testing.T) {
	t.Parallel()
	db := ncruces.open(t, filepath.Join(t.TempDir(), "store.db"))
	_, err := db.Exec("CREATE TABLE automation_leases (of TEXT)")
	require.NoError(t, err)
	s := sqlite.New(db)
	require.Error(t, s.Migrate(t.Context()))
	var tables int
	require.NoError(t, db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'automation%'").Scan(&tables))
	assert.Equal(t, 1, tables)
	_, err = db.Exec("DROP TABLE automation_leases")
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
}

func TestMigrate_TablesOfANewerRelease(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		floor int
		want  error
	}{
		"that this one can work with":    {1, nil},
		"that this one cannot work with": {99, automation.ErrSchema},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, db := fresh(t)
			_, err := db.Exec("INSERT INTO automation_migrations (number, name, floor, applied_at) VALUES (99, 'future', ?, 0)", tt.floor)
			require.NoError(t, err)
			s := sqlite.New(db)
			_, err = s.NextDue(t.Context())
			require.ErrorIs(t, err, tt.want)
			require.ErrorIs(t, s.Migrate(t.Context()), tt.want)
		})
	}
}

func TestMigrate_RefusesARollbackJournal(t *testing.T) {
	t.Parallel()
	db := ncruces.open(t, filepath.Join(t.TempDir(), "store.db"), "journal_mode(delete)")
	assert.ErrorContains(t, sqlite.New(db).Migrate(t.Context()), "PRAGMA journal_mode = wal")
}

func TestMigrate_InMemory(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	s := sqlite.New(db)
	require.NoError(t, s.Migrate(t.Context()))
	contacts(t, s, 1)
}

// TestRuns_AreReadable looks at the view that is for people.
func TestRuns_AreReadable(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	id := contacts(t, s, 1)[0]
	run := start(t, s, id)
	var got [7]string
	require.NoError(t, db.QueryRow(`SELECT id, automation_id, contact_id, event_name, status, step, due_at FROM automation_runs`).
		Scan(&got[0], &got[1], &got[2], &got[3], &got[4], &got[5], &got[6]))
	assert.Equal(t, [7]string{run, "welcome", id, "user.created", "running", "first", "2026-03-01T13:00:00.000Z"}, got)
}
