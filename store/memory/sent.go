package memory

import (
	"bytes"

	"github.com/seed-b636437c/automation"
)

// send keeps the events of a transition as pending events of the contact, except those that
// the store has already.
func (s *Store) send(cs *contactState, events []automation.NewEvent) {
	for i := range events {
		n := &events[i]
		if s.events[n.Event.ID] == nil {
			s.keep(cs, n)
		}
	}
}

// keep adds a pending event.
func (s *Store) keep(cs *contactState, n *automation.NewEvent) *event {
	e := &n.Event
	s.seq++
	ev := &event{
		seq: s.seq, id: e.ID, name: e.Name, contact: cs, payload: bytes.Clone(e.Payload), asSent: asSentOf(cs, e),
		occurred: toMicros(e.OccurredAt), accepted: toMicros(e.AcceptedAt), unannounced: n.Unannounced,
	}
	s.events[ev.id] = ev
	cs.enqueue(ev)
	return ev
}
