package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxBatch is how many messages the server takes in one atomic batch.
const maxBatch = 1000

// batchID is the length of the name of a batch, which the server keeps with each of its messages. A
// name need only differ from those of the batches that are written at the same time.
const batchID = 10

// errRefused is the error of a batch that the server refused because another process has
// written one of its subjects.
var errRefused = errors.New("written by another process")

// expect makes the server refuse msg unless the last message on its subject has this
// sequence; 0: unless there is none.
func expect(msg *nats.Msg, seq uint64) *nats.Msg {
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(seq, 10))
	return msg
}

// publishAll writes msgs to one stream, all or none, and returns the sequence of the last. It tries
// again for as long as the servers certainly have not written them, up to Options.Timeout.
func (s *Store) publishAll(ctx context.Context, msgs []*nats.Msg) (last uint64, err error) {
	if len(msgs) > maxBatch {
		return 0, fmt.Errorf("jetstream: %d messages are too many for one batch", len(msgs))
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	for {
		last, err := s.publishBatch(ctx, msgs)
		if !isUnwritten(err) {
			return last, err
		}
		select {
		case <-time.After(attemptPause):
		case <-ctx.Done():
			return 0, err
		}
	}
}

// publishBatch is one attempt of publishAll.
func (s *Store) publishBatch(ctx context.Context, msgs []*nats.Msg) (last uint64, err error) {
	if len(msgs) > 1 {
		id := newID()[:batchID]
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
		return 0, s.explain("publish", err)
	}
	return s.sequenceOf(reply.Data)
}

// The codes of errors after which nothing was written, and which pass.
const (
	codeIncompleteBatch = 10176 // the leader has changed within the batch, or there were too many
	codeTooManyBatches  = 10210 // at the same time
)

// isUnwritten reports whether a batch that failed was certainly not written, and can be repeated.
func isUnwritten(err error) bool {
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return refused.Code == 503 || refused.ErrorCode == codeIncompleteBatch || refused.ErrorCode == codeTooManyBatches
	}
	return errors.Is(err, nats.ErrNoResponders)
}

// sequenceOf reads the answer to a message or a batch.
func (s *Store) sequenceOf(answer []byte) (uint64, error) {
	var ack struct {
		Error *jetstream.APIError `json:"error"`
		Seq   uint64              `json:"seq"`
	}
	if err := json.Unmarshal(answer, &ack); err != nil {
		return 0, fmt.Errorf("jetstream: answer to a batch: %w", err)
	}
	switch {
	case ack.Error == nil:
		return ack.Seq, nil
	case ack.Error.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence,
		ack.Error.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return 0, errRefused
	case ack.Error.ErrorCode == errCodeSealed:
		s.left.Store(true)
		return 0, ErrLeft
	default:
		return 0, s.explain("publish", ack.Error)
	}
}

// message returns a message whose body is v as JSON.
func message(subject string, v any) (*nats.Msg, error) {
	msg := nats.NewMsg(subject)
	var err error
	msg.Data, err = json.Marshal(v)
	return msg, err
}
