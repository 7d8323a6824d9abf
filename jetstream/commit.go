package jetstream

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// commit writes the states and timers of contacts, and the checkpoint behind what they have
// handled, in one atomic batch. It repeats a batch that the servers do not answer.
func (p *partition) commit(ctx context.Context, cp checkpoint, todo []*work) error {
	for _, w := range todo {
		p.note(w.contact)
	}
	cp.Bucket = p.firstBucket()
	cp.InFlight = p.tokensInFlight()
	var written []*work
	msgs := []*nats.Msg{nil}
	for _, w := range todo {
		if !w.dirty {
			continue
		}
		written = append(written, w)
		added, err := p.messagesOf(w)
		if err != nil {
			return err
		}
		msgs = append(msgs, added...)
	}
	if len(written) == 0 && cp.Log-p.cp.Log < maxInputs && slices.Equal(cp.InFlight, p.cp.InFlight) && cp.Moved == p.cp.Moved {
		// Nothing has changed but the position. A later batch writes it.
		cp.seq = p.cp.seq
		p.cp = cp
		return nil
	}
	if err := p.publish(ctx, &cp, msgs); err != nil {
		return err
	}
	p.cp = cp
	seq := cp.seq
	for _, w := range written {
		seq++
		w.written(seq)
		if w.timerWritten {
			seq++
		}
	}
	p.copies.add(p.copyOf(int64(seq), cp.Log, written))
	return nil
}

// messagesOf returns the message of a contact's state, and that of its timer if it needs a new
// one.
func (p *partition) messagesOf(w *work) ([]*nats.Msg, error) {
	w.state.forget(uint64(p.copies.projected()))
	state, err := message(p.names.contact(p.number, w.token), w.state)
	if err != nil {
		return nil, err
	}
	msgs := []*nats.Msg{state}
	next, _ := w.due()
	w.timerWritten = !next.IsZero() && (w.timer.IsZero() || next.Before(w.timer))
	if !w.timerWritten {
		return msgs, nil
	}
	timer, err := p.timerMessage(w.token, next)
	w.timer = next
	return append(msgs, timer), err
}

// publish writes a batch, which begins with the checkpoint, and sets its sequence.
func (p *partition) publish(ctx context.Context, cp *checkpoint, msgs []*nats.Msg) error {
	return p.retry(ctx, "batch", func() (err error) {
		if msgs[0], err = p.checkpointMessage(*cp); err != nil {
			return err
		}
		first, err := p.publishAll(ctx, msgs)
		if err == nil {
			cp.seq = first
			return nil
		}
		// The batch may have been written although this process does not know.
		latest, readErr := p.readCheckpoint(ctx)
		switch {
		case readErr != nil:
			return errors.Join(err, readErr)
		case latest.Owner != p.opts.ID || latest.Epoch != cp.Epoch:
			return errNotOwner
		case latest.seq > cp.seq:
			cp.seq = latest.seq
			return nil
		default:
			return err
		}
	})
}

// note remembers whether a contact belongs in checkpoint.InFlight.
func (p *partition) note(c *contact) {
	if len(c.inFlight) > 0 || c.state.isUnsettled() {
		p.busy[c.token] = c
	} else {
		delete(p.busy, c.token)
	}
}

// tokensInFlight returns the contacts for checkpoint.InFlight, in order.
func (p *partition) tokensInFlight() []string { return slices.Sorted(maps.Keys(p.busy)) }

// endedTTL is how long the server keeps the empty state of a contact that has nothing left to
// do.
const endedTTL = time.Second

// removeEnded empties the states of contacts that have nothing left to do, once the catalog has
// their runs, and forgets contacts that only are a cache.
func (p *partition) removeEnded(ctx context.Context) error {
	projected := uint64(p.copies.projected())
	var ended []*contact
	for token, c := range p.contacts {
		switch {
		case p.busy[token] != nil || c.seq > projected:
		case !c.state.isIdle():
			if len(p.contacts) > maxCached {
				delete(p.contacts, token)
			}
		case c.seq == 0:
			delete(p.contacts, token)
		case len(ended) < maxBatch-1:
			ended = append(ended, c)
		}
	}
	cp := p.cp
	cp.InFlight = p.tokensInFlight()
	if len(ended) == 0 && slices.Equal(cp.InFlight, p.cp.InFlight) {
		return nil
	}
	msgs := []*nats.Msg{nil}
	for _, c := range ended {
		msg := nats.NewMsg(p.names.contact(p.number, c.token))
		msg.Header.Set("Nats-TTL", endedTTL.String())
		msgs = append(msgs, msg)
	}
	if err := p.publish(ctx, &cp, msgs); err != nil {
		return err
	}
	p.cp = cp
	for _, c := range ended {
		delete(p.contacts, c.token)
	}
	return nil
}

// maxCached is how many contacts a partition keeps in memory besides those in use.
const maxCached = 20_000
