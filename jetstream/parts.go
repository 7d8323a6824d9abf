package jetstream

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A state that is too large for one message is written in parts, in the same batch. The first part
// is on the subject of the contact, and its header has how many there are.

// partsHeader is the header of a state with several parts.
const partsHeader = "Automation-Parts"

// headRoom is what a message needs besides its body.
const headRoom = 4 << 10

// part is the subject of a part of a contact's state. The first one is 0.
func (n names) part(p int, token string, part int) string {
	subject := n.contact(p, token)
	if part > 0 {
		subject += "." + strconv.Itoa(part)
	}
	return subject
}

// stateMessages returns the messages that write the state of a contact, and empty those of its parts
// that there were before.
func (p *partition) stateMessages(c *contact) ([]*nats.Msg, error) {
	data, err := json.Marshal(c.state)
	if err != nil {
		return nil, err
	}
	var msgs []*nats.Msg
	for part := 0; part == 0 || len(data) > 0; part++ {
		msg := nats.NewMsg(p.names.part(p.number, c.token, part))
		size := min(len(data), p.partSize)
		msg.Data, data = data[:size], data[size:]
		msgs = append(msgs, msg)
	}
	written := len(msgs)
	if written > 1 {
		msgs[0].Header.Set(partsHeader, strconv.Itoa(written))
	}
	for part := written; part < c.parts; part++ {
		msgs = append(msgs, emptied(p.names.part(p.number, c.token, part)))
	}
	c.parts = written
	return msgs, nil
}

// emptyMessages returns the messages that empty all parts of a contact's state.
func (p *partition) emptyMessages(c *contact) (msgs []*nats.Msg) {
	for part := range max(c.parts, 1) {
		msgs = append(msgs, emptied(p.names.part(p.number, c.token, part)))
	}
	return msgs
}

// emptied returns a message that takes the place of another one, until the server removes it.
func emptied(subject string) *nats.Msg {
	msg := nats.NewMsg(subject)
	msg.Header.Set("Nats-TTL", endedTTL.String())
	return msg
}

// partsOf returns how many parts the state has whose first part has this header.
func partsOf(header nats.Header) int {
	n, err := strconv.Atoi(header.Get(partsHeader))
	if err != nil {
		return 1
	}
	return n
}

// joined returns a state whose first part is data, with the other parts.
func (p *partition) joined(ctx context.Context, token string, data []byte, parts int) ([]byte, error) {
	if parts == 1 {
		return data, nil
	}
	subjects := make([]string, 0, parts-1)
	for part := 1; part < parts; part++ {
		subjects = append(subjects, p.names.part(p.number, token, part))
	}
	var others map[string]*jetstream.RawStreamMsg
	err := p.retry(ctx, "parts of a state", func() (err error) {
		others, err = p.readStates(ctx, subjects)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, subject := range subjects {
		if others[subject] == nil {
			return nil, fmt.Errorf("jetstream: state of contact %s: there is no message on %s", token, subject)
		}
		data = append(data[:len(data):len(data)], others[subject].Data...)
	}
	return data, nil
}
