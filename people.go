package automation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// errHostContacts is returned by what a Runner cannot do with contacts that live in
// the host's own table.
var errHostContacts = fmt.Errorf("automation: contacts live in the host's own table: %w", errors.ErrUnsupported)

// CreateContact keeps a contact in the Store and returns it as it was kept. Its
// ID is made if it is empty; a segment that is named twice is kept once. Invalid
// fields fail with a *ValidationError that lists them, an email that belongs to
// a contact already with ErrConflict. With Options.Contacts the error wraps
// errors.ErrUnsupported, here and in DeleteContact and ListContacts.
func (r *Runner) CreateContact(ctx context.Context, c Contact) (Contact, error) {
	if r.opts.Contacts != nil {
		return Contact{}, errHostContacts
	}
	if err := checkContact(c).Err("contact"); err != nil {
		return Contact{}, err
	}
	c = c.Clone()
	c.Segments = distinct(c.Segments)
	maps.DeleteFunc(c.Properties, func(_ string, v any) bool { return v == nil })
	c.CreatedAt = r.now()
	if c.ID == "" {
		c.ID = r.ids.Next(c.CreatedAt)
	}
	if err := r.store.InsertContact(ctx, c); err != nil {
		return Contact{}, fmt.Errorf("automation: create contact: %w", err)
	}
	return c, nil
}

// GetContact returns a contact by id or email, or an error wrapping ErrNotFound.
// With Options.Contacts it is asked.
func (r *Runner) GetContact(ctx context.Context, ref ContactRef) (Contact, error) {
	find := r.store.FindContact
	if r.opts.Contacts != nil {
		find = r.opts.Contacts.FindContact
	}
	c, err := find(ctx, ref)
	if err != nil {
		return Contact{}, fmt.Errorf("automation: %w", err)
	}
	return c, nil
}

// UpdateContact changes a contact and returns it as it is then. Its runs see
// the change from their next step on. It fails with a *ValidationError like
// CreateContact, with ErrNotFound, and with ErrConflict if the new email belongs
// to another contact. With Options.Contacts the contact is changed there.
func (r *Runner) UpdateContact(ctx context.Context, id string, change ContactChange) (Contact, error) {
	if err := checkChange(change).Err("contact"); err != nil {
		return Contact{}, err
	}
	apply := r.store.UpdateContact
	if r.opts.Contacts != nil {
		apply = r.opts.Contacts.UpdateContact
	}
	c, err := apply(ctx, id, change)
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
	if err := q.Check(); err != nil {
		return Page[Contact]{}, err
	}
	page, err := r.store.ListContacts(ctx, q)
	if err != nil {
		return page, fmt.Errorf("automation: list contacts: %w", err)
	}
	return page, nil
}

// checkContact returns what is wrong with the fields of a new contact.
func checkContact(c Contact) Problems {
	var check contactCheck
	check.id("id", c.ID)
	check.email(c.Email)
	check.name("first_name", c.FirstName)
	check.name("last_name", c.LastName)
	check.properties(c.Properties)
	check.segments("segments", c.Segments)
	return check.problems
}

// checkChange returns what is wrong with the fields that a change sets.
func checkChange(ch ContactChange) Problems {
	var check contactCheck
	if ch.Email != nil {
		check.email(*ch.Email)
	}
	if ch.FirstName != nil {
		check.name("first_name", *ch.FirstName)
	}
	if ch.LastName != nil {
		check.name("last_name", *ch.LastName)
	}
	check.properties(ch.Properties)
	check.segments("add_segments", ch.AddSegments)
	check.segments("remove_segments", ch.RemoveSegments)
	return check.problems
}

// contactCheck collects what is wrong with the fields of a contact.
type contactCheck struct{ problems Problems }

// add adds a problem, unless there is none.
func (c *contactCheck) add(code Code, path, flaw string) {
	if flaw != "" {
		c.problems.Add(code, path, "%s", flaw)
	}
}

func (c *contactCheck) id(path, id string) { c.add(CodeInvalidContact, path, checkID(id)) }

func (c *contactCheck) email(email string) { c.add(CodeInvalidEmail, "email", checkEmail(email)) }

// name refuses line breaks: a name stands before the address in a header.
func (c *contactCheck) name(path, name string) {
	if strings.ContainsAny(name, "\r\n") {
		c.add(CodeUnsafeHeader, path, "must not contain line breaks")
		return
	}
	c.add(CodeInvalidContact, path, textFlaw(name))
}

func (c *contactCheck) properties(properties map[string]any) {
	for _, name := range sortedKeys(properties) {
		c.add(CodeInvalidContact, jsondoc.PathTo("properties", name), propertyFlaw(properties[name]))
	}
}

func (c *contactCheck) segments(path string, ids []string) {
	for i, id := range ids {
		at := fmt.Sprintf("%s[%d]", path, i)
		if id == "" {
			c.add(CodeInvalidContact, at, "must not be empty")
			continue
		}
		c.id(at, id)
	}
}

// propertyFlaw returns what is wrong with the value of a property, or "". A
// Value is refused although ValueOf takes it: it belongs into steps, where
// references are resolved.
func propertyFlaw(property any) string {
	v := ValueOf(property)
	if _, ok := property.(Value); ok {
		v = Value{kind: valueInvalid, text: "an automation.Value"}
	}
	if v.kind == valueInvalid {
		return fmt.Sprintf("a property cannot be %s: use a string, a finite number, a boolean or nil", v.text)
	}
	if err := v.err(); err != nil {
		return err.Error()
	}
	return ""
}

// distinct returns ids without those that come a second time.
func distinct(ids []string) []string {
	var once []string
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			once = append(once, id)
		}
		seen[id] = true
	}
	return once
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
	return &Contact{ID: r.ids.Next(now), Email: email, CreatedAt: now}
}
