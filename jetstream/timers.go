package jetstream

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bucketSeconds is the width of a bucket of timers.
const bucketSeconds = 60

func bucketOf(t time.Time) int64 { return t.Unix() / bucketSeconds }

// timer is when a contact is due.
type timer struct {
	at    time.Time
	token string
}

// timerQueue has the timers of the buckets that were read, the earliest first. A contact may
// have several. One that is not due any more does no harm: its turn finds nothing to do.
type timerQueue []timer

func (q timerQueue) Len() int           { return len(q) }
func (q timerQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q timerQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *timerQueue) Push(t any) { *q = append(*q, t.(timer)) }

// Pop implements heap.Interface.
func (q *timerQueue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	*q = (*q)[:last]
	return t
}

// add adds a timer, unless at is zero.
func (q *timerQueue) add(token string, at time.Time) {
	if !at.IsZero() {
		heap.Push(q, timer{at, token})
	}
}

// take removes the timers that are due by a time, n of them at most, and returns the tokens of
// their contacts.
func (q *timerQueue) take(by time.Time, n int) (tokens []string) {
	for len(*q) > 0 && len(tokens) < n && !(*q)[0].at.After(by) {
		tokens = append(tokens, heap.Pop(q).(timer).token)
	}
	return tokens
}

// untilTimer returns how long to wait for the next timer, or for the next bucket.
func (p *partition) untilTimer() time.Duration {
	wait := time.Second // the next bucket, and cleaning up
	if len(p.timers) > 0 && p.ticking.IsZero() {
		wait = min(wait, time.Until(p.timers[0].at))
	}
	return max(wait, 0)
}

// onTime marks the time in the log if a contact is due, and reads the bucket that comes next.
func (p *partition) onTime(ctx context.Context) error {
	at := now()
	if next := bucketOf(at) + 1; next > p.loaded {
		if err := p.loadBuckets(ctx, p.loaded+1, next); err != nil {
			return err
		}
	}
	if p.left.Load() {
		return nil // the log takes no marks any more
	}
	if err := p.cleanUp(ctx); err != nil {
		return err
	}
	if err := p.removeEnded(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if !p.ticking.IsZero() || len(p.timers) == 0 || p.timers[0].at.After(at) {
		return nil
	}
	msg, err := message(p.names.log(p.number), entry{Kind: kindTick, At: at, Epoch: p.cp.Epoch})
	if err != nil {
		return err
	}
	err = p.retry(ctx, "mark of the time", func() error {
		_, err := p.publishAll(ctx, []*nats.Msg{msg})
		return err
	})
	if ctx.Err() != nil || errors.Is(err, ErrLeft) {
		return nil // the effects in flight get their time
	}
	if err == nil {
		p.ticking = at
	}
	return err
}

// timerMessages returns the timers of a batch, for the contacts that need new ones: a message for
// each bucket, because the servers keep each subject in memory. The checkpoint before the batch
// gives it its name.
func (p *partition) timerMessages(written []*work) (msgs []*nats.Msg, err error) {
	buckets := map[int64]map[string]time.Time{}
	for _, w := range written {
		next, _ := w.due()
		if next.IsZero() || !w.timer.IsZero() && !next.Before(w.timer) {
			continue
		}
		w.timer = next
		bucket := max(bucketOf(next), p.cp.Bucket)
		if buckets[bucket] == nil {
			buckets[bucket] = map[string]time.Time{}
		}
		buckets[bucket][w.token] = next
	}
	for bucket, due := range buckets {
		msg, err := message(p.names.timers(p.number, bucket, strconv.FormatUint(p.cp.seq, 36)), due)
		if err != nil {
			return nil, err
		}
		msgs = append(msgs, msg)
	}
	return msgs, nil
}

// loadBuckets reads the timers of the buckets from one to another.
func (p *partition) loadBuckets(ctx context.Context, from, to int64) error {
	for bucket := from; bucket <= to; bucket++ {
		err := p.each(ctx, p.names.timers(p.number, bucket, "*"), 0, func(msg jetstream.Msg, _ uint64) error {
			var due map[string]time.Time
			if err := json.Unmarshal(msg.Data(), &due); err != nil {
				return fmt.Errorf("jetstream: timers %s: %w", msg.Subject(), err)
			}
			for token, at := range due {
				p.timers.add(token, at)
			}
			return nil
		})
		if err != nil {
			return err
		}
		p.loaded = bucket
	}
	return nil
}

// each calls do for the messages of the state stream on a subject, from a sequence on. A server that
// lags behind the others may serve them: only the last checkpoint of this owner is the end.
func (p *partition) each(ctx context.Context, subject string, from uint64, do func(msg jetstream.Msg, seq uint64) error) error {
	end := p.names.checkpoint(p.number)
	cfg := jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject, end}, DeliverPolicy: jetstream.DeliverAllPolicy}
	if from > 0 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	}
	consumer, err := p.state.OrderedConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("jetstream: read %s: %w", subject, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(500), pullExpiry, pullHeartbeat)
	if err != nil {
		return fmt.Errorf("jetstream: read %s: %w", subject, err)
	}
	defer func() {
		messages.Stop()
		_ = p.state.DeleteConsumer(context.WithoutCancel(ctx), consumer.CachedInfo().Name)
	}()
	for {
		msg, seq, err := p.nextOf(ctx, messages)
		switch {
		case err != nil:
			return fmt.Errorf("jetstream: read %s: %w", subject, err)
		case msg.Subject() != end:
			if err := do(msg, seq); err != nil {
				return err
			}
		case seq > p.cp.seq:
			return errNotOwner
		case seq == p.cp.seq:
			return nil
		}
	}
}

// A server that is gone, or that has lost a request, is found out when two heartbeats are missing. By
// default that takes half a minute.
const (
	pullExpiry    = jetstream.PullExpiry(5 * time.Second)
	pullHeartbeat = jetstream.PullHeartbeat(500 * time.Millisecond)
)

// nextOf waits for the next message, for Options.Timeout at the most.
func (p *partition) nextOf(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	msg, err := messages.Next(jetstream.NextContext(ctx))
	if err != nil {
		return nil, 0, err
	}
	meta, err := msg.Metadata()
	if err != nil {
		return nil, 0, err
	}
	return msg, meta.Sequence.Stream, nil
}

// firstBucket returns the first bucket with timers that may not have fired.
func (p *partition) firstBucket() int64 {
	first := p.cp.ReadAt
	if first.IsZero() {
		return p.cp.Bucket // nothing has fired yet
	}
	if len(p.timers) > 0 {
		first = earliest(first, p.timers[0].at)
	}
	return max(p.cp.Bucket, bucketOf(first))
}

// cleanUp removes what is of no use any more: buckets whose timers have fired, and entries of
// the log that were handled and are in the catalog.
func (p *partition) cleanUp(ctx context.Context) error {
	for ; p.purged < p.cp.Bucket; p.purged++ {
		subject := p.names.timers(p.number, p.purged, "*")
		if err := p.state.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return p.putOff("remove timers", err)
		}
	}
	if seq := p.copies.cleanable(); seq > 0 {
		err := p.log.Purge(ctx, jetstream.WithPurgeSubject(p.names.log(p.number)), jetstream.WithPurgeSequence(seq+1))
		if err != nil {
			return p.putOff("remove entries of log "+strconv.Itoa(p.number), err)
		}
		p.copies.cleaned(seq)
	}
	return nil
}

// putOff logs an error after which the work is done later.
func (p *partition) putOff(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	p.config.Logger.Warn("jetstream: put off", "partition", p.number, "what", what, "error", err)
	return nil
}
