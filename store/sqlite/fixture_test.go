package sqlite_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// driverName is one of the drivers that the store is tested with. A process must not
// open a file with both of them: each would drop locks of the other.
type driverName string

const (
	ncruces driverName = "ncruces"
	modernc driverName = "modernc"
)

// open opens a file, and closes it at the end of the test. Every connection executes the
// pragmas.
func (d driverName) open(tb testing.TB, path string, pragmas ...string) *sql.DB {
	tb.Helper()
	name := "file:" + path + "?_txlock=immediate&_pragma=busy_timeout(60000)&_pragma=journal_mode(wal)"
	for _, p := range pragmas {
		name += "&_pragma=" + p
	}
	var db *sql.DB
	var err error
	if d == ncruces {
		db, err = driver.Open(name)
	} else {
		db, err = sql.Open("sqlite", name)
	}
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}

// fresh returns a store on a new file, and its database.
func fresh(tb testing.TB, pragmas ...string) (*sqlite.Store, *sql.DB) {
	tb.Helper()
	db := ncruces.open(tb, filepath.Join(tb.TempDir(), "store.db"), pragmas...)
	s := sqlite.New(db)
	require.NoError(tb, s.Migrate(tb.Context()))
	return s, db
}

// contacts inserts contacts, and returns their ids.
func contacts(tb testing.TB, s *sqlite.Store, n int) []string {
	tb.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid(i)
		c := automation.Contact{ID: ids[i], Email: fmt.Sprintf("c%d@example.com", i), CreatedAt: now}
		require.NoError(tb, s.InsertContact(tb.Context(), c))
	}
	return ids
}

// now is the time of the tests.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func uuid(n int) string { return fmt.Sprintf("0195a3c0-7d00-7000-8000-%012x", n) }

// event returns an event for a contact, with an id made of n.
func event(n int, contact string) automation.NewEvent {
	return automation.NewEvent{Event: automation.Event{
		ID: uuid(1000 + n), Name: "user.created", ContactID: contact, OccurredAt: now, AcceptedAt: now,
	}}
}

// everything claims all that is due.
func everything() automation.ClaimParams {
	return automation.ClaimParams{Now: now, Lease: time.Minute, Limit: 100, Events: 100, Runs: 100}
}

// claimed claims all that is due now, and returns how many contacts that are.
func claimed(tb testing.TB, s automation.Store) int {
	tb.Helper()
	works, err := s.Claim(tb.Context(), everything())
	require.NoError(tb, err)
	return len(works)
}

// start starts a run of the contact that sleeps for an hour, and returns its id.
func start(tb testing.TB, s *sqlite.Store, contact string) string {
	tb.Helper()
	require.NoError(tb, s.InsertAutomation(tb.Context(), automation.AutomationRecord{
		ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled, EventName: "user.created", Version: 1, Revision: 1,
		CreatedAt: now, UpdatedAt: now,
	}))
	e := event(0, contact)
	_, err := s.AppendEvents(tb.Context(), []automation.NewEvent{e})
	require.NoError(tb, err)
	works, err := s.Claim(tb.Context(), everything())
	require.NoError(tb, err)
	require.Len(tb, works, 1)
	run := automation.RunRecord{
		ID: uuid(2000), AutomationID: "welcome", Version: 1, ContactID: contact, EventID: e.Event.ID, EventName: e.Event.Name,
		Status: automation.RunRunning, Step: "first", DueAt: now.Add(time.Hour), CreatedAt: now,
	}
	results, err := s.Commit(tb.Context(), []automation.Transition{{
		Key: works[0].Key, Token: works[0].Token, Now: now, Release: true,
		Handled: []automation.HandledEvent{{ID: e.Event.ID}}, Runs: []automation.RunChange{{RunRecord: run, New: true}},
	}})
	require.NoError(tb, err)
	require.NoError(tb, results[0].Err)
	return run.ID
}
