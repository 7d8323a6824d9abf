package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrUnavailable is the error of a call that the servers have not carried out within
// Options.Timeout: too few of them run, or they have no room on their disks. The message has the
// way out. What was sent may have been accepted all the same: send it again with the same
// idempotency key.
var ErrUnavailable = errors.New("the servers are unavailable")

// isUnavailable reports whether the servers may answer later: a cluster has no majority yet, or no
// room.
func isUnavailable(err error) bool {
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return refused.Code >= 500
	}
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, context.DeadlineExceeded)
}

// explain returns the error of a call of the servers with its subject, and the way out if the
// servers are unavailable.
func (s *Store) explain(subject string, err error) error {
	if !isUnavailable(err) {
		return fmt.Errorf("jetstream: %s: %w", subject, err)
	}
	return fmt.Errorf("jetstream: %s: %w: a majority of the servers must run, and have room on their disks: start those that are down, and make room on those that are full: %w", subject, ErrUnavailable, err)
}
