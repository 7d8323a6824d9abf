package memory

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// FindEntries implements automation.RunReader.
func (s *Store) FindEntries(ctx context.Context, contactID string, refs []automation.EntryRef) ([]automation.EntryCount, error) {
	return nil, nil
}
