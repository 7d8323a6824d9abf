package memory

import (
	"bytes"
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// InsertEventDefinition implements automation.EventReader.
func (s *Store) InsertEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.eventDefinition(d.Name) != nil || s.eventDefinition(d.ID) != nil {
		return record.EventDefined(d.Name)
	}
	d.Schema, d.CreatedAt, d.UpdatedAt = bytes.Clone(d.Schema), asKept(d.CreatedAt), asKept(d.UpdatedAt)
	s.eventDefinitions = append(s.eventDefinitions, &d)
	return nil
}

// UpdateEventDefinition implements automation.EventReader.
func (s *Store) UpdateEventDefinition(ctx context.Context, d automation.EventDefinition) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	old := s.eventDefinition(d.ID)
	if old == nil {
		return record.NotFound("event definition", d.ID)
	}
	old.Schema, old.UpdatedAt = bytes.Clone(d.Schema), asKept(d.UpdatedAt)
	return nil
}

// DeleteEventDefinition implements automation.EventReader.
func (s *Store) DeleteEventDefinition(ctx context.Context, id string) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	d := s.eventDefinition(id)
	if d == nil {
		return record.NotFound("event definition", id)
	}
	s.eventDefinitions = slices.DeleteFunc(s.eventDefinitions, func(o *automation.EventDefinition) bool { return o == d })
	return nil
}

// FindEventDefinition implements automation.EventWriter.
func (s *Store) FindEventDefinition(ctx context.Context, idOrName string) (automation.EventDefinition, error) {
	if err := s.lock(ctx); err != nil {
		return automation.EventDefinition{}, err
	}
	defer s.mu.Unlock()
	d := s.eventDefinition(idOrName)
	if d == nil {
		return automation.EventDefinition{}, record.NotFound("event definition", idOrName)
	}
	return cloneEventDefinition(d), nil
}

// ListEventDefinitions implements automation.EventReader.
func (s *Store) ListEventDefinitions(ctx context.Context, q automation.PageQuery) (automation.Page[automation.EventDefinition], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.EventDefinition]{}, err
	}
	defer s.mu.Unlock()
	return page(s.eventDefinitions, q, "event definition",
		func(d *automation.EventDefinition) string { return d.ID },
		func(*automation.EventDefinition) bool { return true },
		cloneEventDefinition)
}

func (s *Store) eventDefinition(idOrName string) *automation.EventDefinition {
	for _, d := range s.eventDefinitions {
		if d.ID == idOrName || d.Name == idOrName {
			return d
		}
	}
	return nil
}

func cloneEventDefinition(d *automation.EventDefinition) automation.EventDefinition {
	c := *d
	c.Schema = bytes.Clone(d.Schema)
	return c
}
