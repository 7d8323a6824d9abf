package world

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/seed-b636437c/automation"
)

// Ada is a user of the application.
var Ada = automation.Contact{ID: "u-ada", Email: "Ada@example.com", FirstName: "Ada"}

// Users is the application's own contact table, an automation.ContactDirectory.
type Users struct {
	// Fail, if set, returns the error of a call: "find", "create", "change" or
	// "delete". A test sets it before a Run uses the table, or inside Lock.
	Fail func(call string) error

	mu    sync.Mutex
	rows  map[string]automation.Contact
	calls []string
}

// NewUsers returns a table with these rows.
func NewUsers(rows ...automation.Contact) *Users {
	u := &Users{rows: map[string]automation.Contact{}}
	for _, c := range rows {
		u.rows[c.ID] = c
	}
	return u
}

// NewWithUsers returns a World whose contacts are in u.
func NewWithUsers(t testing.TB, u *Users, opts automation.Options) *World {
	t.Helper()
	opts.Contacts = u
	opts.Retry.Jitter = -1
	return New(t, opts)
}

// Lock calls f while no call of the table is in progress. So f may change Fail, and the
// variables that Fail reads.
func (u *Users) Lock(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f()
}

// Rows returns the rows by id.
func (u *Users) Rows() map[string]automation.Contact {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rows
}

// Edit changes a row without the Runner.
func (u *Users) Edit(id string, change func(c *automation.Contact)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.rows[id]
	change(&c)
	u.rows[id] = c
}

// Calls returns how often a call was made, by the names of Fail.
func (u *Users) Calls(call string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(u.calls), func(c string) bool { return c != call }))
}

// begin records a call, and returns the error of Fail. The caller holds u.mu.
func (u *Users) begin(call string) error {
	u.calls = append(u.calls, call)
	if u.Fail == nil {
		return nil
	}
	return u.Fail(call)
}

// FindContact implements automation.ContactDirectory.
func (u *Users) FindContact(_ context.Context, ref automation.ContactRef) (automation.Contact, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.begin("find"); err != nil {
		return automation.Contact{}, err
	}
	return u.find(ref)
}

func (u *Users) find(ref automation.ContactRef) (automation.Contact, error) {
	if c, ok := u.rows[ref.ID]; ok {
		return c.Clone(), nil
	}
	for _, c := range u.rows {
		if ref.ID == "" && automation.EmailKey(c.Email) == automation.EmailKey(ref.Email) {
			return c.Clone(), nil
		}
	}
	return automation.Contact{}, fmt.Errorf("user %s: %w", ref, automation.ErrNotFound)
}

// CreateContact implements automation.ContactDirectory.
func (u *Users) CreateContact(_ context.Context, email string) (automation.Contact, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.begin("create"); err != nil {
		return automation.Contact{}, err
	}
	if c, err := u.find(automation.ContactRef{Email: email}); err == nil {
		return c, nil
	}
	c := automation.Contact{ID: fmt.Sprintf("user-%d", len(u.rows)+1), Email: email}
	u.rows[c.ID] = c
	return c, nil
}

// UpdateContact implements automation.ContactDirectory.
func (u *Users) UpdateContact(_ context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.begin("change"); err != nil {
		return automation.Contact{}, err
	}
	c, ok := u.rows[id]
	if !ok {
		return c, automation.ErrNotFound
	}
	change.Apply(&c)
	u.rows[id] = c
	return c.Clone(), nil
}

// DeleteContact implements automation.ContactDirectory.
func (u *Users) DeleteContact(_ context.Context, id string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.begin("delete"); err != nil {
		return err
	}
	delete(u.rows, id)
	return nil
}
