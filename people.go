package automation

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// errHostContacts is returned by the contact methods of a Runner whose
// contacts live in the host's own table.
var errHostContacts = fmt.Errorf("automation: contacts live in the host's own table: %w", errors.ErrUnsupported)

// CreateContact keeps a contact in the Store and returns it as it was kept. Its
// ID is made if it is empty. An email that belongs to a contact already fails
// with ErrConflict. With Options.Contacts the error wraps errors.ErrUnsupported,
// here and in the other methods about contacts.
func (r *Runner) CreateContact(ctx context.Context, c Contact) (Contact, error) {
	if r.opts.Contacts != nil {
		return Contact{}, errHostContacts
	}
	if ps := checkContact(ContactChange{Email: &c.Email, FirstName: &c.FirstName, LastName: &c.LastName, Properties: c.Properties}); ps != nil {
		return Contact{}, ps.Err("contact")
	}
	c = c.Clone()
	c.CreatedAt = r.now()
	if c.ID == "" {
		c.ID = r.ids.next(c.CreatedAt)
	}
	if err := r.store.InsertContact(ctx, c); err != nil {
		return Contact{}, fmt.Errorf("automation: create contact: %w", err)
	}
	return c, nil
}

// GetContact returns a contact by id or email, or an error wrapping ErrNotFound.
func (r *Runner) GetContact(ctx context.Context, ref ContactRef) (Contact, error) {
	if r.opts.Contacts != nil {
		return Contact{}, errHostContacts
	}
	c, err := r.store.FindContact(ctx, ref)
	if err != nil {
		return Contact{}, fmt.Errorf("automation: %w", err)
	}
	return c, nil
}

// UpdateContact changes a contact and returns it as it is then. Its runs see
// the change from their next step on.
func (r *Runner) UpdateContact(ctx context.Context, id string, change ContactChange) (Contact, error) {
	if r.opts.Contacts != nil {
		return Contact{}, errHostContacts
	}
	if ps := checkContact(change); ps != nil {
		return Contact{}, ps.Err("contact")
	}
	c, err := r.store.ChangeContact(ctx, id, change)
	if err != nil {
		return Contact{}, fmt.Errorf("automation: update contact: %w", err)
	}
	return c, nil
}

// DeleteContact deletes a contact for good and cancels its runs in progress. A
// contact made later with the same email does not revive them.
func (r *Runner) DeleteContact(ctx context.Context, id string) error {
	if r.opts.Contacts != nil {
		return errHostContacts
	}
	if err := r.store.DeleteContact(ctx, id, r.now()); err != nil {
		return fmt.Errorf("automation: delete contact: %w", err)
	}
	r.wake()
	return nil
}

// ListContacts lists contacts, newest first.
func (r *Runner) ListContacts(ctx context.Context, q ContactQuery) (Page[Contact], error) {
	if r.opts.Contacts != nil {
		return Page[Contact]{}, errHostContacts
	}
	if err := q.check(); err != nil {
		return Page[Contact]{}, err
	}
	page, err := r.store.ListContacts(ctx, q)
	if err != nil {
		return page, fmt.Errorf("automation: list contacts: %w", err)
	}
	return page, nil
}

// checkContact reports what is wrong with the fields of a contact.
func checkContact(c ContactChange) Problems {
	var ps Problems
	add := func(code Code, path, message string) {
		ps = append(ps, Problem{Severity: SeverityError, Code: code, Path: path, Message: message})
	}
	if c.Email != nil {
		if message := checkEmail(*c.Email); message != "" {
			add(CodeInvalidEmail, "email", message)
		}
	}
	line := func(path string, text *string) {
		if text != nil && strings.ContainsAny(*text, "\r\n") {
			add(CodeUnsafeHeader, path, "must not contain line breaks")
		}
	}
	line("first_name", c.FirstName)
	line("last_name", c.LastName)
	for _, name := range sortedKeys(c.Properties) {
		if v := ValueOf(c.Properties[name]); v.err() != nil {
			add(CodeInvalidContact, "properties."+name, v.err().Error())
		}
	}
	return ps
}

// findContact looks a contact up where contacts live. A panic of the host's
// counts as an error: it must not end the process that runs everything else.
func (r *Runner) findContact(ctx context.Context, ref ContactRef) (c Contact, err error) {
	if r.opts.Contacts == nil {
		ctx, cancel := context.WithTimeout(ctx, r.opts.StoreTimeout)
		defer cancel()
		return r.store.FindContact(ctx, ref)
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.EffectTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = panicError(p)
		}
	}()
	return r.opts.Contacts.FindContact(ctx, ref)
}

// newContact is the contact that an event for an unknown email makes.
func (r *Runner) newContact(email string) *Contact {
	now := r.now()
	return &Contact{ID: r.ids.next(now), Email: email, CreatedAt: now}
}
