package automationtest

import (
	"context"
	"errors"

	"github.com/seed-b636437c/automation"
)

// AddContact creates a contact, for flows that read what it has, and returns it
// with its id. It is for contacts in the store; with Options.Runner.Contacts
// add them to the host's table.
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

// UpdateContact changes the contact with this email, as the application does,
// between two steps of its runs.
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

// Unsubscribe makes the contact with this email get no emails any more.
func (h *Harness) Unsubscribe(email string) {
	h.t.Helper()
	yes := true
	h.UpdateContact(email, automation.ContactChange{Unsubscribed: &yes})
}

// DeleteContact deletes the contact with this email, as the application does.
// Its runs in progress are cancelled: at once for contacts in the store, when
// they are next due for the host's own. Ask for them by the same email.
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

// meet remembers that a contact has this email: its runs can be asked for by it
// also when the contact is gone or has changed its address.
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
