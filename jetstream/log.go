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

// entryKind is what an entry of a log is about.
type entryKind string

const (
	kindEvent   entryKind = "event"   // an event for a contact, or for an email
	kindRequest entryKind = "request" // a request about a run
	kindContact entryKind = "contact" // the contact was made, changed or deleted in the catalog
	kindCatalog entryKind = "catalog" // an automation was made, changed or deleted
	kindTick    entryKind = "tick"    // the owner of the partition marks the time
	kindOutcome entryKind = "outcome" // the outcome of an effect of an earlier owner
	kindLook    entryKind = "look"    // contacts have work in the catalog
	kindMoved   entryKind = "moved"   // all contacts of the catalog were announced: see Move
)

// entry is one entry of the log of a partition.
type entry struct {
	Kind entryKind `json:"kind"`
	// Key is the contact, or the email of events that belong to no contact.
	Key         automation.ContactRef `json:"key,omitzero"`
	Event       *automation.Event     `json:"event,omitempty"`
	Unannounced bool                  `json:"unannounced,omitempty"`
	// ContentHash and KeyExpiresAt are those of an event with an idempotency key.
	ContentHash  string    `json:"content_hash,omitempty"`
	KeyExpiresAt time.Time `json:"key_expires_at,omitzero"`
	// RunID and Request are those of a request.
	RunID   string                `json:"run_id,omitempty"`
	Request automation.RunRequest `json:"request,omitempty"`
	Outcome *automation.Outcome   `json:"outcome,omitempty"`
	// Reply is the subject of the caller that waits until the entry was handled.
	Reply string `json:"reply,omitempty"`
	// Contacts are those of a look.
	Contacts []automation.ContactRef `json:"contacts,omitempty"`
	// At and Epoch are those of a tick: the time, and the epoch of the owner.
	At    time.Time `json:"at,omitzero"`
	Epoch uint64    `json:"epoch,omitempty"`

	Seq uint64 `json:"seq,omitempty"` // in the stream; written in a backlog only

	taken bool // an event that is pending in the catalog, and not in the log
}

// isSent reports whether the entry is an event that a step has sent: neither the log nor the catalog
// has it.
func (e *entry) isSent() bool { return e.Kind == kindEvent && e.Seq == 0 && !e.taken }

// entryMessage returns the message that appends an entry about a contact.
func (s *Store) entryMessage(key automation.ContactRef, e entry) (*nats.Msg, error) {
	e.Key = key
	return message(s.names.log(s.names.partitionOf(tokenOf(key))), e)
}

// appendChange appends an entry about a contact that was changed in the catalog. There is no need
// for it once the engine was left.
func (s *Store) appendChange(ctx context.Context, key automation.ContactRef) error {
	err := s.appendEntry(ctx, key, entry{Kind: kindContact})
	if errors.Is(err, ErrLeft) {
		return nil
	}
	return err
}

// appendEntry appends an entry about a contact to the log of its partition.
func (s *Store) appendEntry(ctx context.Context, key automation.ContactRef, e entry) error {
	msg, err := s.entryMessage(key, e)
	if err == nil {
		_, err = s.publishAll(ctx, []*nats.Msg{msg})
	}
	return err
}

// appendAndWait appends an entry, and waits until the owner of the partition has handled it and
// the catalog has what came of it.
func (s *Store) appendAndWait(ctx context.Context, key automation.ContactRef, e entry) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	e.Reply = s.nc.NewRespInbox()
	answers, err := s.nc.SubscribeSync(e.Reply)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := s.appendEntry(ctx, key, e); err != nil {
		if errors.Is(err, ErrLeft) && s.isFree(ctx) {
			return nil // the catalog has everything
		}
		return err
	}
	if _, err := answers.NextMsgWithContext(ctx); err != nil {
		return fmt.Errorf("jetstream: no worker has answered within %s, so that it is not known whether one will: %w", s.config.Timeout, err)
	}
	return nil
}

// announceCatalog tells all partitions to read the automations again before they go on.
func (s *Store) announceCatalog(ctx context.Context) error {
	err := s.appendToAll(ctx, entry{Kind: kindCatalog})
	if errors.Is(err, ErrLeft) {
		return nil // nothing has to be announced any more
	}
	return err
}

// appendToAll appends an entry to the logs of all partitions.
func (s *Store) appendToAll(ctx context.Context, e entry) error {
	for p := 0; p < s.config.Partitions; {
		var msgs []*nats.Msg
		for ; p < s.config.Partitions && len(msgs) < maxBatch; p++ {
			msg, err := message(s.names.log(p), e)
			if err != nil {
				return err
			}
			msgs = append(msgs, msg)
		}
		if _, err := s.publishAll(ctx, msgs); err != nil {
			return err
		}
	}
	return nil
}

// decodeEntry decodes an entry. It has its sequence even if the rest cannot be decoded.
func decodeEntry(msg jetstream.Msg) (e entry, err error) {
	meta, err := msg.Metadata()
	if err != nil {
		return e, err
	}
	if err = json.Unmarshal(msg.Data(), &e); err != nil {
		e, err = entry{}, fmt.Errorf("jetstream: entry: %w", err)
	}
	e.Seq = meta.Sequence.Stream
	return e, err
}
