package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// attemptTimeout is how long one attempt of a call may take, where the call is repeated. A server
// that loses its leader never answers what it has received shortly before.
const attemptTimeout = 2 * time.Second

// attemptPause is how long to wait before the next attempt.
const attemptPause = 100 * time.Millisecond

// patiently calls what until the servers answer, for Options.Timeout at the most. The call must do no
// harm if it is made twice.
func (s *Store) patiently(ctx context.Context, subject string, call func(ctx context.Context) error) error {
	until := time.Now().Add(s.config.Timeout)
	for {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		err := call(attempt)
		cancel()
		switch {
		case err == nil:
			return nil
		case !isUnavailable(err) || ctx.Err() != nil:
			return fmt.Errorf("jetstream: %s: %w", subject, err)
		case time.Now().After(until):
			return fmt.Errorf("jetstream: %s: the servers have not answered for %s; a cluster needs a majority of its servers: %w", subject, s.config.Timeout, err)
		}
		time.Sleep(attemptPause)
	}
}

// isUnavailable reports whether the servers may answer later: a cluster has no majority yet.
func isUnavailable(err error) bool {
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return refused.Code >= 500
	}
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, context.DeadlineExceeded)
}
