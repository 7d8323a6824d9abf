package automation

import (
	"context"
	"fmt"
	"time"
)

// Segment is a named group of contacts. Which contacts are in it is part of each
// contact: Contact.Segments holds ids, and a contact may be in a segment that has no
// name here.
type Segment struct {
	// ID is made if it is empty; a host may give its own, in at most 255 bytes
	// without control characters.
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// CreateSegment keeps the name of a segment and returns it as it was kept. It fails
// with a *ValidationError, and with ErrConflict if there is one with its id already.
func (r *Runner) CreateSegment(ctx context.Context, s Segment) (Segment, error) {
	if err := checkSegment(s).Err("segment"); err != nil {
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

func checkSegment(s Segment) Problems {
	var check contactCheck
	check.id("id", s.ID)
	if s.Name == "" {
		check.add(CodeMissingField, "name", "is missing: give the segment a name")
	}
	check.add(CodeInvalidContact, "name", textFlaw(s.Name))
	return check.problems
}
