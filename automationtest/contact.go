package automationtest

import (
	"context"
	"errors"

	"github.com/seed-b636437c/automation"
)

// AddContact creates a contact in the store, for flows that read its fields, and returns
// the contact with its id. With Options.Runner.Contacts the test fails: add contacts to
// the host's table instead.
func (h *Harness) AddContact(c automation.Contact) automation.Contact {
	h.t.Helper()
	c, err := h.Runner.CreateContact(context.Background(), c)
	h.must("", err)
	h.meet(c)
	h.timeline.Observe(&automation.ContactCreated{At: h.Clock.Now(), Contact: c})
	return c
}

// Contact returns the contact with this email as it is now. The test fails at
// once if there is none.
func (h *Harness) Contact(email string) automation.Contact {
	h.t.Helper()
	c, err := h.find(email)
	h.must("", err)
	return c
}

// AssertNoContact checks that there is no contact with this email.
func (h *Harness) AssertNoContact(email string) {
	h.t.Helper()
	c, err := h.find(email)
	if err == nil {
		h.t.Errorf("contact %s exists, with id %s", email, c.ID)
	} else if !errors.Is(err, automation.ErrNotFound) {
		h.must("", err)
	}
}

// UpdateContact changes the contact with this email, as the application does, between two
// steps of its runs. The test fails at once if there is no such contact.
func (h *Harness) UpdateContact(email string, change automation.ContactChange) {
	h.t.Helper()
	c := h.Contact(email)
	h.meet(c)
	var err error
	if h.contacts != nil {
		c, err = h.contacts.UpdateContact(context.Background(), c.ID, change)
	} else {
		c, err = h.Runner.UpdateContact(context.Background(), c.ID, change)
	}
	h.must("", err)
	h.timeline.Observe(&automation.ContactChanged{At: h.Clock.Now(), ContactID: c.ID, Change: change})
	h.meet(c)
}

// Unsubscribe unsubscribes the contact with this email, whose emails are skipped from now
// on. The test fails at once if there is no such contact.
func (h *Harness) Unsubscribe(email string) {
	h.t.Helper()
	yes := true
	h.UpdateContact(email, automation.ContactChange{Unsubscribed: &yes})
}

// DeleteContact deletes the contact with this email, as the application does. The runs in
// progress of a contact in the store are cancelled at once, and those of a contact in the
// host's own table when they are next due. Runs still finds these runs by the same email.
// The test fails at once if there is no such contact.
func (h *Harness) DeleteContact(email string) {
	h.t.Helper()
	c := h.Contact(email)
	h.meet(c)
	var err error
	if h.contacts != nil {
		err = h.contacts.DeleteContact(context.Background(), c.ID)
	} else {
		err = h.Runner.DeleteContact(context.Background(), c.ID)
	}
	h.must("", err)
	h.timeline.Observe(&automation.ContactDeleted{At: h.Clock.Now(), ContactID: c.ID})
	h.drain()
}

func (h *Harness) find(email string) (automation.Contact, error) {
	ref := automation.ContactRef{Email: email}
	if h.contacts != nil {
		return h.contacts.FindContact(context.Background(), ref)
	}
	return h.Runner.GetContact(context.Background(), ref)
}

// meet remembers the id of the contact with this email, so that Runs finds the runs of the
// contact also after the contact is deleted or has another address.
func (h *Harness) meet(c automation.Contact) {
	h.timeline.Name(c.ID, c.Email)
	key := automation.EmailKey(c.Email)
	for _, id := range h.people[key] {
		if id == c.ID {
			return
		}
	}
	h.people[key] = append(h.people[key], c.ID)
}
