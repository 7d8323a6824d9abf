package automation

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	if err := contactProblems(c).Err("contact"); err != nil {
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
	if err := changeProblems(change).Err("contact"); err != nil {
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

// CreateSegment keeps the name of a segment and returns it as it was kept. It fails
// with a *ValidationError, and with ErrConflict if there is one with its id already.
func (r *Runner) CreateSegment(ctx context.Context, s Segment) (Segment, error) {
	if err := segmentProblems(s).Err("segment"); err != nil {
		return Segment{}, err
	}
	s.CreatedAt = r.now()
	if s.ID == "" {
		s.ID = r.ids.Next(s.CreatedAt)
	}
	if err := r.store.InsertSegment(ctx, s); err != nil {
		return Segment{}, fmt.Errorf("automation: create segment: %w", err)
	}
	return s, nil
}

// GetSegment returns a segment by id, or an error wrapping ErrNotFound.
func (r *Runner) GetSegment(ctx context.Context, id string) (Segment, error) {
	s, err := r.store.FindSegment(ctx, id)
	if err != nil {
		return Segment{}, fmt.Errorf("automation: %w", err)
	}
	return s, nil
}

// DeleteSegment forgets the name of a segment. The contacts that are in it keep its
// id, so that deleting a segment of a million costs no more than one of ten.
func (r *Runner) DeleteSegment(ctx context.Context, id string) error {
	if err := r.store.DeleteSegment(ctx, id); err != nil {
		return fmt.Errorf("automation: delete segment: %w", err)
	}
	return nil
}

// ListSegments lists segments, newest first.
func (r *Runner) ListSegments(ctx context.Context, q PageQuery) (Page[Segment], error) {
	if err := q.Check(); err != nil {
		return Page[Segment]{}, err
	}
	page, err := r.store.ListSegments(ctx, q)
	if err != nil {
		return page, fmt.Errorf("automation: list segments: %w", err)
	}
	return page, nil
}
