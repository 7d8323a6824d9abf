package memory

import (
	"context"
)

// Watch implements automation.Watcher. It calls wake whenever a Runner or the
// application has added work, and once right away, for work that was added before.
func (s *Store) Watch(ctx context.Context, wake func()) error {
	s.mu.Lock()
	s.watched++
	id := s.watched
	s.watchers[id] = wake
	s.mu.Unlock()
	wake()
	<-ctx.Done()
	s.mu.Lock()
	delete(s.watchers, id)
	s.mu.Unlock()
	return ctx.Err()
}

func (s *Store) wake() {
	for _, wake := range s.watchers {
		wake()
	}
}
