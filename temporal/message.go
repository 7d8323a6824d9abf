package temporal

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/client"

	"github.com/seed-b636437c/automation"
)

// entryKind is what an entry is about.
type entryKind string

const (
	kindEvent   entryKind = "event"   // an event for a contact, or for an email
	kindRequest entryKind = "request" // a request about a run
	kindContact entryKind = "contact" // the contact was made, changed or deleted in the catalog
)

// entry is something that has happened to a contact.
type entry struct {
	Kind        entryKind         `json:"kind"`
	Event       *automation.Event `json:"event,omitempty"`
	Unannounced bool              `json:"unannounced,omitempty"`
	// RunID and Request are those of a request.
	RunID   string                `json:"run_id,omitempty"`
	Request automation.RunRequest `json:"request,omitempty"`
}

// message is what one signal brings. The entries are in their order.
type message struct {
	Format  int     `json:"format"`
	Entries []entry `json:"entries"`
}

// format is the number of the newest format of messages, states and inputs of activities that
// this release can read. A new format needs a new number.
const format = 2

// checkFormat returns an error if a newer release has written what.
func checkFormat(what string, f int) error {
	if f <= format {
		return nil
	}
	return fmt.Errorf("temporal: %s has format %d, and this release reads up to %d: update this process: %w", what, f, format, automation.ErrNewerVersion)
}

// maxMessage is about how many bytes of events one signal carries. The server refuses signals
// of 2 MB.
const maxMessage = 512 << 10

// messagesOf packs entries into as few messages as their size allows.
func messagesOf(entries []entry) (all [][]byte, err error) {
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) && (n == 0 || size < maxMessage) {
			if e := entries[n].Event; e != nil {
				size += len(e.Payload)
			}
			size += 200
			n++
		}
		packed, err := pack(message{format, entries[:n]})
		if err != nil {
			return nil, err
		}
		all, entries = append(all, packed), entries[n:]
	}
	return all, nil
}

// send gives a message to the workflow of a contact or of an email, and starts it if it does not
// run.
func (s *Store) send(ctx context.Context, key automation.ContactRef, m []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	id := s.names.workflow(key)
	_, err := s.client.SignalWithStartWorkflow(ctx, id, entriesSignal, m,
		client.StartWorkflowOptions{ID: id, TaskQueue: s.names.taskQueue()}, contactWorkflow, carried{Format: format, Key: key})
	if err != nil {
		return fmt.Errorf("temporal: workflow %q: %w", id, err)
	}
	return nil
}

// sendIfRunning gives a message to a workflow if it runs.
func (s *Store) sendIfRunning(ctx context.Context, key automation.ContactRef, m []byte) (runs bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	id := s.names.workflow(key)
	err = s.client.SignalWorkflow(ctx, id, "", entriesSignal, m)
	if isNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("temporal: workflow %q: %w", id, err)
	}
	return true, nil
}

// notify makes the workflow of a contact or of an email look at the catalog, if it runs.
func (s *Store) notify(ctx context.Context, key automation.ContactRef) error {
	m, err := pack(message{format, []entry{{Kind: kindContact}}})
	if err == nil {
		_, err = s.sendIfRunning(ctx, key, m)
	}
	return err
}
