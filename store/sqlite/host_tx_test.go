package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

func TestTx_EventsExistAfterItsCommit(t *testing.T) {
	t.Parallel()
	for _, d := range []driverName{ncruces, modernc} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			db := d.open(t, filepath.Join(t.TempDir(), "store.db"))
			s := sqlite.New(db)
			require.NoError(t, s.Migrate(t.Context()))
			id := contacts(t, s, 1)[0]
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			receipts, err := automation.Send(t.Context(), s.Tx(tx), automation.Event{Name: "user.created", ContactID: id})
			require.NoError(t, err)
			_, err = s.FindEvent(t.Context(), receipts[0].ID)
			require.ErrorIs(t, err, automation.ErrNotFound)
			require.NoError(t, tx.Commit())
			e, err := s.FindEvent(t.Context(), receipts[0].ID)
			require.NoError(t, err)
			assert.Equal(t, id, e.ContactID)
		})
	}
}

func TestTx_NoEventExistsAfterItsRollback(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	e := event(1, contacts(t, s, 1)[0])
	e.Event.IdempotencyKey, e.ContentHash, e.KeyExpiresAt = "key", "hash", now.AddDate(0, 0, 1)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = s.Tx(tx).AppendEvents(t.Context(), []automation.NewEvent{e})
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	assert.Zero(t, claimed(t, s))
	receipts, err := s.AppendEvents(t.Context(), []automation.NewEvent{e})
	require.NoError(t, err)
	assert.Equal(t, []automation.EventReceipt{{ID: e.Event.ID}}, receipts)
}

// TestTx_OnTheOnlyConnection sends an event as the first call of a store, in a
// transaction that holds the only connection.
func TestTx_OnTheOnlyConnection(t *testing.T) {
	t.Parallel()
	_, db := fresh(t)
	db.SetMaxOpenConns(1)
	s := sqlite.New(db)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = automation.Send(t.Context(), s.Tx(tx), automation.Event{Name: "user.created", Email: "ada@example.com"})
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	p := everything()
	p.Now = now.AddDate(1000, 0, 0)
	works, err := s.Claim(t.Context(), p)
	require.NoError(t, err)
	assert.Len(t, works, 1)
}

func TestTx_RefusedEventsLeaveItUsable(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	id := contacts(t, s, 1)[0]
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	w := s.Tx(tx)
	_, err = w.AppendEvents(t.Context(), []automation.NewEvent{event(1, id), event(2, "unknown")})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.AppendEvents(t.Context(), []automation.NewEvent{event(3, id), event(3, id)})
	require.ErrorIs(t, err, automation.ErrConflict)
	_, err = w.AppendEvents(t.Context(), []automation.NewEvent{event(4, id)})
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	works, err := s.Claim(t.Context(), everything())
	require.NoError(t, err)
	require.Len(t, works, 1)
	require.Len(t, works[0].Events, 1)
	assert.Equal(t, event(4, id).Event.ID, works[0].Events[0].ID)
}

func TestTx_SeesTheDefinitionsOfItsTransaction(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	require.NoError(t, s.InsertEventDefinition(t.Context(), automation.EventDefinition{ID: uuid(1), Name: "user.created"}))
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	d, err := s.Tx(tx).FindEventDefinition(t.Context(), "user.created")
	require.NoError(t, err)
	assert.Equal(t, uuid(1), d.ID)
	_, err = s.Tx(tx).FindEventDefinition(t.Context(), "another")
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestTx_OfAClosedStore(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	require.NoError(t, s.Close())
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	_, err = s.Tx(tx).AppendEvents(t.Context(), []automation.NewEvent{event(1, "c")})
	require.ErrorIs(t, err, automation.ErrClosed)
	require.NoError(t, db.PingContext(t.Context()), "the database stays the application's")
}

// TestTx_DoesNotWaitForClose closes the store while a call waits for the only connection,
// which a transaction of the application holds. The transaction would never end if its
// calls waited for Close.
func TestTx_DoesNotWaitForClose(t *testing.T) {
	t.Parallel()
	_, db := fresh(t)
	db.SetMaxOpenConns(1)
	s := sqlite.New(db)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	waiting, closed, used := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		_, err := s.FindEvent(ctx, uuid(1))
		waiting <- err
	}()
	for db.Stats().WaitCount == 0 {
		runtime.Gosched()
	}
	go func() { closed <- s.Close() }()
	go func() {
		err := automation.ErrNotFound
		for errors.Is(err, automation.ErrNotFound) { // until Close has begun
			_, err = s.Tx(tx).FindEventDefinition(ctx, "user.created")
		}
		used <- err
	}()
	require.ErrorIs(t, <-used, automation.ErrClosed)
	require.NoError(t, ctx.Err(), "the call in the transaction waited for another call")
	require.NoError(t, tx.Rollback())
	require.ErrorIs(t, <-waiting, automation.ErrNotFound)
	require.NoError(t, <-closed)
}
