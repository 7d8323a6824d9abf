package memory

import (
	"bytes"
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
)

// InsertEventDefinition implements automation.EventReader.
func (s *Store) InsertEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.definition(d.Name) != nil || s.definition(d.ID) != nil {
		return conflict("event %q is defined already", d.Name)
	}
	d.Schema, d.CreatedAt, d.UpdatedAt = bytes.Clone(d.Schema), kept(d.CreatedAt), kept(d.UpdatedAt)
	s.defined = append(s.defined, &d)
	return nil
}

// UpdateEventDefinition implements automation.EventReader.
func (s *Store) UpdateEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	old := s.definition(d.ID)
	if old == nil {
		return notFound("event definition", d.ID)
	}
	old.Schema, old.UpdatedAt = bytes.Clone(d.Schema), kept(d.UpdatedAt)
	return nil
}

// DeleteEventDefinition implements automation.EventReader.
func (s *Store) DeleteEventDefinition(ctx context.Context, id string) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	d := s.definition(id)
	if d == nil {
		return notFound("event definition", id)
	}
	s.defined = slices.DeleteFunc(s.defined, func(o *automation.EventDefinition) bool { return o == d })
	return nil
}

// FindEventDefinition implements automation.EventWriter.
func (s *Store) FindEventDefinition(ctx context.Context, idOrName string) (automation.EventDefinition, error) {
	if err := s.lock(ctx); err != nil {
		return automation.EventDefinition{}, err
	}
	defer s.mu.Unlock()
	d := s.definition(idOrName)
	if d == nil {
		return automation.EventDefinition{}, notFound("event definition", idOrName)
	}
	return cloneDefinition(d), nil
}

// ListEventDefinitions implements automation.EventReader.
func (s *Store) ListEventDefinitions(ctx context.Context, q automation.PageQuery) (automation.Page[automation.EventDefinition], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.EventDefinition]{}, err
	}
	defer s.mu.Unlock()
	return page(s.defined, q, "event definition",
		func(d *automation.EventDefinition) string { return d.ID },
		func(*automation.EventDefinition) bool { return true },
		cloneDefinition)
}

func (s *Store) definition(idOrName string) *automation.EventDefinition {
	for _, d := range s.defined {
		if d.ID == idOrName || d.Name == idOrName {
			return d
		}
	}
	return nil
}

func cloneDefinition(d *automation.EventDefinition) automation.EventDefinition {
	c := *d
	c.Schema = bytes.Clone(d.Schema)
	return c
}
