package memory

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// ListDecisions implements automation.EventReader.
func (s *Store) ListDecisions(ctx context.Context, eventID string) ([]automation.Decision, error) {
	return nil, nil
}
