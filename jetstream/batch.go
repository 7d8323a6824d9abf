package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxBatch is how many messages the server takes in one atomic batch.
const maxBatch = 1000

// errRefused is the error of a batch that the server refused because another process has
// written one of its subjects.
var errRefused = errors.New("written by another process")

// expect makes the server refuse msg unless the last message on its subject has this
// sequence; 0: unless there is none.
func expect(msg *nats.Msg, seq uint64) *nats.Msg {
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(seq, 10))
	return msg
}

// publishAll writes msgs to one stream, all or none, and returns the sequence of the first.
func (s *Store) publishAll(ctx context.Context, msgs []*nats.Msg) (first uint64, err error) {
	if len(msgs) > maxBatch {
		return 0, fmt.Errorf("jetstream: %d messages are too many for one batch", len(msgs))
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	if len(msgs) > 1 {
		id := newID()
		for i, msg := range msgs {
			msg.Header.Set("Nats-Batch-Id", id)
			msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		for _, msg := range msgs[:len(msgs)-1] {
			if err := s.nc.PublishMsg(msg); err != nil {
				return 0, err
			}
		}
		msgs[len(msgs)-1].Header.Set("Nats-Batch-Commit", "1")
	}
	reply, err := s.nc.RequestMsgWithContext(ctx, msgs[len(msgs)-1])
	if err != nil {
		return 0, fmt.Errorf("jetstream: publish: %w", err)
	}
	return firstOf(reply.Data, len(msgs))
}

// firstOf reads the answer to a batch of n messages.
func firstOf(answer []byte, n int) (uint64, error) {
	var ack struct {
		Error *jetstream.APIError `json:"error"`
		Seq   uint64              `json:"seq"`
	}
	if err := json.Unmarshal(answer, &ack); err != nil {
		return 0, fmt.Errorf("jetstream: answer to a batch: %w", err)
	}
	switch {
	case ack.Error == nil:
		return ack.Seq - uint64(n) + 1, nil
	case ack.Error.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence,
		ack.Error.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return 0, errRefused
	case ack.Error.ErrorCode == errCodeSealed:
		return 0, ErrLeft
	default:
		return 0, fmt.Errorf("jetstream: publish: %w", ack.Error)
	}
}

// message returns a message whose body is v as JSON.
func message(subject string, v any) (*nats.Msg, error) {
	msg := nats.NewMsg(subject)
	var err error
	msg.Data, err = json.Marshal(v)
	return msg, err
}
