package automation

import (
	"context"
	"fmt"
	"maps"
)

// CreateContact keeps a contact in the Store and returns it as stored. If ID is empty,
// the Runner makes one. A segment that c contains twice is stored once.
//
// CreateContact fails with a *ValidationError that lists all invalid fields, and with
// ErrConflict if the id or the email belongs to another contact. A property is invalid if
// its ContactProperty defines another type. With Options.Contacts the error wraps
// errors.ErrUnsupported.
func (r *Runner) CreateContact(ctx context.Context, c Contact) (Contact, error) {
	if r.opts.Contacts != nil {
		return Contact{}, fmt.Errorf("automation: create contact: %w", errHostContacts)
	}
	if err := r.validateContact(ctx, contactProblems(c), c.Properties); err != nil {
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

// GetContact returns the contact with an id or an email, or an error that wraps
// ErrNotFound. With Options.Contacts it returns the contact in the contact directory.
func (r *Runner) GetContact(ctx context.Context, ref ContactRef) (Contact, error) {
	c, err := r.contacts.FindContact(ctx, ref)
	if err != nil {
		return Contact{}, fmt.Errorf("automation: %w", err)
	}
	return c, nil
}

// GetContacts returns the contacts with these ids, by id, such as the contacts of a page of
// runs. It leaves out ids that no contact has. It fails with a *ValidationError if there
// are more than 1,000 different ids. With Options.Contacts it returns the contacts in the
// contact directory, all at once if the directory is a ContactBatchFinder.
func (r *Runner) GetContacts(ctx context.Context, ids []string) (map[string]Contact, error) {
	ids, err := contactIDs(ids)
	if err != nil {
		return nil, err
	}
	contacts := make(map[string]Contact, len(ids))
	if len(ids) == 0 {
		return contacts, nil
	}
	found, err := r.contacts.FindContacts(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("automation: get contacts: %w", err)
	}
	for _, c := range found {
		contacts[c.ID] = c
	}
	return contacts, nil
}

// UpdateContact changes a contact and returns the changed contact. The contact's runs
// read the change from their next step on. With Options.Contacts it changes the contact
// in the contact directory.
//
// UpdateContact fails with a *ValidationError that lists all invalid fields, with
// ErrNotFound, and with ErrConflict if another contact has the new email. A property is
// invalid if its ContactProperty defines another type.
func (r *Runner) UpdateContact(ctx context.Context, id string, change ContactChange) (Contact, error) {
	if err := r.validateContact(ctx, changeProblems(change), change.Properties); err != nil {
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

// DeleteContact deletes a contact for good and cancels its runs in progress. A later
// contact with the same email does not revive them. It fails with ErrNotFound. With
// Options.Contacts the error wraps errors.ErrUnsupported.
func (r *Runner) DeleteContact(ctx context.Context, id string) error {
	if r.opts.Contacts != nil {
		return fmt.Errorf("automation: delete contact: %w", errHostContacts)
	}
	if err := r.store.DeleteContact(ctx, id, r.now()); err != nil {
		return fmt.Errorf("automation: delete contact: %w", err)
	}
	r.wake()
	return nil
}

// ListContacts lists contacts in the order that ContactQuery defines. It fails with a
// *ValidationError if q is invalid, and with ErrNotFound if the cursor is not the id of a
// contact. With Options.Contacts it lists the contacts of the contact directory. If that is
// no ContactSearcher, the error wraps errors.ErrUnsupported.
func (r *Runner) ListContacts(ctx context.Context, q ContactQuery) (Page[Contact], error) {
	if err := q.Check(); err != nil {
		return Page[Contact]{}, err
	}
	page, err := r.contacts.ListContacts(ctx, q)
	if err != nil {
		return Page[Contact]{}, fmt.Errorf("automation: list contacts: %w", err)
	}
	return page, nil
}

// CreateSegment keeps the name of a segment in the Store and returns the segment as
// stored. If ID is empty, the Runner makes one. CreateSegment fails with a
// *ValidationError that lists all invalid fields, and with ErrConflict if the id is
// taken.
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

// GetSegment returns a segment by id, or an error that wraps ErrNotFound.
func (r *Runner) GetSegment(ctx context.Context, id string) (Segment, error) {
	s, err := r.store.FindSegment(ctx, id)
	if err != nil {
		return Segment{}, fmt.Errorf("automation: %w", err)
	}
	return s, nil
}

// RenameSegment gives a segment another name and returns the changed segment. It fails
// with a *ValidationError if the name is invalid, and with ErrNotFound.
func (r *Runner) RenameSegment(ctx context.Context, id, name string) (Segment, error) {
	if err := segmentProblems(Segment{Name: name}).Err("segment"); err != nil {
		return Segment{}, err
	}
	s, err := r.store.RenameSegment(ctx, id, name)
	if err != nil {
		return Segment{}, fmt.Errorf("automation: rename segment: %w", err)
	}
	return s, nil
}

// DeleteSegment deletes the name of a segment, or fails with ErrNotFound. Its contacts
// keep the segment's id, so the cost does not depend on how many contacts the segment
// has.
func (r *Runner) DeleteSegment(ctx context.Context, id string) error {
	if err := r.store.DeleteSegment(ctx, id); err != nil {
		return fmt.Errorf("automation: delete segment: %w", err)
	}
	return nil
}

// ListSegments lists segments, newest first. It fails with a *ValidationError if the page
// is invalid, and with ErrNotFound if the cursor is not the id of a segment.
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
