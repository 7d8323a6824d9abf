package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/seed-b636437c/automation"
)

// loadAll reads the states of the contacts that are not in memory.
func (p *partition) loadAll(ctx context.Context, todo []*work) error {
	var missing []*work
	for _, w := range todo {
		if known := p.contacts[w.token]; known != nil {
			w.contact = known
		} else {
			missing = append(missing, w)
		}
	}
	tokens := make([]string, len(missing))
	for i, w := range missing {
		tokens[i] = w.token
	}
	contacts, err := p.load(ctx, tokens)
	if err != nil {
		return err
	}
	for i, w := range missing {
		w.contact = contacts[i]
	}
	for _, w := range todo {
		if w.contact.key == (automation.ContactRef{}) {
			w.contact.key = w.key // it had no state yet
		}
	}
	return nil
}

// load reads the states of contacts, and remembers the contacts.
func (p *partition) load(ctx context.Context, tokens []string) ([]*contact, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	subjects := make([]string, len(tokens))
	for i, token := range tokens {
		subjects[i] = p.names.contact(p.number, token)
	}
	var states map[string]*jetstream.RawStreamMsg
	err := p.retry(ctx, "states", func() (err error) {
		states, err = p.readStates(ctx, subjects)
		return err
	})
	if err != nil {
		return nil, err
	}
	contacts := make([]*contact, len(tokens))
	for i, token := range tokens {
		c, err := p.contactOf(ctx, token, states[subjects[i]])
		if err != nil {
			return nil, err
		}
		p.contacts[token], contacts[i] = c, c
	}
	return contacts, nil
}

// contactOf returns a contact as its last state has it. msg is nil if there is none.
func (p *partition) contactOf(ctx context.Context, token string, msg *jetstream.RawStreamMsg) (*contact, error) {
	c := &contact{token: token, inFlight: map[string]*attempt{}}
	if msg == nil {
		return c, nil
	}
	c.seq = msg.Sequence
	if len(msg.Data) == 0 {
		return c, nil // the contact had nothing left to do
	}
	c.parts = partsOf(msg.Header)
	data, err := p.joined(ctx, token, msg.Data, c.parts)
	if errors.Is(err, errNotOwner) {
		return nil, err
	}
	if err == nil {
		err = c.decode(data)
	}
	if err != nil {
		c.state, c.adopted = contactState{}, true // the contact goes on without its runs
		return c, p.keepDamaged(ctx, msg.Subject, msg.Sequence, msg.Data, err)
	}
	c.adopted = !c.state.Unmoved
	if !slices.Contains(p.cp.InFlight, token) {
		c.state.Change, c.state.Delete = nil, false // the catalog has them
	}
	return c, nil
}

// lagPause is how long to wait for a server that lags behind.
const lagPause = 5 * time.Millisecond

// readStates returns the last messages on subjects of states, by subject. Any server may answer, also
// one that lags behind. The checkpoint, which is written after all states, shows what it has:
// contacts that are not in memory have not changed since p.forgotten.
func (p *partition) readStates(ctx context.Context, subjects []string) (map[string]*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	for {
		states, checkpoint, err := p.lastStates(ctx, subjects)
		switch {
		case err != nil && !errors.Is(err, jetstreamext.ErrNoMessages):
			return nil, fmt.Errorf("jetstream: states of partition %d: %w", p.number, err)
		case checkpoint > p.cp.seq:
			return nil, errNotOwner
		case err == nil && checkpoint >= p.forgotten:
			return states, nil
		}
		select {
		case <-time.After(lagPause):
		case <-ctx.Done():
			return nil, fmt.Errorf("jetstream: states of partition %d: the servers that answer lag behind: %w", p.number, ctx.Err())
		}
	}
}

// lastStates asks any server for the last messages on subjects, and for the sequence of the checkpoint.
// The sequence is 0 if the answer ends before it.
func (p *partition) lastStates(ctx context.Context, subjects []string) (states map[string]*jetstream.RawStreamMsg, checkpoint uint64, err error) {
	answers, err := jetstreamext.GetLastMsgsFor(ctx, p.js, p.names.state(p.number), append(slices.Clip(subjects), p.names.checkpoint(p.number)))
	if err != nil {
		return nil, 0, err
	}
	states = make(map[string]*jetstream.RawStreamMsg, len(subjects))
	for msg, err := range answers {
		if err != nil {
			return nil, 0, err
		}
		if msg.Subject == p.names.checkpoint(p.number) {
			checkpoint = msg.Sequence
		} else {
			states[msg.Subject] = msg
		}
	}
	return states, checkpoint, nil
}
