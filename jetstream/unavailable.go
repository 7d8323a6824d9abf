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

// The codes of errors for want of room on the disks.
const (
	codeNoMemory  = 10028
	codeNoStorage = 10047
	codeNoWrite   = 10077
)

// explain returns the error of a call of the servers with its subject, and the way out if there
// is one.
func (s *Store) explain(subject string, err error) error {
	if !isUnavailable(err) {
		return fmt.Errorf("jetstream: %s: %w", subject, err)
	}
	wayOut := fmt.Sprintf("no answer within %s: a cluster needs a majority of its servers, so start those that are down", s.config.Timeout)
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		switch refused.ErrorCode {
		case codeNoMemory, codeNoStorage, codeNoWrite:
			wayOut = "their disks are full, or hold as much as max_file_store allows: make room"
		}
	}
	return fmt.Errorf("jetstream: %s: %w: %s: %w", subject, ErrUnavailable, wayOut, err)
}
