package memory

import (
	"context"
	"time"
)

// NextDue implements automation.WorkStore.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	if err := s.lock(ctx); err != nil {
		return time.Time{}, err
	}
	defer s.mu.Unlock()
	if len(s.due) == 0 {
		return time.Time{}, nil
	}
	return s.due[0].due.time(), nil
}
