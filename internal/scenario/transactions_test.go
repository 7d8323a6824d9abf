package scenario_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestSendTo_TakesEffectWithTheTransaction(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	tx := &transaction{EventWriter: w.Memory}
	receipts, err := w.SendTo(w.Ctx, tx, world.Signup("ada@example.com"))
	require.NoError(t, err)
	w.Drain()
	assert.Empty(t, w.Sent())
	require.NoError(t, tx.commit(w.Ctx))
	w.Drain()
	assert.Equal(t, []string{"hello"}, w.Sent())
	assert.Equal(t, receipts[0].ID, w.Run().EventID)

	_, err = w.SendTo(w.Ctx, tx, world.Signup("no-address"))
	require.ErrorIs(t, err, automation.ErrInvalid)
	assert.Empty(t, tx.held)
}

func TestPackageSend_NeedsAWriterOnly(t *testing.T) {
	t.Parallel()
	store := memory.New()
	w := world.New(t, automation.Options{Clock: automation.SystemClock()})
	w.Memory, w.Runner = store, w.On(store, w.Opts)
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	_, err := w.CreateEventDefinition(w.Ctx, automation.EventDefinition{Name: "signup", Schema: json.RawMessage(`{"plan":"string"}`)})
	require.NoError(t, err)

	e := world.Signup("ada@example.com")
	e.IdempotencyKey = "once"
	before := time.Now().Truncate(time.Microsecond)
	receipts, err := automation.Send(w.Ctx, store, e, e)
	require.NoError(t, err)
	assert.True(t, receipts[1].Duplicate)
	kept, err := w.GetEvent(w.Ctx, receipts[0].ID)
	require.NoError(t, err)
	assert.False(t, kept.AcceptedAt.Before(before))
	w.Drain()
	assert.Equal(t, []string{"hello"}, w.Sent())

	e.Payload = json.RawMessage(`{"plan":[]}`)
	_, err = automation.Send(w.Ctx, store, e)
	assert.Equal(t, []string{"payload.plan"}, world.Paths(world.Problems(t, err)))
	_, err = automation.Send(w.Ctx, store, automation.Event{Name: "x", ContactID: "nope"})
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

// transaction is an EventWriter that holds events back until commit.
type transaction struct {
	automation.EventWriter
	held []automation.NewEvent
}

func (tx *transaction) AppendEvents(_ context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	tx.held = append(tx.held, events...)
	receipts := make([]automation.EventReceipt, len(events))
	for i, e := range events {
		receipts[i].ID = e.Event.ID
	}
	return receipts, nil
}

func (tx *transaction) commit(ctx context.Context) error {
	if tx.held == nil {
		return errors.New("nothing to commit")
	}
	_, err := tx.EventWriter.AppendEvents(ctx, tx.held)
	tx.held = nil
	return err
}
