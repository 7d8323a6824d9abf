package automationtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
)

func TestContact_HasTheChangesOfTheFlow(t *testing.T) {
	t.Parallel()
	h := setup(t)
	added := h.AddContact(automation.Contact{Email: ada, FirstName: "Ada"})
	h.Send("user.created", ada, map[string]any{"plan": "pro"})
	h.Send("setup.completed", ada, nil)
	c := h.Contact(ada)
	assert.Equal(t, added.ID, c.ID)
	assert.Equal(t, "Ada", c.FirstName)
	assert.Equal(t, []string{"customers"}, c.Segments)
}

func TestUnsubscribe_SkipsEmails(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.Send("user.created", ada, nil)
	h.Unsubscribe(ada)
	h.AdvanceToEnd()
	h.AssertEmails(ada, "welcome")
	h.Run(ada, "Welcome").AssertPath("start", "welcome", "wait", "nudge")
	h.Run(ada, "Welcome").AssertStep("nudge", automation.StepSkipped)
	assert.Contains(t, h.Timeline(), "skipped: unsubscribed")
}

func TestDeleteContact_CancelsRunsThatCanStillBeRead(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.Send("user.created", ada, nil)
	h.DeleteContact(ada)
	h.AssertNoContact(ada)
	h.Run(ada, "Welcome").AssertStatus(automation.RunCancelled)
	assert.Contains(t, h.Timeline(), "contact  deleted")
}

func TestAssertNoContact_ReportsTheContact(t *testing.T) {
	t.Parallel()
	h, log := reporting(t)
	h.AssertNoContact(ada)
	assert.Empty(t, log.String())
	c := h.AddContact(automation.Contact{Email: ada})
	h.AssertNoContact(ada)
	assert.Equal(t, "error: contact ada@example.com exists, with id "+c.ID+"\n", log.String())
}

func TestUpdateContact_FollowsTheAddress(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.Send("user.created", ada, nil)
	email := "ada@lovelace.example"
	h.UpdateContact(ada, automation.ContactChange{Email: &email})
	h.AdvanceToEnd()
	h.AssertEmails(ada, "welcome")
	h.AssertEmails(email, "nudge")
	assert.Equal(t, h.Run(ada, "Welcome").ID, h.Run(email, "Welcome").ID)
}

func TestHarness_UsesTheHostsContacts(t *testing.T) {
	t.Parallel()
	table := &users{byID: map[string]automation.Contact{"7": {ID: "7", Email: ada}}}
	opts := automationtest.Options{Runner: automation.Options{Contacts: table}}
	h := automationtest.New(t, opts, automationtest.Load(t, "testdata/welcome.json", nil))

	h.Send("user.created", ada, nil)
	h.Run(ada, "Welcome").AssertWaiting("wait")
	assert.Contains(t, h.Timeline(), "   "+ada+"\n  event    user.created")
	h.Unsubscribe(ada)
	assert.True(t, table.byID["7"].Unsubscribed)

	h.DeleteContact(ada)
	h.AssertNoContact(ada)
	require.Empty(t, table.byID)
	h.AdvanceToEnd()
	h.Run(ada, "Welcome").AssertStatus(automation.RunCancelled)
}

// users is the contact table of a host.
type users struct {
	byID map[string]automation.Contact
}

func (u *users) FindContact(_ context.Context, ref automation.ContactRef) (automation.Contact, error) {
	for _, c := range u.byID {
		if c.ID == ref.ID || ref.Email != "" && automation.EmailKey(c.Email) == automation.EmailKey(ref.Email) {
			return c, nil
		}
	}
	return automation.Contact{}, fmt.Errorf("user %s: %w", ref, automation.ErrNotFound)
}

func (u *users) CreateContact(context.Context, string) (automation.Contact, error) {
	return automation.Contact{}, fmt.Errorf("this table is read-only: %w", automation.ErrConflict)
}

func (u *users) UpdateContact(_ context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	c := u.byID[id]
	change.Apply(&c)
	u.byID[id] = c
	return c, nil
}

func (u *users) DeleteContact(_ context.Context, id string) error {
	delete(u.byID, id)
	return nil
}
