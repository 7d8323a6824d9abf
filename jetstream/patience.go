package jetstream

import (
	"context"
	"time"
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
		case !isUnavailable(err) || ctx.Err() != nil || time.Now().After(until):
			return s.explain(subject, err)
		}
		time.Sleep(attemptPause)
	}
}
