package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Owners returns the ids of the workers that own the partitions, by partition. It is empty for a
// partition that no worker has taken yet. A worker that is gone stays the owner until another one
// has taken the partition over.
func (s *Store) Owners(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	owners := make([]string, s.config.Partitions)
	for p := range owners {
		subject := fmt.Sprintf("owner of partition %d", p)
		stream, err := s.js.Stream(ctx, s.names.state(p))
		if err != nil {
			return nil, s.explain(subject, err)
		}
		msg, err := stream.GetLastMsgForSubject(ctx, s.names.checkpoint(p))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, s.explain(subject, err)
		}
		var cp checkpoint
		if err := json.Unmarshal(msg.Data, &cp); err != nil {
			return nil, fmt.Errorf("jetstream: %s: %w", subject, err)
		}
		owners[p] = cp.Owner
	}
	return owners, nil
}
