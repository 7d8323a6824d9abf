package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

// watch starts Watch. woken receives a value for each call of wake, and returned the error
// of Watch.
func watch(t *testing.T, s *postgres.Store) (woken chan struct{}, stop func(), returned chan error) {
	ctx, cancel := context.WithCancel(t.Context())
	woken, returned = make(chan struct{}, 100), make(chan error, 1)
	go func() { returned <- s.Watch(ctx, func() { woken <- struct{}{} }) }()
	return woken, cancel, returned
}

func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		require.FailNow(t, "nothing has come: "+what)
		panic("unreachable")
	}
}

func TestWatch_WakesForWorkOfAnotherProcess(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	ctx := t.Context()
	other := newStore(t, newPool(t, url, nil), postgres.Options{})
	require.NoError(t, other.Migrate(ctx))
	woken, stop, returned := watch(t, newStore(t, newPool(t, url, nil), postgres.Options{}))
	defer stop()
	receive(t, woken, "the first call, for what was there before")

	require.NoError(t, other.InsertContact(ctx, automation.Contact{ID: "ada", Email: "ada@example.com"}))
	mail := order(1, "")
	mail.Event.ContactID, mail.Event.Email = "", "bob@example.com"
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"an event", func() error {
			_, err := other.AppendEvents(ctx, []automation.NewEvent{order(2, ""), mail})
			return err
		}},
		{"a contact with events", func() error {
			return other.InsertContact(ctx, automation.Contact{ID: "bob", Email: "bob@example.com"})
		}},
		{"a contact that was deleted", func() error { return other.DeleteContact(ctx, "bob", time.Now()) }},
		{"an automation that was deleted", func() error {
			if err := other.InsertAutomation(ctx, automation.AutomationRecord{ID: "a", Revision: 1}); err != nil {
				return err
			}
			return other.DeleteAutomation(ctx, "a", time.Now())
		}},
	} {
		require.NoError(t, step.do())
		receive(t, woken, step.what)
	}
	assert.Empty(t, woken, "nothing more has happened")
	stop()
	assert.ErrorIs(t, receive(t, returned, "the end"), context.Canceled)
}

func TestWatch_EndsWhenTheStoreIsClosed(t *testing.T) {
	t.Parallel()
	s := newStore(t, newPool(t, pgtest.URL(t), nil), postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	woken, stop, returned := watch(t, s)
	defer stop()
	receive(t, woken, "the first call")
	require.NoError(t, s.Close())
	assert.ErrorIs(t, receive(t, returned, "the end"), automation.ErrClosed)
}

func TestWatch_FailsWithALostConnection(t *testing.T) {
	t.Parallel()
	pool := newPool(t, pgtest.URL(t), nil)
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	woken, stop, returned := watch(t, s)
	defer stop()
	receive(t, woken, "the first call")
	execute(t, pool, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
	assert.Error(t, receive(t, returned, "the end"))
}

func TestWatch_IsUnsupportedWithPollOnly(t *testing.T) {
	t.Parallel()
	s := newStore(t, newPool(t, pgtest.URL(t), nil), postgres.Options{PollOnly: true})
	assert.ErrorIs(t, s.Watch(t.Context(), func() {}), errors.ErrUnsupported)
}
