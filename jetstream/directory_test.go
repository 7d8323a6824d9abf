package jetstream_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/store/memory"
)

// directory is a table of contacts of the host, which can be down.
type directory struct {
	contacts *memory.Store
	down     atomic.Bool
	asked    atomic.Int64 // while it was down
}

var errDirectoryDown = errors.New("the table of contacts is down")

func (d *directory) check() error {
	if d.down.Load() {
		d.asked.Add(1)
		return errDirectoryDown
	}
	return nil
}

func (d *directory) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if err := d.check(); err != nil {
		return automation.Contact{}, err
	}
	return d.contacts.FindContact(ctx, ref)
}

func (d *directory) CreateContact(ctx context.Context, email string) (automation.Contact, error) {
	if err := d.check(); err != nil {
		return automation.Contact{}, err
	}
	c := automation.Contact{ID: "customer " + email, Email: email, CreatedAt: time.Now()}
	err := d.contacts.InsertContact(ctx, c)
	if errors.Is(err, automation.ErrConflict) {
		return d.contacts.FindContact(ctx, automation.ContactRef{Email: email})
	}
	return c, err
}

func (d *directory) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	return d.contacts.UpdateContact(ctx, id, change)
}

func (d *directory) DeleteContact(ctx context.Context, id string) error {
	return d.contacts.DeleteContact(ctx, id, time.Now())
}

// The events of a transaction wait under an email until the host's table has a contact for it, which
// may live in another partition.
func TestSendTo_OfAnEmailThatTheHostMakesAContactFor(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	people := &directory{contacts: memory.New()}
	store, _ := a.onEngine()
	runner := a.runner(store, func(o *automation.Options) { o.Contacts = people })
	a.work(store, runner)
	_, err := runner.CreateAutomation(t.Context(), line("welcome", "signup", email("hello")))
	require.NoError(t, err)
	emails := []string{"ada@example.com", "bob@example.com", "cleo@example.com", "dora@example.com"}
	for _, to := range emails {
		a.inTx(runner, pgx.Tx.Commit, numbered("ping", to, 1), numbered("signup", to, 2), numbered("ping", to, 3))
	}
	a.ended(runner, "welcome", automation.RunCompleted, len(emails))
	for _, to := range emails {
		assert.Equal(t, 1, a.mailer.of(to, "hello"))
		a.eventually(func() bool {
			page, err := runner.ListEvents(t.Context(), automation.EventQuery{Contact: automation.ContactRef{ID: "customer " + to}})
			require.NoError(t, err)
			for _, e := range page.Data {
				if e.Status != automation.EventStatusHandled {
					return false
				}
			}
			return len(page.Data) == 3 // the first one is that of the email
		}, "the events of %s are handled", to)
	}
}

// A contact that cannot be read is set aside with its events, and goes back with them.
func TestLeave_GivesBackWhatCouldNotBePlanned(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	people := &directory{contacts: memory.New()}
	contact, err := people.CreateContact(t.Context(), "ada@example.com")
	require.NoError(t, err)
	withPeople := func(o *automation.Options) { o.Contacts = people }
	store, _ := a.onEngine()
	runner := a.runner(store, withPeople)
	worker := a.work(store, runner)
	_, err = runner.CreateAutomation(t.Context(), line("welcome", "signup", email("hello")))
	require.NoError(t, err)
	event := automation.Event{Name: "signup", ContactID: contact.ID, IdempotencyKey: "once"}
	people.down.Store(true)
	_, err = runner.Send(t.Context(), event)
	require.ErrorIs(t, err, errDirectoryDown)
	sent := people.asked.Load()
	people.down.Store(false)
	_, err = runner.Send(t.Context(), automation.Event{Name: "ping", ContactID: contact.ID})
	require.NoError(t, err)
	a.sendWhileDown(store, people, event)
	a.eventually(func() bool { return people.asked.Load() > sent }, "the turn could not be planned")
	require.NoError(t, store.Leave(t.Context(), nil))
	require.ErrorIs(t, worker.wait(), jetstream.ErrLeft)
	people.down.Store(false)
	old := a.runner(a.database(), withPeople)
	a.start(old.Run)
	a.ended(old, "welcome", automation.RunCompleted, 1)
	receipts, err := old.Send(t.Context(), event)
	require.NoError(t, err)
	assert.True(t, receipts[0].Duplicate, "its idempotency key goes back, too")
	assert.Equal(t, 1, a.mailer.of("ada@example.com", "hello"))
}

// sendWhileDown sends an event from a process that still reads the table, while the workers cannot.
func (a *application) sendWhileDown(store *jetstream.Store, people *directory, e automation.Event) {
	a.t.Helper()
	healthy := &directory{contacts: people.contacts}
	sender := a.runner(store, func(o *automation.Options) { o.Contacts = healthy })
	people.down.Store(true)
	_, err := sender.Send(a.t.Context(), e)
	require.NoError(a.t, err)
}

// In a rolling deploy, an operator may start an automation with a process that is not replaced yet.
func TestMove_AChangeOfAnAutomationInTheCatalogCounts(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	store, runner := a.onEngine()
	a.work(store, runner)
	require.NoError(t, store.Move(t.Context(), nil))
	_, err := a.runner(a.database()).CreateAutomation(t.Context(), line("welcome", "signup", email("hello")))
	require.NoError(t, err)
	a.eventually(func() bool {
		_, err := runner.Send(t.Context(), automation.Event{Name: "signup", Email: "ada@example.com"})
		require.NoError(t, err)
		return a.mailer.of("ada@example.com", "hello") > 0
	}, "a run starts")
}
