package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-b636437c/automation"
)

// checkpoint is the position of a partition. Every batch of its owner writes a new one, and the
// server refuses a batch whose owner has not seen the last one: it is the fence.
type checkpoint struct {
	Owner string `json:"owner"`
	// Epoch grows with each owner.
	Epoch uint64 `json:"epoch"`
	// Log is the sequence of the last entry of the log that was handled.
	Log uint64 `json:"log"`
	// ReadAt is the time of the last tick: what was due by then was woken.
	ReadAt time.Time `json:"read_at,omitzero"`
	// Bucket is the first bucket with timers that may not have fired.
	Bucket int64 `json:"bucket"`
	// InFlight are the contacts with effects in flight, or whose changes by steps may not be
	// in the catalog yet.
	InFlight []string `json:"in_flight,omitempty"`

	// Moved is whether no contact has runs in the catalog that the streams lack, apart from
	// those whose states are unmoved.
	Moved bool `json:"moved,omitempty"`
	// Left is whether the partition has given everything back to the catalog, except for
	// Requests, by run.
	Left     bool                             `json:"left,omitempty"`
	Requests map[string]automation.RunRequest `json:"requests,omitempty"`

	seq uint64 // in the stream
}

// readCheckpoint returns the checkpoint of the partition. It is zero before the first one.
func (p *partition) readCheckpoint(ctx context.Context) (checkpoint, error) {
	return readCheckpoint(ctx, p.state, p.names.checkpoint(p.number))
}

func readCheckpoint(ctx context.Context, state jetstream.Stream, subject string) (cp checkpoint, err error) {
	msg, err := state.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return cp, nil
	}
	if err != nil {
		return cp, fmt.Errorf("jetstream: checkpoint %s: %w", subject, err)
	}
	if err := json.Unmarshal(msg.Data, &cp); err != nil {
		return cp, fmt.Errorf("jetstream: checkpoint %s: %w", subject, err)
	}
	cp.seq = msg.Sequence
	return cp, nil
}

// message returns the message that writes the checkpoint, if cp.seq is the last one.
func (p *partition) checkpointMessage(cp checkpoint) (*nats.Msg, error) {
	msg, err := message(p.names.checkpoint(p.number), cp)
	if err != nil {
		return nil, err
	}
	return expect(msg, cp.seq), nil
}
