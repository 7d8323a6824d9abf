package memory

import (
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// InsertContactProperty implements automation.PropertyStore.
func (s *Store) InsertContactProperty(ctx context.Context, p automation.ContactProperty) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	taken := func(old automation.ContactProperty) bool { return old.ID == p.ID || old.Key == p.Key }
	if slices.ContainsFunc(s.properties, taken) {
		return record.PropertyDefined(p.Key)
	}
	p.CreatedAt = asKept(p.CreatedAt)
	s.properties = append(s.properties, p)
	return nil
}

// FindContactProperty implements automation.PropertyStore.
func (s *Store) FindContactProperty(ctx context.Context, idOrKey string) (automation.ContactProperty, error) {
	if err := s.lock(ctx); err != nil {
		return automation.ContactProperty{}, err
	}
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.properties, func(p automation.ContactProperty) bool { return p.ID == idOrKey || p.Key == idOrKey })
	if i < 0 {
		return automation.ContactProperty{}, record.NotFound("contact property", idOrKey)
	}
	return s.properties[i], nil
}

// UpdateContactProperty implements automation.PropertyStore.
func (s *Store) UpdateContactProperty(ctx context.Context, p automation.ContactProperty) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	i := s.property(p.ID)
	if i < 0 {
		return record.NotFound("contact property", p.ID)
	}
	s.properties[i].Fallback = p.Fallback
	return nil
}

// DeleteContactProperty implements automation.PropertyStore.
func (s *Store) DeleteContactProperty(ctx context.Context, id string) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	i := s.property(id)
	if i < 0 {
		return record.NotFound("contact property", id)
	}
	s.properties = slices.Delete(s.properties, i, i+1)
	return nil
}

// ListContactProperties implements automation.PropertyStore.
func (s *Store) ListContactProperties(ctx context.Context, q automation.PageQuery) (automation.Page[automation.ContactProperty], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.ContactProperty]{}, err
	}
	defer s.mu.Unlock()
	return page(s.properties, q, "contact property",
		func(p automation.ContactProperty) string { return p.ID },
		func(automation.ContactProperty) bool { return true },
		func(p automation.ContactProperty) automation.ContactProperty { return p })
}

// property returns the index of the definition with this id, or -1.
func (s *Store) property(id string) int {
	return slices.IndexFunc(s.properties, func(p automation.ContactProperty) bool { return p.ID == id })
}
