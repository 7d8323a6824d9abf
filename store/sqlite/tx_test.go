package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// TestWrite_OnAFullDisk keeps the file from growing, and then lets it grow again.
func TestWrite_OnAFullDisk(t *testing.T) {
	t.Parallel()
	for _, d := range []driverName{ncruces, modernc} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			db := d.open(t, filepath.Join(t.TempDir(), "store.db"))
			db.SetMaxOpenConns(1) // the limit is a setting of the connection
			s := sqlite.New(db)
			require.NoError(t, s.Migrate(t.Context()))
			id := contacts(t, s, 1)[0]
			run := start(t, s, id)
			limit(t, db, 0)
			big := event(2, id)
			big.Event.Payload = []byte(`{"text":"` + strings.Repeat("x", 1<<20) + `"}`)
			_, err := s.AppendEvents(t.Context(), []automation.NewEvent{event(3, id), big})
			require.ErrorContains(t, err, "full")
			for _, id := range []string{big.Event.ID, event(3, id).Event.ID} {
				_, err = s.FindEvent(t.Context(), id)
				require.ErrorIs(t, err, automation.ErrNotFound)
			}
			_, err = s.FindRun(t.Context(), run)
			require.NoError(t, err)
			limit(t, db, 1<<20)
			_, err = s.AppendEvents(t.Context(), []automation.NewEvent{big})
			require.NoError(t, err)
			assert.Equal(t, 1, claimed(t, s))
		})
	}
}

// limit sets how many pages the file may have; 0 is as many as it has now.
func limit(t *testing.T, db *sql.DB, pages int) {
	t.Helper()
	var is int
	require.NoError(t, db.QueryRow(fmt.Sprintf("PRAGMA max_page_count = %d", max(pages, 1))).Scan(&is))
}

// TestWrite_ABadCallFailsAlone makes calls that share transactions. The store refuses
// some of them, and the database refuses one.
func TestWrite_ABadCallFailsAlone(t *testing.T) {
	t.Parallel()
	const writers = 24
	s, db := fresh(t)
	_, err := db.Exec(`CREATE TRIGGER no_bombs BEFORE INSERT ON automation_pending WHEN new.name = 'bomb'
		BEGIN SELECT raise(ABORT, 'bomb'); END`)
	require.NoError(t, err)
	id := contacts(t, s, 1)[0]
	errs := make([]error, writers)
	release := occupy(t, db)
	var wg sync.WaitGroup
	for i := range writers {
		e := event(i, id)
		switch {
		case i%4 == 1:
			e.Event.ContactID = "unknown"
		case i == 10:
			e.Event.Name = "bomb"
		}
		wg.Go(func() { _, errs[i] = s.AppendEvents(context.Background(), []automation.NewEvent{e}) })
	}
	release()
	wg.Wait()
	for i, err := range errs {
		switch {
		case i%4 == 1:
			assert.ErrorIs(t, err, automation.ErrNotFound)
		case i == 10:
			assert.ErrorContains(t, err, "bomb")
		default:
			assert.NoError(t, err)
			_, err := s.FindEvent(t.Context(), event(i, id).Event.ID)
			assert.NoError(t, err)
		}
	}
}

// occupy takes the lock for writing.
func occupy(t *testing.T, db *sql.DB) (release func()) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.Exec("UPDATE automation_tokens SET last_fence = last_fence")
	require.NoError(t, err)
	return func() { require.NoError(t, tx.Rollback()) }
}

// TestWrite_WhileAnotherConnectionHoldsTheLock waits for as long as a Store waits.
func TestWrite_WhileAnotherConnectionHoldsTheLock(t *testing.T) {
	t.Parallel()
	s, db := fresh(t, "busy_timeout(1)")
	id := contacts(t, s, 1)[0]
	release := occupy(t, db)
	began := time.Now()
	_, err := s.AppendEvents(t.Context(), []automation.NewEvent{event(1, id)})
	require.Error(t, err)
	assert.GreaterOrEqual(t, time.Since(began), 4*time.Second)
	_, err = s.FindEvent(t.Context(), event(1, id).Event.ID)
	require.ErrorIs(t, err, automation.ErrNotFound)
	release()
	_, err = s.AppendEvents(t.Context(), []automation.NewEvent{event(1, id)})
	require.NoError(t, err)
}

func TestWrite_RestoresTheSettingsOfConnections(t *testing.T) {
	t.Parallel()
	s, db := fresh(t, "busy_timeout(7)", "synchronous(off)")
	db.SetMaxOpenConns(1)
	contacts(t, s, 2)
	for pragma, want := range map[string]int{"busy_timeout": 7, "synchronous": 0} {
		var is int
		require.NoError(t, db.QueryRow("PRAGMA "+pragma).Scan(&is))
		assert.Equal(t, want, is, pragma)
	}
}

func TestWrite_APanicIsNoSuccess(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	id := contacts(t, s, 1)[0]
	change := automation.ContactChange{Properties: map[string]any{"x": panicker{}}}
	assert.Panics(t, func() { _, _ = s.UpdateContact(context.Background(), id, change) })
	c, err := s.FindContact(t.Context(), automation.ContactRef{ID: id})
	require.NoError(t, err, "the store goes on")
	assert.Empty(t, c.Properties)
	first := "Ada"
	_, err = s.UpdateContact(t.Context(), id, automation.ContactChange{FirstName: &first})
	require.NoError(t, err)
}

// panicker cannot be encoded.
type panicker struct{}

func (panicker) MarshalJSON() ([]byte, error) { panic("cannot be encoded") }
