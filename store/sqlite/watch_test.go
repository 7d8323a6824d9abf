package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// watch watches s until the test ends. It returns a channel that receives a value
// whenever there may be work, and one that receives the error of Watch.
func watch(t *testing.T, s *sqlite.Store) (woken chan struct{}, ended chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	woken, ended = make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- s.Watch(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
	}()
	<-woken // Watch has started
	return woken, ended
}

func TestWatch_WakesForAnotherProcess(t *testing.T) {
	t.Parallel()
	for _, d := range []driverName{ncruces, modernc} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store.db")
			one, other := sqlite.New(d.open(t, path)), sqlite.New(d.open(t, path))
			require.NoError(t, one.Migrate(t.Context()))
			id := contacts(t, one, 1)[0]
			woken, _ := watch(t, other)
			_, err := one.AppendEvents(t.Context(), []automation.NewEvent{event(1, id)})
			require.NoError(t, err)
			<-woken
		})
	}
}

func TestWatch_WakesForATransactionOfTheApplication(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	woken, _ := watch(t, s)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = automation.Send(t.Context(), s.Tx(tx), automation.Event{Name: "user.created", Email: "ada@example.com"})
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	<-woken
}

func TestWatch_Ends(t *testing.T) {
	t.Parallel()
	t.Run("with its context", func(t *testing.T) {
		t.Parallel()
		s, _ := fresh(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Watch(ctx, cancel)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("with the store", func(t *testing.T) {
		t.Parallel()
		s, _ := fresh(t)
		_, ended := watch(t, s)
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-ended, automation.ErrClosed)
	})
	t.Run("at once on a single connection", func(t *testing.T) {
		t.Parallel()
		s, db := fresh(t)
		db.SetMaxOpenConns(1)
		require.ErrorIs(t, s.Watch(t.Context(), nil), errors.ErrUnsupported)
	})
}
