package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// notification notifies all sessions that listen to the channel that there is work. The
// channel has the name of the schema. The server delivers the notification when the
// transaction commits.
const notification = `SELECT pg_notify($1::text, '')`

func (s *Store) notify(sc *script) { sc.exec(notification, s.schema) }

// Watch implements automation.Watcher by listening for notifications, on a connection
// of its own. It calls wake once right away, for work that was added before it listened.
// With Options.PollOnly the error wraps errors.ErrUnsupported.
func (s *Store) Watch(ctx context.Context, wake func()) error {
	if s.pollOnly {
		return fmt.Errorf("postgres store: watch with PollOnly: %w", errors.ErrUnsupported)
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.open, cancel)()
	err := s.listen(ctx, wake)
	if closed := s.errClosed(); closed != nil {
		return closed
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("postgres store: watch: %w", err)
}

func (s *Store) listen(ctx context.Context, wake func()) error {
	pooled, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// The connection must not go back into the pool, where it would go on listening.
	conn := pooled.Hijack()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{s.schema}.Sanitize()); err != nil {
		return err
	}
	for {
		wake()
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}
