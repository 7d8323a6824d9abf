package automation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestDrain_DoesWhatBecomesDueByDoingIt(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("first", "signup", mailing("hello")))
	r.create(linear("second", "order", mailing("thanks")))
	r.mailer.Respond = func(ctx context.Context, e automation.Email) error {
		if e.TemplateID != "hello" {
			return nil
		}
		_, err := r.Send(ctx, automation.Event{Name: "order", Email: e.To})
		return err
	}
	r.send(signup("ada@example.com"))
	assert.Positive(t, r.drain())
	assert.Equal(t, []string{"hello", "thanks"}, r.sent())
	assert.Zero(t, r.drain(), "nothing is left")
}

func TestDrain_CountsEventsAndSteps(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	r.create(linear("welcome", "signup", delaying("rest", "1 day"), mailing("hello")))
	r.send(automation.Event{Name: "nothing", ContactID: "ada"})
	assert.Equal(t, 1, r.drain())
	r.send(automation.Event{Name: "signup", ContactID: "ada"})
	assert.Equal(t, 2, r.drain(), "the event, and the run on to its delay")
	r.clock.Add(24 * time.Hour)
	assert.Equal(t, 2, r.drain(), "the run on to its email, and to its end")
}

func TestDrain_PerformsEffectsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	busy := 0 // without a lock: the race detector looks on
	r.mailer.Respond = func(context.Context, automation.Email) error {
		busy++
		defer func() { busy-- }()
		assert.Equal(t, 1, busy)
		return nil
	}
	for i := range 3 {
		r.create(linear(fmt.Sprint(i), "signup", mailing("hello")))
	}
	r.send(signups(50)...)
	r.drain()
	assert.Len(t, r.sent(), 150)
}

func TestDrain_LeavesWhatAnotherHasLeased(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{Lease: time.Minute})
	r.create(linear("welcome", "signup", mailing("hello")))
	c := r.contact(automation.Contact{Email: "ada@example.com"})
	r.send(automation.Event{Name: "signup", ContactID: c.ID}, signup("bob@example.com"))
	_, err := r.store.Claim(r.ctx, automation.ClaimParams{
		Now: start, Lease: time.Minute, Limit: 1, Events: 1, Runs: 1, Contact: automation.ContactRef{ID: c.ID},
	})
	require.NoError(t, err)
	r.drain()
	require.Len(t, r.mailer.Emails(), 1)
	assert.Equal(t, "bob@example.com", r.mailer.Emails()[0].To)
	r.pass(time.Minute)
	assert.Len(t, r.mailer.Emails(), 2, "the lease has ended")
}

func TestDrain_ReturnsTheStoresError(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	store := &broken{Store: r.store}
	r.Runner = r.on(store, r.opts)
	r.create(linear("welcome", "signup", mailing("hello"), mailing("tips")))
	r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	r.mailer.Respond = func(context.Context, automation.Email) error {
		store.down.Store(true)
		return nil
	}
	r.send(automation.Event{Name: "signup", ContactID: "ada"})
	n, err := r.Drain(r.ctx)
	require.ErrorIs(t, err, errOutage)
	assert.Equal(t, 2, n)
	assert.Equal(t, "hello", r.run().Step, "what was committed before stays")

	store.down.Store(false)
	r.mailer.Respond = nil
	r.pass(time.Minute)
	assert.Equal(t, automation.RunCompleted, r.run().Status)
	assert.Equal(t, []string{"hello", "tips"}, r.sent(), "the key of the first is honoured")
}

func TestDrain_StopsWithItsContext(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	ctx, cancel := context.WithCancel(r.ctx)
	r.mailer.Respond = func(context.Context, automation.Email) error {
		cancel()
		return nil
	}
	r.create(linear("welcome", "signup", mailing("hello"), mailing("tips")))
	r.send(signup("ada@example.com"))
	_, err := r.Drain(ctx)
	require.ErrorIs(t, err, context.Canceled)
	run := r.run()
	assert.Equal(t, automation.StepCompleted, stepRun(t, run, "hello").Status, "what was done is recorded")
	assert.Equal(t, "tips", run.Step)

	r.drain() // nothing is left leased
	assert.Equal(t, automation.RunCompleted, r.run().Status)
	assert.Empty(t, stepRun(t, r.run(), "tips").Attempts)
}

// A task waits for the effects of all tasks before it, however long they take.
func TestDrain_RenewsTheLeasesOfWhatHasToWait(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{Lease: time.Minute})
	other := r.on(r.store, r.opts)
	r.create(linear("welcome", "signup", mailing("hello")))
	var to []string
	r.mailer.Respond = func(ctx context.Context, e automation.Email) error {
		to = append(to, e.To)
		r.clock.Add(45 * time.Second)
		n, err := other.Drain(ctx)
		assert.Zero(t, n, "nobody else may work on what this one holds")
		return err
	}
	for _, e := range signups(5) {
		r.contact(automation.Contact{Email: e.Email})
	}
	r.send(signups(5)...)
	r.drain()
	assert.Len(t, to, 5, "each once")
	for _, run := range r.runs() {
		assert.Equal(t, automation.RunCompleted, run.Status)
	}
}
