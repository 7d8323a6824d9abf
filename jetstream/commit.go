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
	var msgs []*nats.Msg
	for _, w := range todo {
		if !w.dirty {
			continue
		}
		written = append(written, w)
		w.state.forget(uint64(p.copies.projected()))
		added, err := p.stateMessages(w.contact)
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
	timers, err := p.timerMessages(written)
	if err != nil {
		return err
	}
	msgs = append(msgs, timers...)
	if err := p.publish(ctx, &cp, msgs); err != nil {
		return err
	}
	p.cp = cp
	for _, w := range written {
		w.written(cp.seq)
	}
	p.copies.add(p.copyOf(int64(cp.seq), cp.Log, written))
	return nil
}

// publish writes a batch that ends with the checkpoint, and sets the sequence of that. A reader that
// has come to the checkpoint has all that was written before.
func (p *partition) publish(ctx context.Context, cp *checkpoint, msgs []*nats.Msg) error {
	return p.retry(ctx, "batch", func() error {
		last, err := p.checkpointMessage(*cp)
		if err != nil {
			return err
		}
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		seq, err := p.publishAll(attempt, append(msgs, last))
		if err == nil {
			cp.seq = seq
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
	messages := 0
	for token, c := range p.contacts {
		switch {
		case p.busy[token] != nil || c.seq > projected:
		case !c.state.isIdle():
			if len(p.contacts) > maxCached {
				p.forget(c)
			}
		case c.seq == 0:
			delete(p.contacts, token)
		case messages+max(c.parts, 1) < maxBatch: // the checkpoint is one of them
			ended, messages = append(ended, c), messages+max(c.parts, 1)
		}
	}
	cp := p.cp
	cp.InFlight = p.tokensInFlight()
	if len(ended) == 0 && slices.Equal(cp.InFlight, p.cp.InFlight) {
		return nil
	}
	var msgs []*nats.Msg
	for _, c := range ended {
		msgs = append(msgs, p.emptyMessages(c)...)
	}
	if err := p.publish(ctx, &cp, msgs); err != nil {
		return err
	}
	p.cp = cp
	for _, c := range ended {
		p.forget(c)
	}
	return nil
}

// forget drops a contact from memory.
func (p *partition) forget(c *contact) {
	delete(p.contacts, c.token)
	p.forgotten = p.cp.seq
}

// maxCached is how many contacts a partition keeps in memory besides those in use.
const maxCached = 20_000
