package automation

import (
	"context"
	"fmt"
)

// CreateContactProperty keeps the definition of a property in the Store, also if contacts
// live in a ContactDirectory, and returns the definition as stored. It ignores p.ID. Emails
// contain the fallback at once if this Runner sends them, and within a second if another
// one does.
//
// CreateContactProperty fails with a *ValidationError that lists all invalid fields, and
// with ErrConflict if the key has a definition.
func (r *Runner) CreateContactProperty(ctx context.Context, p ContactProperty) (ContactProperty, error) {
	if err := contactPropertyProblems(p).Err("contact property"); err != nil {
		return ContactProperty{}, err
	}
	p.CreatedAt = r.now()
	p.ID, p.Fallback = r.ids.Next(p.CreatedAt), ValueOf(p.Fallback).Literal()
	if err := r.store.InsertContactProperty(ctx, p); err != nil {
		return ContactProperty{}, fmt.Errorf("automation: create contact property: %w", err)
	}
	r.properties.forget()
	return p, nil
}

// GetContactProperty returns the definition with this id or key, or an error that wraps
// ErrNotFound.
func (r *Runner) GetContactProperty(ctx context.Context, idOrKey string) (ContactProperty, error) {
	p, err := r.store.FindContactProperty(ctx, idOrKey)
	if err != nil {
		return ContactProperty{}, fmt.Errorf("automation: %w", err)
	}
	return p, nil
}

// UpdateContactProperty replaces the fallback of the definition with this id or key, and
// returns the changed definition. A nil fallback removes it. UpdateContactProperty fails
// with a *ValidationError if the fallback is not of the property's type, and with
// ErrNotFound.
func (r *Runner) UpdateContactProperty(ctx context.Context, idOrKey string, fallback any) (ContactProperty, error) {
	p, err := r.GetContactProperty(ctx, idOrKey)
	if err != nil {
		return ContactProperty{}, err
	}
	p.Fallback = fallback
	if err := contactPropertyProblems(p).Err("contact property"); err != nil {
		return ContactProperty{}, err
	}
	p.Fallback = ValueOf(fallback).Literal()
	if err := r.store.UpdateContactProperty(ctx, p); err != nil {
		return ContactProperty{}, fmt.Errorf("automation: update contact property: %w", err)
	}
	r.properties.forget()
	return p, nil
}

// DeleteContactProperty deletes the definition with this id or key, or fails with
// ErrNotFound. Contacts keep their values, so the cost does not depend on how many
// contacts there are.
func (r *Runner) DeleteContactProperty(ctx context.Context, idOrKey string) error {
	p, err := r.GetContactProperty(ctx, idOrKey)
	if err != nil {
		return err
	}
	if err := r.store.DeleteContactProperty(ctx, p.ID); err != nil {
		return fmt.Errorf("automation: delete contact property: %w", err)
	}
	r.properties.forget()
	return nil
}

// ListContactProperties lists definitions, newest first. It fails with a *ValidationError
// if the page is invalid, and with ErrNotFound if the cursor is not the id of a definition.
func (r *Runner) ListContactProperties(ctx context.Context, q PageQuery) (Page[ContactProperty], error) {
	if err := q.Check(); err != nil {
		return Page[ContactProperty]{}, err
	}
	page, err := r.store.ListContactProperties(ctx, q)
	if err != nil {
		return page, fmt.Errorf("automation: list contact properties: %w", err)
	}
	return page, nil
}

// validateContact returns a *ValidationError with the problems, and with those of values
// that are not of the type of their property.
func (r *Runner) validateContact(ctx context.Context, problems Problems, values map[string]any) error {
	if len(values) > 0 {
		defined, err := r.definedProperties(ctx)
		if err != nil {
			return fmt.Errorf("automation: %w", err)
		}
		problems = append(problems, defined.problems(values)...)
	}
	return problems.Err("contact")
}
