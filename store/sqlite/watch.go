package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// watchInterval is how often Watch checks whether another connection has written. A
// check takes some microseconds, and no lock.
const watchInterval = 25 * time.Millisecond

// Watch implements automation.Watcher. It calls wake when any other connection, of this
// process or another one, has committed. It holds a connection for as long as it
// watches, and fails with errors.ErrUnsupported if the pool has only one.
func (s *Store) Watch(ctx context.Context, wake func()) error {
	if s.db.Stats().MaxOpenConnections == 1 {
		return fmt.Errorf("sqlite store: watch with a single connection: %w", errors.ErrUnsupported)
	}
	if err := s.read(ctx, func(session) error { return nil }); err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return failed("watch", err)
	}
	defer conn.Close()
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	var seen int64
	for {
		var version int64
		if err := conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err != nil {
			return failed("watch", err)
		}
		if version != seen {
			seen = version
			wake()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		if err := s.read(ctx, func(session) error { return nil }); err != nil {
			return err
		}
	}
}
