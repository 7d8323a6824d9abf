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

func TestSendTo_DirectoryReadsThroughTheTransaction(t *testing.T) {
	t.Parallel()
	users := &usersOfTransactions{Users: world.NewUsers(world.Ada)}
	w := world.New(t, automation.Options{Contacts: users})
	grace := automation.Contact{ID: "u-grace", Email: "grace@example.com"}
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))

	tx := &directoryTransaction{transaction: transaction{EventWriter: w.Memory}, inserted: grace}
	receipts, err := w.SendTo(w.Ctx, tx,
		automation.Event{Name: "signup", ContactID: grace.ID}, world.Signup("Grace@example.com"), world.Signup("new@example.com"))
	require.NoError(t, err)
	require.Len(t, receipts, 3)
	assert.Equal(t, []string{grace.ID, grace.ID, ""}, []string{tx.held[0].Event.ContactID, tx.held[1].Event.ContactID, tx.held[2].Event.ContactID})

	_, err = w.SendTo(w.Ctx, &transaction{EventWriter: w.Memory}, automation.Event{Name: "signup", ContactID: grace.ID})
	require.ErrorIs(t, err, automation.ErrNotFound, "a writer that carries no transaction")
	_, err = w.Runner.Send(w.Ctx, automation.Event{Name: "signup", ContactID: grace.ID})
	require.ErrorIs(t, err, automation.ErrNotFound, "outside the transaction")
	_, err = w.Runner.Send(w.Ctx, automation.Event{Name: "signup", ContactID: world.Ada.ID})
	require.NoError(t, err)
}

// A directory that reads outside the transaction waits for a connection, or does not find what
// the transaction has inserted. Either error names the way out.
func TestSendTo_NamesTheWayOutOfADirectoryThatReadsOutsideTheTransaction(t *testing.T) {
	t.Parallel()
	users := world.NewUsers(world.Ada)
	w := world.New(t, automation.Options{Contacts: users})
	tx := &directoryTransaction{transaction: transaction{EventWriter: w.Memory}}
	const hint = "FindContact must read through the transaction if its table is in the same database: see ContactDirectory"

	event := automation.Event{Name: "signup", ContactID: "u-grace"}
	_, err := w.SendTo(w.Ctx, tx, event)
	require.ErrorIs(t, err, automation.ErrNotFound)
	require.ErrorContains(t, err, hint)

	users.Fail = func(string) error { return context.DeadlineExceeded }
	_, err = w.SendTo(w.Ctx, tx, event)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, hint)
	_, err = w.Runner.Send(w.Ctx, event)
	require.NotContains(t, err.Error(), hint, "outside a transaction")

	users.Fail = func(string) error { return world.ErrOutage }
	_, err = w.SendTo(w.Ctx, tx, event)
	require.ErrorIs(t, err, world.ErrOutage)
	require.NotContains(t, err.Error(), hint, "another reason")
}

// txKey is the key of a *directoryTransaction in a context.
type txKey struct{}

// directoryTransaction is a transaction that has inserted a contact.
type directoryTransaction struct {
	transaction
	inserted automation.Contact
}

func (tx *directoryTransaction) WithTx(ctx context.Context) context.Context {
	return context.WithValue(ctx, txKey{}, tx)
}

// usersOfTransactions is a table that reads through the transaction in the context.
type usersOfTransactions struct{ *world.Users }

func (u *usersOfTransactions) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if tx, ok := ctx.Value(txKey{}).(*directoryTransaction); ok {
		return world.NewUsers(tx.inserted).FindContact(ctx, ref)
	}
	return u.Users.FindContact(ctx, ref)
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
